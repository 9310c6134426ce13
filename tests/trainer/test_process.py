"""The training process as the component meets it: started, stopped, killed, and its errors told."""

import contextlib
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from p2m.artifacts import Choice, ExampleFile, Splits, write_rows
from p2m.errors import DiskFullError, IncompleteError, UserError
from p2m.fit.plan import read_plan
from p2m.stages import Work
from p2m.trainer import _process
from tests.doubles import make_work
from tests.fit.conftest import ROOT, TINY, component, examples, fit_here, job

SPLITS = Splits(examples(60), examples(20, 60))
CHOICE = Choice("scratch", None, "encoder-decoder", TINY)


class Shown:
    """A bar that keeps what it was told, and does something at the first move."""

    def __init__(self, at_first=lambda: None) -> None:
        self.total, self.at, self.notes, self.at_first = None, 0.0, [], at_first

    @contextlib.contextmanager
    def __call__(self, total, unit):
        self.total, self.unit = total, unit
        yield self

    def advance(self, n: float = 1) -> None:
        self.at += n
        act, self.at_first = self.at_first, lambda: None
        act()

    def note(self, text: str) -> None:
        self.notes.append(text)


def work(folder: Path, bar=None, point=lambda figures: None) -> Work:
    return replace(make_work(folder, "trainer", bar), point=point)


def run(folder: Path, bar=None, splits: Splits = SPLITS, **changes):
    return component(**changes).run(CHOICE, splits, work(folder, bar))


def test_a_run_that_was_killed_after_its_training_does_not_train_again(tmp_path):
    first = fit_here(job(tmp_path / "job", SPLITS, max_examples=80))
    weights = (first.folder / "model.safetensors").stat().st_mtime_ns
    assert (tmp_path / "job/checkpoints").is_dir(), "what it had not yet removed"
    shown = Shown()
    assert run(tmp_path / "job", shown) == first
    assert shown.total is None, "no process was started"
    assert (first.folder / "model.safetensors").stat().st_mtime_ns == weights
    assert not (tmp_path / "job/checkpoints").exists()


def children() -> list[int]:
    """Processes that this one started and that train."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if (
                b"p2m.fit" in path.read_bytes().split(b"\0")
                and int(re.search(r"PPid:\s+(\d+)", (path.parent / "status").read_text())[1])
                == os.getpid()
            ):
                found.append(int(path.parent.name))
    return found


def interrupt() -> None:
    raise KeyboardInterrupt


def test_an_interrupted_run_goes_on_and_leaves_the_student_of_an_uninterrupted_one(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "a", Shown(interrupt), checkpoint_s=1000)
    assert children() == []
    assert len(list((tmp_path / "a/checkpoints").glob("[0-9]*"))) == 1, (
        "what is told to stop first keeps where it is"
    )
    bar = Shown()
    student = run(tmp_path / "a", bar, checkpoint_s=1000)
    fit_here(job(tmp_path / "b", SPLITS))
    assert (student.folder, student.max_input, student.max_output, student.kind) == (
        tmp_path / "a",
        64,
        16,
        "encoder-decoder",
    )
    left = {p.name for p in student.folder.iterdir()}
    assert left == {
        "model.safetensors",
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "student.json",
        "curve.jsonl",
    }
    assert all(
        (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        for name in left
    )
    assert (
        bar.total == bar.at == 480
    )  # eight passes over 60 examples, in eight batches of seven or eight each
    assert bar.notes[-1].startswith("valid ")


def test_a_process_that_is_killed_is_told_with_the_likely_cause(tmp_path):
    with pytest.raises(
        UserError,
        match=(
            r"was killed \(signal 9\), most likely because memory ran out \(a smaller "
            r"trainer\.max_tokens needs less\), or"
        ),
    ):
        run(tmp_path / "a", Shown(lambda: os.kill(children()[0], signal.SIGKILL)))


def test_the_end_of_the_log_of_a_process_that_crashed_is_shown(tmp_path):
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(
        UserError,
        match=(
            r"(?s)the process that trains ended with exit code 1\. The same command goes on "
            r".*Field required"
        ),
    ):
        _process.fit(work(tmp_path))


def test_what_a_launcher_says_is_no_message_and_a_whole_student_counts_whatever_it_ends_with(
    tmp_path,
):
    """It may label lines, as srun --label does, or crash on its way out."""
    folder = job(tmp_path / "a", SPLITS)
    labelled = 'echo "to work"; "$@" | sed "s/^/0: /"; exit 3'
    shown = Shown()
    student = _process.fit(work(folder, shown), ["bash", "-c", labelled, "bash"])
    assert (student.folder / "model.safetensors").exists()
    assert shown.notes
    assert (folder / "fit.log").read_text().startswith("to work\n")


def test_what_the_process_cannot_do_is_raised_as_its_own_kind(tmp_path):
    folder = job(tmp_path / "a", SPLITS, lr=1e30, warmup_steps=0)
    with pytest.raises(IncompleteError, match=r"^trainer: the loss is nan at step "):
        _process.fit(work(folder))


def test_the_points_of_the_curve_are_told_while_it_trains(tmp_path):
    points = []
    folder = job(tmp_path / "a", SPLITS, max_examples=160)
    _process.fit(work(folder, point=points.append))
    lines = map(json.loads, (folder / "curve.jsonl").read_text().splitlines()[1:])
    assert [{k: v for k, v in point.items() if k != "seconds"} for point in points] == [*lines]
    assert [set(point) for point in points[:2]] == [
        {"step", "examples", "seconds", "loss", "lr"},
        {"step", "examples", "seconds", "valid_loss", "exact_match"},
    ]
    seconds = [point["seconds"] for point in points]
    assert 0 < seconds[0] <= seconds[-1] < 600
    assert seconds == sorted(seconds)


def test_a_file_in_the_working_folder_is_no_module_of_the_training(tmp_path, monkeypatch):
    (tmp_path / "random.py").write_text("raise SystemExit('not the random that was meant')\n")
    monkeypatch.chdir(tmp_path)
    folder = job(tmp_path / "a", SPLITS, max_examples=80)
    assert (_process.fit(work(folder)).folder / "model.safetensors").exists()


def test_a_place_among_the_jobs_of_a_cluster_is_no_rank_of_the_training(monkeypatch):
    monkeypatch.setenv("SLURM_PROCID", "3")
    monkeypatch.setenv("RANK", "1")
    assert {"SLURM_PROCID", "RANK"} <= set(_process.environment(True))
    assert not {"SLURM_PROCID", "RANK"} & set(_process.environment(False))


def test_training_ends_when_the_one_who_started_it_dies(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); from pathlib import Path; from "
        "tests.trainer.test_process import Shown, run\n"
        "run(Path(sys.argv[1]), Shown(lambda: print('begun', flush=True)), max_examples=10_000_000)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "a"), str(ROOT)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout.readline() == "begun\n"
    child = next(
        int(p.parent.name)
        for p in Path("/proc").glob("[0-9]*/cmdline")
        if str(tmp_path / "a").encode() in p.read_bytes() and b"p2m.fit" in p.read_bytes()
    )
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{child}").exists()


def test_a_word_to_nobody_does_not_keep_it_from_its_last_checkpoint():
    code = (
        "from p2m.fit.__main__ import Voice; v = Voice(); input(); v.say({'examples': 1}); "
        "v.say({'examples': 2})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    process.stdout.close()
    process.stdin.write(b"\n")
    process.stdin.close()
    assert b"Traceback" not in process.stderr.read().split(b"Exception ignored")[0]
    process.stderr.close()
    assert process.wait() == 0


@pytest.mark.parametrize(
    ("splits", "every_s"),
    [(SPLITS, 0), (Splits(SPLITS.train), 1000)],
    ids=["in a checkpoint", "in the student alone"],
)
def test_a_disk_that_fills_up_is_told_and_training_goes_on_when_there_is_room(
    tmp_path, splits, every_s
):
    """A limit on the size of files stands for it."""
    folder = job(tmp_path / "a", splits, max_examples=160, checkpoint_s=every_s)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(
            DiskFullError,
            match=r"no room left to write \(File too large; .* then start the same command",
        ):
            _process.fit(work(folder))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (fit_here(folder).folder / "model.safetensors").exists()


def test_no_example_to_train_on_is_told_before_a_process_starts(tmp_path):
    with pytest.raises(
        IncompleteError,
        match=(
            "trainer: no example is left to train on; see what was dropped and why, or give more "
            "examples"
        ),
    ):
        run(tmp_path / "a", splits=Splits())


def test_rows_on_disk_are_read_where_they_are(tmp_path):
    write_rows(tmp_path / "train.jsonl", examples(3))
    splits = Splits(ExampleFile(tmp_path / "train.jsonl"), examples(2))
    plan = read_plan(job(tmp_path / "a", splits))
    assert plan.train == tmp_path / "train.jsonl"
    assert plan.valid == tmp_path / "a/valid.jsonl"
    assert len(plan.valid.read_text().splitlines()) == 2


def test_keys_of_teachers_stay_here(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    monkeypatch.setenv("HF_HOME", "/somewhere")
    assert "canary" not in _process.environment(False).values()
    assert _process.environment(False)["HF_HOME"] == "/somewhere"
