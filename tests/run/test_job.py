"""One job in this process, on the bundled task, with a trainer and an evaluator that cost
nothing."""

import os
import re
import shutil
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from p2m import config, runs
from p2m.demo import runs as demo
from p2m.disk import name_run
from p2m.errors import IncompleteError, UserError
from p2m.run.job import Job
from tests.stand_ins import load_stand_ins, node, notes

RUN = "outputs/runs/2026-01-31/10-00-00-000001"


@pytest.fixture
def job(tmp_path, monkeypatch):
    """job(fail, **changes) -> a job in the working folder, whose log is ./log."""
    load_stand_ins(monkeypatch)
    monkeypatch.chdir(tmp_path)

    def make(*overrides: str, run: str = RUN, **nodes) -> Job:
        fixed = ["retriever=none", "generator=none", "model=byt5_nano"]
        fixed += ["prompt.train=train.jsonl", "prompt.test=null", "processor.test_of_user=always"]
        Path("train.jsonl").write_text(
            "".join(f'{{"input": "{i}", "output": "x"}}\n' for i in range(40))
        )
        with initialize_config_dir(str(config.CONF), version_base="1.3"):
            cfg = compose("config", [*fixed, *overrides])
        log = str(Path("log").absolute())
        cfg.trainer = node("Learner", lr=0.1, fail="", log=log) | nodes
        cfg.evaluator = node("Judge", log=log)
        cfg.tracker = node("Watcher", log=log)
        folder = Path(run).absolute()
        folder.mkdir(parents=True)
        return Job(config.check(cfg), cfg, folder)

    return make


def test_a_tracker_hears_of_the_start_of_points_and_of_the_end(job):
    job().run()
    name = RUN.rpartition("/")[2]
    assert notes(Path("log")) == [
        ["start", name, 0],
        ["trainer", "2026-01-31/10-00-00-000001"],
        ["point", "trainer", {"step": 1, "loss": 0.5}],
        ["evaluator"],
        ["end", name, True, None],
    ]


def test_a_tracker_hears_of_the_end_of_a_run_that_failed(job):
    with pytest.raises(IncompleteError):
        job(fail="too few").run()
    assert notes(Path("log"))[-1] == ["end", RUN.rpartition("/")[2], False, "too few"]


def test_a_plan_tells_no_tracker_and_leaves_nothing(job, tmp_path, capsys):
    before = {*tmp_path.iterdir()}
    job("mode=plan").plan()
    assert {*tmp_path.iterdir()} - before == {tmp_path / "train.jsonl"}
    assert not [path for path in Path("outputs").rglob("*") if path.is_file()]
    assert "Nothing was done." in capsys.readouterr().out


def test_a_pilot_of_a_generator_that_asks_nobody_says_so(job, capsys):
    job("mode=plan", "budget.pilot=5").plan()
    assert "Pilot: this generator asks no teacher." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("trainer.freeze=[embed]", "trainer.freeze: no weight of this student begins with 'embed'"),
        (
            "processor.valid_share=0 trainer.select=loss",
            "trainer.select: loss looks at a validation set, and there is none",
        ),
        (
            "trainer.sampling.label_prior=0.5",
            "trainer.sampling.label_prior: this task's answers are no closed set of labels",
        ),
        (
            "model=byt5_nano processor.instruction=always trainer.max_input=64",
            "trainer.max_input: of 64 tokens, what stands before and after each input",
        ),
        (
            "budget.pilot=20 trainer.freeze=[embed]",
            "trainer.freeze: no weight of this student begins with 'embed'",
        ),
    ],
)
def test_what_the_student_cannot_be_trained_with_is_told_before_a_teacher_is_asked(
    settings, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with initialize_config_dir(str(config.CONF), version_base="1.3"):
        cfg = compose("config", ["experiment=dates", *settings.split()])
    job = Job(config.check(cfg), cfg, tmp_path)
    with pytest.raises(UserError, match=re.escape(message)):
        job.plan() if "pilot" in settings else job.run()
    assert Path("outputs/store/model").is_dir()
    assert not Path("outputs/store/generator").exists()
    assert not Path("outputs/calls/calls.sqlite").exists()


def test_a_project_can_be_moved_and_copied(job, tmp_path, monkeypatch):
    for number in (2, 1):  # in this order, so that the links' times say the contrary
        job(run=f"outputs/runs/2026-01-31/10-00-00-00000{number}").run()
    links = [path for path in Path("outputs/runs").rglob("*") if path.is_symlink()]
    assert len(links) == 16
    assert not [link for link in links if Path(os.readlink(link)).is_absolute()]
    shutil.copytree(tmp_path, tmp_path.with_name("copied"), symlinks=True)
    tmp_path.rename(tmp_path.with_name("moved"))
    for name in ("copied", "moved"):
        monkeypatch.chdir(tmp_path.with_name(name))
        run = runs.find("latest", "demo")
        assert run == Path("outputs/runs/2026-01-31/10-00-00-000002")
        assert (run / "student/model.safetensors").is_file()
        assert demo.describe(run).inputs
    tmp_path.mkdir()


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("/x/outputs/runs/2026-01-31/10-00-00", "2026-01-31/10-00-00"),
        ("/x/outputs/sweeps/2026-01-31/10-00-00/3", "2026-01-31/10-00-00/3"),
        ("/a/place/of/my/own", "of/my/own"),
    ],
)
def test_jobs_of_different_sweeps_have_different_names(folder, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert name_run(Path(folder.replace("/x", str(tmp_path)))) == name


def test_what_the_parser_read_is_told(job, capsys):
    text = """prompt.text="Sort it.\n\nLabels: x, y\n\ninput='a'\noutput='x'" """.strip()
    job("prompt=text", text).run()
    lines = capsys.readouterr().err.splitlines()
    [at] = [i for i, line in enumerate(lines) if line.startswith("parser     done")]
    assert lines[at + 1 : at + 5] == [
        "  instruction: Sort it. Labels: x, y",
        "  1 demonstration, the first: 'a' -> 'x'",
        "  2 labels: x, y",
        "  languages: input not sure, output a label",
    ]
