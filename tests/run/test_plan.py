"""What mode=plan says before anything is done."""

import json
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from p2m import config
from p2m.run.job import Job

PROMPT = "Sort it.\n\nLabels: x, y\n\ninput='a'\noutput='x'\n"
OPENAI = [
    "teacher=openai",
    "teacher.price={input: 1, output: 10}",
    "retriever=none",
    "model=t5_nano",
]


@pytest.fixture
def say(tmp_path, monkeypatch, capsys):
    """say(*overrides) -> what the plan of a prompt of one's own says."""
    monkeypatch.chdir(tmp_path)
    Path("my.md").write_text(PROMPT)

    def plan(*overrides: str) -> str:
        lines = ["prompt=file", "prompt.path=my.md", "mode=plan", *overrides]
        with initialize_config_dir(str(config.CONF), version_base="1.3"):
            cfg = compose("config", lines)
        folder = Path("outputs/runs/x/y").absolute()
        folder.mkdir(parents=True)
        Job(config.check(cfg), cfg, folder).plan()
        return capsys.readouterr().out

    return plan


def test_the_plan_says_what_was_read_and_what_is_missing(say):
    lines = say(*OPENAI).splitlines()
    assert lines[10:17] == [
        "What was read of the prompt:",
        "  instruction: Sort it. Labels: x, y",
        "  1 demonstration, the first: 'a' -> 'x'",
        "  2 labels: x, y",
        "  languages: input not sure, output a label",
        "  student: scratch, encoder-decoder",
        "A request for examples: some 202 tokens, its answer 69.",
    ]
    assert lines[17:] == [
        "Cap: $5.",
        "It cannot start yet:",
        (
            "  teacher: api_key_env: the environment variable OPENAI_API_KEY is not set; put "
            "your key"
            " there (it is never written to disk)"
        ),
        "Nothing was done.",
    ]
    assert sorted(path.name for path in Path().iterdir()) == ["my.md"]


def test_a_longer_prompt_costs_more_at_the_same_price(say):
    def usd() -> float:
        plan = json.loads(say(*OPENAI, "mode=plan_json"))
        asked, answered = plan["sizes"]
        assert plan["stages"]["generator"]["usd"] == pytest.approx(
            1000 * (asked + 10 * answered) / 1e6, rel=1e-3
        )
        return plan["sum"]["usd"]

    short = usd()
    Path("my.md").write_text("Be careful. " * 1000 + PROMPT)
    assert usd() == pytest.approx(short + 1000 * 3000 / 1e6, rel=0.01)


def test_the_teacher_as_a_baseline_is_counted_and_needs_its_key(say):
    Path("test.jsonl").write_text('{"input": "b", "output": "y"}\n' * 40)
    lines = ["prompt.test=test.jsonl", "generator=none", *OPENAI]
    plan = json.loads(say(*lines, "mode=plan_json", "evaluator.teacher=true"))
    asked = plan["stages"]["evaluator"]
    assert asked["calls"] == plan["sum"]["calls"] == 40
    assert 40 * 50e-6 < asked["usd"] < 40 * 500e-6
    [line] = plan["missing"]
    assert line.startswith("teacher: api_key_env: the environment variable OPENAI_API_KEY")
    plan = json.loads(say(*lines, "mode=plan_json"))
    assert plan["stages"]["evaluator"]["calls"] == 0
    assert plan["missing"] == []


def test_the_plan_says_where_the_cap_stops_the_run(say):
    assert "Cap: $5, 100 calls. It will stop the run after some 100 of 1,000 calls.\n" in say(
        *OPENAI, "budget.max_calls=100"
    )
    assert "Cap: $0.2. It will stop the run after some " in say(*OPENAI, "budget.max_usd=0.2")
    assert "Cap: none (set budget.max_usd).\n" in say(*OPENAI, "budget.max_usd=null")


def test_a_prompt_that_cannot_be_read_and_folders_that_cannot_be_used_are_told(say):
    Path("my.md").write_text("")
    Path("file").write_text("")
    said = say("store=file/store", "calls=file")
    assert "  my.md: is empty; say in it what the input is and what the output shall be\n" in said
    assert "  store: file/store cannot be written to; give another, store=...\n" in said
    assert "  calls: file cannot be written to; give another, calls=...\n" in said
    assert "  teacher: recorded has no recording for this prompt;" in said


def test_a_prompt_that_a_teacher_would_read_is_not_read(say):
    assert "What was read" not in say(*OPENAI, "parser=llm")
