"""Several processes that train one student: the same curve as one process with the same batches, and one stop for all."""

import json
import sys
from pathlib import Path

import pytest

from p2m.artifacts import Splits
from p2m.errors import UserError
from p2m.trainer import _process
from tests.trainer.conftest import TINY, examples, fit_here, job
from tests.trainer.test_lightning import Shown, children

SPLITS = Splits(examples(100), examples(20, 100))
SAME = {"config": TINY | {"dropout_rate": 0.0}}


def curve(folder):
    return [json.loads(line) for line in (folder / "curve.jsonl").read_text(encoding="utf-8").splitlines()]


def test_two_processes_give_the_curve_of_one(tmp_path):
    """With batches in parts too, of which the processes need not have equally many."""
    one, two = (job(tmp_path / str(n), SPLITS, devices=n, batch_size=32, max_tokens=200, max_examples=960, **SAME) for n in (1, 2))
    fit_here(one)
    student = _process.fit(two, Shown())
    assert (student.folder / "model.safetensors").exists()
    pairs = list(zip(curve(one), curve(two), strict=True))
    assert len(pairs) > 15
    for alone, shared in pairs:
        assert alone.keys() == shared.keys()
        assert all(shared[name] == pytest.approx(alone[name], abs=1e-4) for name in alone)


def test_two_processes_are_stopped_together_and_go_on_as_if_never_stopped(tmp_path):
    def interrupt():
        raise KeyboardInterrupt

    whole, broken = (job(tmp_path / name, SPLITS, devices=2, batch_size=32, max_examples=6400, checkpoint_s=1000) for name in ("a", "b"))
    with pytest.raises(KeyboardInterrupt):
        _process.fit(broken, Shown(interrupt))
    assert children() == []
    assert len(list((broken / "checkpoints").glob("[0-9]*"))) == 1
    for folder in (whole, broken):
        _process.fit(folder, Shown())
    assert all((whole / name).read_bytes() == (broken / name).read_bytes() for name in ("model.safetensors", "curve.jsonl"))


def test_a_launcher_may_start_the_processes(tmp_path):
    folder = job(tmp_path / "a", SPLITS, devices=2, batch_size=32, max_examples=320)
    launch = [str(Path(sys.executable).with_name("torchrun")), "--nproc-per-node=2"]
    student = _process.fit(folder, Shown(), launch)
    assert (student.folder / "model.safetensors").exists()


def test_a_launcher_that_is_not_there_is_told(tmp_path):
    with pytest.raises(UserError, match=r"trainer\.launch: no command 'nowhere' on this machine"):
        _process.fit(job(tmp_path / "a", SPLITS), Shown(), ["nowhere"])
