"""Several processes that train one student: the same curve as one process with the same batches,
and one stop for all.

Most of them are forked from a process where torch is loaded, and take their places as torchrun
gives
them; those that Lightning and a launcher start are the slow ones, but for one of each.
"""

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from p2m.artifacts import Splits
from p2m.engine import decode
from p2m.errors import Stopped, UserError
from p2m.fit.checkpoint import WholeCheckpoints
from p2m.fit.module import StudentModule
from p2m.fit.place import Place
from p2m.fit.sharded import Sharded
from p2m.fit.train import _environments, fit
from p2m.student.build import find
from p2m.trainer import _process
from tests.doubles import make_work
from tests.fit.conftest import CONTEXT, TINY, examples, fit_here, job
from tests.fit.test_kinds import CASES

SPLITS = Splits(examples(100), examples(20, 100))
SAME = {"config": TINY | {"dropout_rate": 0.0}, "residual_dropout": 0.0}
LEFT = ("model.safetensors", "curve.jsonl")


def curve(folder):
    return list(map(json.loads, (folder / "curve.jsonl").read_text(encoding="utf-8").splitlines()))


def same(one: Path, other: Path) -> bool:
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in LEFT)


class Stop:
    """Asks for a stop once training has gone on for so many steps."""

    def __init__(self, steps: int | None) -> None:
        self.steps = steps

    def __call__(self) -> int:
        if self.steps is None:
            return 0
        self.steps -= 1
        return signal.SIGTERM if self.steps <= 0 else 0


def be(rank: int, folder: Path, port: int, steps: int | None, tight: bool) -> None:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": "tests",
    }
    if tight and rank == 1:
        loss = StudentModule.loss

        def short(self, part):
            if part[0].numel() + part[1].numel() > 150:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return loss(self, part)

        StudentModule.loss = short
    try:
        fit(folder, lambda message: None, Stop(steps))
    except Stopped as stopped:
        os._exit(stopped.code)


def fit_both(folder: Path, steps: int | None = None, tight: bool = False) -> None:
    """Trains in two processes, to the end or until both are stopped after so many steps.

    tight: the second has memory for parts of 150 tokens.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = [CONTEXT.Process(target=be, args=(r, folder, port, steps, tight)) for r in (0, 1)]
    for process in both:
        process.start()
    for process in both:
        process.join(120)
    assert [process.exitcode for process in both] == [143 if steps else 0] * 2


@pytest.mark.parametrize(
    ("strategy", "optimizer", "near"),
    [
        ("auto", "adamw", {"abs": 1e-4}),
        ("auto", "muon", {"rel": 1e-4}),
        ("fsdp", "adamw", {"abs": 1e-4}),
    ],  # muon rounds to bf16 on its way
)
def test_two_processes_give_the_curve_of_one(tmp_path, strategy, optimizer, near):
    """With batches in parts too, of which the processes need not have equally many, and with
    examples that come in pairs."""
    both = {
        "optimizer": optimizer,
        "strategy": strategy,
        "batch_size": 32,
        "max_tokens": 200,
        "max_examples": 640,
        "concatenate": 0.5,
        **SAME,
    }
    one, two = (job(tmp_path / str(n), SPLITS, devices=n, **both) for n in (1, 2))
    alone_student = fit_here(one)
    fit_both(two)
    asked = [row.input for row in SPLITS.valid]
    assert decode.load(find(two)).answers(asked) == decode.load(alone_student).answers(asked)
    pairs = list(zip(curve(one), curve(two), strict=True))
    assert len(pairs) > 10
    for alone, shared in pairs:
        assert alone.keys() == shared.keys()
        assert all(shared[name] == pytest.approx(alone[name], **near) for name in alone)


def test_where_the_memory_of_one_process_does_not_suffice_all_take_smaller_parts_and_go_on_so(
    tmp_path,
):
    """With the curve of one that has plenty; and a run that was stopped goes on as if it never
    was."""
    both = {"optimizer": "adamw", "batch_size": 32, "max_examples": 320, "checkpoint_s": 0, **SAME}
    plenty = job(tmp_path / "plenty", SPLITS, **both)
    whole, broken = (job(tmp_path / name, SPLITS, devices=2, **both) for name in "ab")
    fit_here(plenty)
    fit_both(whole, tight=True)
    for tight, wide in zip(curve(whole), curve(plenty), strict=True):
        assert tight.keys() == wide.keys()
        assert all(tight[name] == pytest.approx(wide[name], abs=1e-4) for name in wide)
    assert most_tokens(whole) <= 150 < most_tokens(plenty)
    fit_both(broken, steps=3, tight=True)
    assert most_tokens(broken) <= 150
    fit_both(broken, tight=True)
    assert same(whole, broken)


def most_tokens(folder: Path) -> int:
    """Of a pass through the model, as the last checkpoint has it."""
    last = max((folder / "checkpoints").glob("[0-9]*"))
    return torch.load(last / "state.pt", weights_only=True)["fit"]["max_tokens"]


def test_two_processes_may_have_unequally_many_validation_batches(tmp_path):
    """Of a student with buffers, which torch would exchange at each look, had Lightning not put an
    end to that after the first step."""
    config, splits = CASES["decoder-only"]
    splits = replace(splits, train=examples(40), valid=examples(1, 100))
    how = {"kind": "decoder-only", "devices": 2, "max_examples": 80, "valid_every": 40}
    folder = job(tmp_path, splits, config, **how)
    fit_both(folder)
    assert [point["step"] for point in curve(folder) if "valid_loss" in point] == [5, 10]


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_processes_are_stopped_together_and_go_on_as_if_never_stopped(tmp_path, strategy):
    both = {"devices": 2, "strategy": strategy, "batch_size": 32, "max_examples": 320}
    both["checkpoint_s"] = 1000
    whole, broken = (job(tmp_path / name, SPLITS, **both) for name in ("a", "b"))
    fit_both(broken, steps=4)
    assert len(list((broken / "checkpoints").glob("[0-9]*"))) == 1
    for folder in (whole, broken):
        fit_both(folder)
    assert same(whole, broken)


class Interrupting:
    """A bar at whose first move the user presses Ctrl-C."""

    @contextlib.contextmanager
    def __call__(self, total, unit):
        yield self

    def advance(self, n: float = 1) -> None:
        raise KeyboardInterrupt

    def note(self, text: str) -> None: ...


def test_processes_that_lightning_starts_end_with_the_one_that_started_them(tmp_path):
    folder = job(
        tmp_path / "a",
        SPLITS,
        devices=2,
        strategy="ddp",
        batch_size=32,
        max_examples=640_000,
        checkpoint_s=1000,
    )
    with pytest.raises(KeyboardInterrupt):
        _process.fit(make_work(folder, "trainer", Interrupting()))
    assert len(list((folder / "checkpoints").glob("[0-9]*"))) == 1
    deadline = time.monotonic() + 30  # the second leaves when the first has
    while of_folder(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not of_folder(folder)


def of_folder(folder: Path) -> list[int]:
    """The processes that train there, the first one first."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            # Lightning starts p2m.fit.__main__
            trains = any(word.startswith(b"p2m.fit") for word in words)
            if trains and os.fsencode(folder) in words:
                found.append(int(path.parent.name))
    return sorted(found)


def killed(folder: Path, rng: random.Random, alone: bool) -> None:
    """Kills both processes at a random moment of training; alone: only the second, whereupon the
    first has to end by itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "p2m.fit", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=_process.environment(False),
    )
    progress = (line for line in process.stdout if b"point" not in line)
    for _ in range(rng.randint(2, 6)):
        assert next(progress, None), "the run came to its end before it was killed"
    time.sleep(rng.uniform(0, 0.3))
    both = of_folder(folder)
    assert len(both) == 2
    for pid in both[1:] if alone else both:
        os.kill(pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert of_folder(folder) == []


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
        "checkpoint_s": 0,
    }
    whole, broken = (job(tmp_path / name, SPLITS, **long) for name in ("a", "b"))
    rng = random.Random(0)
    for kill in range(kills):
        killed(broken, rng, alone=kill % 2 == 1)
    for folder in (whole, broken):
        _process.fit(make_work(folder, "trainer"))
    assert same(whole, broken)


@pytest.mark.parametrize(
    "starter",
    [pytest.param((), marks=pytest.mark.slow), ("env",)],
    ids=["alone", "through another"],
)
def test_a_launcher_may_start_the_processes(tmp_path, monkeypatch, starter):
    """In a folder with a file that is called like a module."""
    (tmp_path / "random.py").write_text("raise SystemExit('not the random that was meant')\n")
    monkeypatch.chdir(tmp_path)
    folder = job(tmp_path / "a", SPLITS, devices=2, batch_size=32, max_examples=320)
    torchrun = [str(Path(sys.executable).with_name("torchrun")), "--nproc-per-node=2"]
    student = _process.fit(make_work(folder, "trainer"), [*starter, *torchrun])
    assert (student.folder / "model.safetensors").exists()


@pytest.mark.parametrize("name", ["WORLD_SIZE", "SLURM_STEP_NUM_TASKS"])
def test_processes_that_are_not_as_many_as_was_set_are_told(tmp_path, monkeypatch, name):
    """As torchrun and srun tell them how many they are."""
    monkeypatch.setenv(name, "4")
    said = (
        "trainer.parallel.launch: the launcher started 4 processes, and trainer.parallel.devices=1"
        " on trainer.parallel.nodes=1 are 1; set both to what it starts, and"
        " trainer.parallel.strategy to ddp or fsdp"
    )
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        fit_here(job(tmp_path, SPLITS, devices=1))


def test_processes_that_slurm_started_are_its_own_in_an_interactive_allocation_too(monkeypatch):
    monkeypatch.setenv("SLURM_PROCID", "0")
    monkeypatch.setenv("SLURM_JOB_NAME", "interactive")
    two, one = (Place("cpu", False, n, 1, 1, "ddp") for n in (2, 1))
    (place,) = _environments(two)
    assert (place.creates_processes_externally, place.auto_requeue) == (True, False)
    assert _environments(one) == []
    monkeypatch.setenv("RANK", "0")  # torchrun within an allocation
    assert _environments(two) == []


def test_a_process_that_comes_late_to_a_checkpoint_finds_it_written_and_goes_on(tmp_path):
    from lightning_fabric.plugins.environments import LightningEnvironment

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
