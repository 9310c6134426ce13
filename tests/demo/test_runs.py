"""Which run a page is for, and what it says about it."""

import shutil
import time
from pathlib import Path

import pytest

from p2m import artifacts
from p2m import runs as folders
from p2m.demo import runs as demo
from p2m.demo.page import answer_with
from p2m.engine import decode
from p2m.errors import InputError, UsageError

FIRST, SECOND = "runs/2026-01-30/09-00-00-000001", "runs/2026-01-31/10-00-00-000002"


@pytest.fixture
def runs(tmp_path, monkeypatch, make_run):
    """Two runs, the second made later, under outputs/ of the working folder."""
    monkeypatch.chdir(tmp_path)
    runs = []
    for name in (FIRST, SECOND):
        runs.append(make_run(Path("outputs"), name))
        time.sleep(0.02)
    return runs


def find(name):
    return folders.find(name, "demo")


def refusal(name: str) -> str:
    with pytest.raises(UsageError) as refused:
        find(name)
    assert refused.value.code == 2
    return str(refused.value)


def test_latest_is_the_run_made_last(runs):
    assert find("latest") == runs[1]


def test_a_run_is_found_by_its_folder_and_by_its_short_name(runs):
    assert find(str(runs[0].absolute())) == runs[0].absolute()
    assert find("2026-01-30/09-00-00-000001") == runs[0]


def test_a_job_of_a_sweep_is_a_run(runs, make_run):
    job = make_run(Path("outputs"), "sweeps/2026-01-31/11-00-00/0")
    assert find("latest") == find("2026-01-31/11-00-00/0") == job


def test_a_run_that_is_not_there_gets_near_names_and_the_latest(runs):
    assert refusal("2026-01-31/10-00-00-000003") == (
        "p2m demo 2026-01-31/10-00-00-000003: there is no such run (did you mean "
        "'2026-01-31/10-00-00-000002'?)\n"
        "  the latest are:\n"
        f"  p2m demo outputs/{SECOND}\n"
        f"  p2m demo outputs/{FIRST}"
    )


def test_without_any_run_the_command_that_makes_one_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refusal("latest") == (
        "p2m demo latest: there is no complete run under outputs/ yet; make one with: p2m "
        "experiment=tickets"
    )
    assert refusal("abc") == (
        "p2m demo abc: there is no such run\n  there is none under outputs/ yet; make one "
        "with: p2m experiment=tickets"
    )


def test_a_run_that_did_not_complete_is_told(runs):
    (runs[0] / "student").unlink()
    assert refusal(str(runs[0])) == (
        f"p2m demo {runs[0]}: {runs[0]} holds no student: not a run, or one that did not complete\n"
        f"  the latest are:\n  p2m demo outputs/{SECOND}"
    )


def test_the_page_shows_the_task_and_inputs_spread_over_the_test_set(runs):
    shown = demo.describe(runs[0])
    assert shown.name == "2026-01-30/09-00-00-000001"
    assert shown.instruction.startswith("Say the animal.\n<script>")
    assert shown.inputs == ("test 0", "test 16", "test 33", "test 50", "test 66", "test 83")
    assert shown.scores == "exact match 93.1\u00a0%, chrf 50.0\u00a0%"


def test_demonstrations_fill_up_where_the_test_set_is_small(runs):
    task, splits = (
        artifacts.load(artifacts.TaskSpec, runs[0] / "task"),
        artifacts.Splits(test=[artifacts.Example("test 0", "x", "prompt")]),
    )
    assert demo.inputs_to_try(task, splits) == (
        "test 0",
        "a demonstration",
    )  # the twice met once, the overlong not at all


def test_a_damaged_run_is_told_and_not_loaded(runs, tmp_path):
    demo.check_whole(runs[0])
    student = tmp_path / "student"
    shutil.copytree(runs[0] / "student", student)
    (runs[0] / "student").unlink()
    (runs[0] / "student").symlink_to(student)
    weights = student / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    told = (
        f"p2m demo: {runs[0]}/student is damaged ({{}}); the command that made the run makes it "
        f"again"
    )
    with pytest.raises(InputError) as changed:
        demo.check_whole(runs[0])
    assert str(changed.value) == told.format("model.safetensors is not what was written")
    weights.unlink()
    with pytest.raises(InputError) as missing:
        demo.check_whole(runs[0])
    assert str(missing.value) == told.format("model.safetensors is missing")


def test_an_answer_comes_with_its_time(runs):
    decoder = decode.load(artifacts.load(artifacts.Student, runs[0] / "student"))
    answer = answer_with(decoder)
    said, took = answer("a cat")
    assert said == decoder.answers(["a cat"])[0]
    assert took.split(",")[0].endswith(" ms")
    assert answer(" a cat\n")[0] == said
    assert answer("  \n") == ("", "Type an input first.")
