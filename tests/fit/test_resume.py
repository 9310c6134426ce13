"""A killed run goes on where it was, and nothing in its student shows it."""

import contextlib
import hashlib
import json
import os
import random
import time

import pytest
import torch

from p2m import disk
from p2m.artifacts import Splits
from p2m.fit.checkpoint import WholeCheckpoints, newest
from tests.fit.conftest import TINY, examples, start
from tests.fit.conftest import job as small_job

LEFT = ("model.safetensors", "curve.jsonl", "config.json", "student.json")
SPLITS = Splits(examples(100), examples(20, 100))


def job(folder, splits, **changes):
    """With a checkpoint at every step, so that a kill falls anywhere between two."""
    return small_job(folder, splits, checkpoint_s=0, **changes)


def digests(folder):
    return {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in LEFT}


def killed(folder, rng) -> bool:
    """Starts the job and kills it with SIGKILL at a random moment of its training; whether it was
    still at work."""
    process, reader = start(folder)
    with contextlib.suppress(EOFError):
        for _ in range(rng.randint(1, 2)):
            reader.recv()
    time.sleep(rng.uniform(0, 0.3))
    process.kill()
    process.join()
    return process.exitcode != 0


def finished(folder) -> None:
    process, _ = start(folder)
    process.join()
    assert process.exitcode == 0


def compared(tmp_path, kills: int, **changes) -> None:
    """A run killed so many times leaves what an uninterrupted one leaves."""
    whole, broken = (
        job(tmp_path / "whole", SPLITS, **changes),
        job(tmp_path / "broken", SPLITS, **changes),
    )
    finished(whole)
    rng, done = random.Random(0), 0
    while done < kills and killed(broken, rng):
        done += 1
    assert done == kills, (
        "the run came to its end before it was killed as often as meant: make it longer"
    )
    finished(broken)
    assert digests(broken) == digests(whole)


def test_a_run_killed_four_times_gives_the_same_student_byte_for_byte(tmp_path):
    compared(tmp_path, 4)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_a_run_killed_at_twenty_five_moments_gives_the_same_student_byte_for_byte(
    tmp_path, precision
):
    """As a student from scratch trains: by p2m's own forward, with residual dropout, in bf16 where
    there is hardware for it."""
    lean = {"config": TINY | {"dropout_rate": 0.0}, "residual_dropout": 0.1, "precision": precision}
    compared(tmp_path, 25, max_examples=8000, valid_every=800, **lean)


@pytest.mark.slow
def test_a_run_killed_fifty_times_gives_the_same_student_byte_for_byte(tmp_path):
    """By transformers' forward, with dropout of its own."""
    compared(tmp_path, 50, max_examples=16_000, valid_every=1600)


@pytest.mark.parametrize("optimizer", ["adamw", "adafactor"])
def test_every_optimizer_goes_on_as_it_was(tmp_path, optimizer):
    compared(tmp_path, 1, optimizer=optimizer, max_examples=240)


def test_a_checkpoint_that_lost_its_end_is_passed_over_for_the_one_before(tmp_path):
    whole, broken = job(tmp_path / "whole", SPLITS), job(tmp_path / "broken", SPLITS)
    finished(whole)
    rng, states = random.Random(0), []
    while len(states) < 2:  # a slow machine has saved but once when it is killed
        assert killed(broken, rng)
        states = sorted(
            p for p in (broken / "checkpoints").glob("*/state.pt") if p.parent.suffix != ".part"
        )
    os.truncate(states[-1], states[-1].stat().st_size // 2)
    assert newest(broken / "checkpoints") == states[-2].parent
    finished(broken)
    assert digests(broken) == digests(whole)


def test_where_best_weights_are_broken_the_checkpoint_before_is_taken_if_it_has_its_own(tmp_path):
    for step in (1, 2):
        file = tmp_path / f"best-{step}.safetensors"
        disk.write_bytes(file, b"weights")
        best = {"file": file.name, "sha256": disk.digest(file)}
        WholeCheckpoints().save_checkpoint({"callbacks": {"Best": best}}, tmp_path / f"{step}")
    os.truncate(tmp_path / "best-1.safetensors", 3)
    assert newest(tmp_path) == tmp_path / "2"
    os.truncate(tmp_path / "best-2.safetensors", 3)
    assert newest(tmp_path) == tmp_path / "2", "the newer of two that have lost them"
    disk.write_bytes(tmp_path / "best-1.safetensors", b"weights")
    assert newest(tmp_path) == tmp_path / "1"
    assert not (tmp_path / "2").exists()


def test_training_goes_on_without_best_weights_that_a_disk_lost_and_tells_of_them(tmp_path):
    folder = job(tmp_path / "job", SPLITS)
    finished(folder)
    last = newest(folder / "checkpoints")
    step = torch.load(last / "state.pt", weights_only=True)["fit"]["step"]
    assert step > 0
    for name in ("student.json", "model.safetensors"):
        (folder / name).unlink()
    for best in (folder / "checkpoints").glob("best-*"):
        os.truncate(best, 10)
    before = (folder / "curve.jsonl").read_bytes()
    finished(folder)
    (at,) = (
        i
        for i, line in enumerate(map(json.loads, (folder / "curve.jsonl").read_text().splitlines()))
        if "note" in line
    )
    assert (folder / "curve.jsonl").read_bytes().splitlines()[:at] == before.splitlines()[:at], (
        "nothing was trained anew"
    )
    assert at > 1
    assert (folder / "model.safetensors").exists()


def test_two_checkpoints_are_kept(tmp_path):
    folder = job(tmp_path / "job", SPLITS)
    finished(folder)
    assert len(list((folder / "checkpoints").glob("[0-9]*"))) == 2


def test_a_checkpoint_holds_nothing_but_data(tmp_path):
    folder = job(tmp_path / "job", SPLITS, max_examples=80)
    finished(folder)
    state = torch.load(newest(folder / "checkpoints") / "state.pt", weights_only=True)
    assert state["fit"]["step"] == 10
    assert set(state["fit"]) == {"step", "examples", "seconds", "max_tokens"}
