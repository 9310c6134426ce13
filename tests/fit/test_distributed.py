"""Several processes that train one student: the same curve as one process with the same batches, and one stop for all."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from p2m.artifacts import Splits, Student
from p2m.engine import decode
from p2m.errors import UserError
from p2m.trainer import _process
from tests.fit.conftest import TINY, component, examples, fit_here, job
from tests.fit.test_kinds import CASES
from tests.trainer.test_lightning import Shown, children

SPLITS = Splits(examples(100), examples(20, 100))
SAME = {"config": TINY | {"dropout_rate": 0.0}, "residual_dropout": 0.0}


def curve(folder):
    return [
        json.loads(line)
        for line in (folder / "curve.jsonl").read_text(encoding="utf-8").splitlines()
    ]


@pytest.mark.parametrize(
    ("strategy", "optimizer", "near"),
    [
        ("auto", "adamw", {"abs": 1e-4}),
        ("auto", "muon", {"rel": 1e-4}),
        ("fsdp", "adamw", {"abs": 1e-4}),
    ],  # muon rounds to bf16 on its way
)
def test_two_processes_give_the_curve_of_one(tmp_path, strategy, optimizer, near):
    """With batches in parts too, of which the processes need not have equally many, and with examples that come in pairs."""
    both = {
        "optimizer": optimizer,
        "strategy": strategy,
        "batch_size": 32,
        "max_tokens": 200,
        "max_examples": 960,
        "concatenate": 0.5,
        **SAME,
    }
    one, two = (job(tmp_path / str(n), SPLITS, devices=n, **both) for n in (1, 2))
    alone_student = Student(one, **fit_here(one)["student"])
    student = _process.fit(two, Shown())
    asked = [row.input for row in SPLITS.valid]
    assert decode.load(student).answers(asked) == decode.load(alone_student).answers(asked)
    pairs = list(zip(curve(one), curve(two), strict=True))
    assert len(pairs) > 15
    for alone, shared in pairs:
        assert alone.keys() == shared.keys()
        assert all(shared[name] == pytest.approx(alone[name], **near) for name in alone)


TIGHT = """
import os, torch
from p2m.fit.module import Fit

loss = Fit.loss

def tight(self, part):
    if os.environ.get("LOCAL_RANK") == "1" and part[0].numel() + part[1].numel() > 150:
        raise torch.OutOfMemoryError("CUDA out of memory")
    return loss(self, part)

Fit.loss = tight
"""


def test_where_the_memory_of_one_process_does_not_suffice_all_take_smaller_parts_and_the_curve_stays(
    tmp_path,
):
    (tmp_path / "sitecustomize.py").write_text(TIGHT, encoding="utf-8")
    both = {
        "optimizer": "adamw",
        "batch_size": 32,
        "max_examples": 320,
        "checkpoint_s": 0,
        "devices": 2,
        **SAME,
    }
    plenty, short = (job(tmp_path / name, SPLITS, **both) for name in ("plenty", "short"))
    _process.fit(plenty, Shown())
    _process.fit(
        short, Shown(), ["env", f"PYTHONPATH={tmp_path}:{os.environ.get('PYTHONPATH', '')}"]
    )
    assert [point["step"] for point in curve(short)] == [point["step"] for point in curve(plenty)]
    for tight, wide in zip(curve(short), curve(plenty), strict=True):
        assert all(tight[name] == pytest.approx(wide[name], abs=1e-4) for name in wide)
    narrow, usual = (most_tokens(folder) for folder in (short, plenty))
    assert narrow <= 150 < usual


def test_a_run_that_found_memory_too_small_goes_on_as_if_never_stopped(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(TIGHT, encoding="utf-8")
    launch = ["env", f"PYTHONPATH={tmp_path}:{os.environ.get('PYTHONPATH', '')}"]

    def interrupt():
        raise KeyboardInterrupt

    whole, broken = (
        job(tmp_path / name, SPLITS, batch_size=32, max_examples=6400, checkpoint_s=1000, devices=2)
        for name in "ab"
    )
    with pytest.raises(KeyboardInterrupt):
        _process.fit(broken, Shown(interrupt), launch)
    assert most_tokens(broken) <= 150
    for folder in (whole, broken):
        _process.fit(folder, Shown(), launch)
    assert all(
        (whole / name).read_bytes() == (broken / name).read_bytes()
        for name in ("model.safetensors", "curve.jsonl")
    )


def most_tokens(folder: Path) -> int:
    """Of a pass through the model, as the last checkpoint has it."""
    last = max((folder / "checkpoints").glob("[0-9]*"))
    return torch.load(last / "state.pt", weights_only=True)["fit"]["max_tokens"]


def test_two_processes_may_have_unequally_many_validation_batches(tmp_path):
    """Of a student with buffers, which torch would exchange at each look, had Lightning not put an end to that after the first step."""
    config, splits = CASES["decoder-only"]
    splits = replace(splits, train=examples(40), valid=examples(1, 100))
    folder = job(
        tmp_path,
        splits,
        config,
        kind="decoder-only",
        devices=2,
        batch_size=8,
        max_examples=80,
        valid_every=40,
    )
    _process.fit(folder, Shown())
    assert [point["step"] for point in curve(folder) if "valid" in point] == [5, 10]


@pytest.mark.parametrize(
    ("strategy", "n"), [("ddp", 6400), ("fsdp", 3200)]
)  # long enough to be stopped on the way
def test_two_processes_are_stopped_together_and_go_on_as_if_never_stopped(tmp_path, strategy, n):
    def interrupt():
        raise KeyboardInterrupt

    both = {
        "devices": 2,
        "strategy": strategy,
        "batch_size": 32,
        "max_examples": n,
        "checkpoint_s": 1000,
    }
    whole, broken = (job(tmp_path / name, SPLITS, **both) for name in ("a", "b"))
    with pytest.raises(KeyboardInterrupt):
        _process.fit(broken, Shown(interrupt))
    assert children() == []
    assert len(list((broken / "checkpoints").glob("[0-9]*"))) == 1
    for folder in (whole, broken):
        _process.fit(folder, Shown())
    assert all(
        (whole / name).read_bytes() == (broken / name).read_bytes()
        for name in ("model.safetensors", "curve.jsonl")
    )


def ranks(group: int) -> list[int]:
    """The processes of a group that train, the first one first."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if (
                int(fields[2]) == group
                and fields[0] != "Z"
                and b"p2m.fit.train" in (path.parent / "cmdline").read_bytes()
            ):
                found.append(int(path.parent.name))
    return sorted(found)


def killed(folder: Path, rng: random.Random, alone: bool) -> None:
    """Kills both processes at a random moment of training; alone: only the second, whereupon the first has to end by itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "p2m.fit.train", str(folder)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True, env=_process._environment(False),
    )  # fmt: skip
    for _ in range(rng.randint(2, 6)):
        assert process.stdout.readline(), "the run came to its end before it was killed"
    time.sleep(rng.uniform(0, 0.3))
    both = ranks(process.pid)
    assert len(both) == 2
    for pid in both[1:] if alone else both:
        os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert ranks(process.pid) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "n", "kills"), [("ddp", 16_000, 4), ("fsdp", 3_000, 2)]
)  # with fsdp a checkpoint takes its time
def test_two_processes_killed_at_random_steps_give_the_student_of_a_run_that_was_not(
    tmp_path, strategy, n, kills
):
    long = {
        "devices": 2,
        "strategy": strategy,
        "batch_size": 32,
        "max_examples": n,
        "valid_every": n // 10,
    }
    whole, broken = (job(tmp_path / name, SPLITS, **long) for name in ("a", "b"))
    rng = random.Random(0)
    for kill in range(kills):
        killed(broken, rng, alone=kill % 2 == 1)
    for folder in (whole, broken):
        _process.fit(folder, Shown())
    assert all(
        (whole / name).read_bytes() == (broken / name).read_bytes()
        for name in ("model.safetensors", "curve.jsonl")
    )


@pytest.mark.parametrize("starter", [(), ("env",)], ids=["alone", "through another"])
def test_a_launcher_may_start_the_processes(tmp_path, starter):
    folder = job(tmp_path / "a", SPLITS, devices=2, batch_size=32, max_examples=320)
    torchrun = [str(Path(sys.executable).with_name("torchrun")), "--nproc-per-node=2"]
    student = _process.fit(folder, Shown(), [*starter, *torchrun])
    assert (student.folder / "model.safetensors").exists()


def test_a_launcher_that_is_not_there_is_told_before_anything_is_paid():
    said = "launch: no command 'nowhere' on this machine; give its path, or leave launch empty on one machine"
    assert list(component(launch=["nowhere"]).ready()) == [said]


@pytest.mark.parametrize("name", ["WORLD_SIZE", "SLURM_STEP_NUM_TASKS"])
def test_processes_that_are_not_as_many_as_was_set_are_told(tmp_path, monkeypatch, name):
    """As torchrun and srun tell them how many they are."""
    monkeypatch.setenv(name, "4")
    said = (
        "trainer.launch: the launcher started 4 processes, and trainer.devices=1 on trainer.nodes=1 are 1;"
        " set both to what it starts, and trainer.strategy to ddp or fsdp"
    )
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        fit_here(job(tmp_path, SPLITS, devices=1))


def test_processes_that_slurm_started_are_its_own_in_an_interactive_allocation_too(monkeypatch):
    from p2m.fit import train as _fit

    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setenv("SLURM_JOB_NAME", "interactive")
    two, one = (SimpleNamespace(devices=n, nodes=1) for n in (2, 1))
    (place,) = _fit._places(two)
    assert (place.creates_processes_externally, place.auto_requeue) == (True, False)
    assert _fit._places(one) == []
    monkeypatch.setenv("RANK", "0")  # torchrun within an allocation
    assert _fit._places(two) == []


def test_several_machines_need_a_launcher():
    with pytest.raises(
        ValueError,
        match=r'^nodes=2 needs launch, the words that start a process on each machine, such as \[srun,"--nodes=2"\]$',
    ):
        component(nodes=2)


@pytest.mark.parametrize("more", [{"strategy": "ddp"}, {"nodes": 2}])
def test_how_many_processes_a_launcher_starts_has_to_be_said(more):
    said = "devices=auto is not known where launch starts the processes; set it to how many it starts on each machine"
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        component(devices="auto", launch=["srun"], **more)
    assert component(devices="auto", launch=["env"]).launch == ["env"], (
        "which starts one process as it is"
    )


def test_what_needs_whole_weights_is_refused_where_they_are_shared_out():
    with pytest.raises(
        ValueError,
        match=r"^optimizer=muon needs whole weights; with strategy=fsdp set optimizer=auto or adamw$",
    ):
        component(strategy="fsdp", optimizer="muon")
    with pytest.raises(
        ValueError,
        match=r"^compile=true needs whole weights; with strategy=fsdp set compile=false$",
    ):
        component(strategy="fsdp", optimizer="adamw", compile=True)


def test_a_process_that_comes_late_to_a_checkpoint_finds_it_written_and_goes_on(tmp_path):
    from lightning_fabric.plugins.environments import LightningEnvironment

    from p2m.fit.checkpoint import WholeCheckpoints
    from p2m.fit.sharded import Sharded

    place, state = tmp_path / "000000012", {"callbacks": {"Best": {"file": ""}}}
    for rank in (1, 0, 1):  # the second may be there before the first has written, and after it
        strategy = Sharded(2, "gloo")
        strategy.cluster_environment, strategy.checkpoint_io = (
            LightningEnvironment(),
            WholeCheckpoints(),
        )
        strategy.cluster_environment.set_global_rank(rank)
        there = place.is_dir()
        strategy.save_checkpoint(state, place)
        assert place.is_dir() == (there or rank == 0)


def test_a_place_among_the_jobs_of_a_cluster_is_no_rank_of_the_training(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_PROCID", "3")
    monkeypatch.setenv("RANK", "1")
    assert (
        _process.fit(job(tmp_path / "a", SPLITS, max_examples=80), Shown()).folder
        / "model.safetensors"
    ).exists()
