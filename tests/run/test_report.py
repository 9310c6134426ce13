"""What a run leaves for programs and for people."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from p2m.artifacts import Choice, Example, Examples, Parity, Report, Score, Splits, TaskSpec
from p2m.run import report

SCORE, WORSE, BETTER = (
    Score(0.5, 0.4, 0.6, 20),
    Score(0.25, 0.2, 0.3, 20),
    Score(0.75, 0.7, 0.8, 20),
)
FOUND = Examples([Example("a", "b", "prompt")] * 7)
SPLITS = Splits(train=FOUND.rows[:1] * 1500, real=FOUND.rows[:1] * 20, dropped={"duplicate": 1200})
STUDENT = SimpleNamespace(cut=3, lost=0.01)


def results(folder, evaluated: Report) -> dict:
    """Of every stage, as the store gives them."""
    values = dict.fromkeys(report.ROOMS, FOUND)
    values["parser"] = TaskSpec("Sort it.", FOUND.rows[:1], ("b", "c"))
    values["model"] = Choice("a/b", None, "encoder", why="it fits")
    values |= {"processor": SPLITS, "trainer": STUDENT, "evaluator": evaluated}
    note = {"seconds": 1.25, "usd": 0.5, "calls": 1000}
    made = {}
    for stage, value in values.items():
        place = folder / stage
        place.mkdir(parents=True)
        made[stage] = SimpleNamespace(key=f"key-{stage}", value=value, note=note, folder=place)
    return made


def write(folder, evaluated: Report) -> dict:
    made = results(folder / "store", evaluated)
    return report.write(folder, made, kept={"prompt"}, seed=3, wall_s=2.04)


def test_scores_are_those_of_the_users_test_set_where_there_is_one(tmp_path):
    scores = {"real": {"f1": SCORE}, "generated": {"f1": BETTER}}
    figures = write(tmp_path, Report(scores, {"untrained": {"real": {"f1": WORSE}}}))
    assert figures == json.loads((tmp_path / "report.json").read_text())
    assert figures["on"] == "real"
    assert figures["scores"] == {"f1": {"value": 0.5, "low": 0.4, "high": 0.6, "n": 20}}
    assert figures["generated"]["f1"]["value"] == 0.75
    assert figures["baselines"] == {
        "untrained": {"f1": {"value": 0.25, "low": 0.2, "high": 0.3, "n": 20}}
    }
    assert write(tmp_path / "2", Report({"generated": {"f1": SCORE}}))["on"] == "generated"


def test_a_doubt_and_a_retriever_that_found_nothing_are_said(tmp_path):
    made = results(tmp_path / "store", Report({"real": {"f1": SCORE}}))
    made["parser"].value = replace(made["parser"].value, doubts=("line 3, 'a', looks odd",))
    made["retriever"].value = Examples(dropped={"sets: hub unreachable": 5, "too long": 1})
    figures = report.write(tmp_path, made, kept=set(), seed=3, wall_s=2.04)
    assert report.why_nothing_retrieved(figures) == "5 hub unreachable"
    lines = (tmp_path / "report.md").read_text().split("\n")
    assert lines[2:5:2] == [
        "The prompt's line 3, 'a', looks odd.",
        "The retriever found nothing: 5 hub unreachable.",
    ]


def test_costs_counts_and_what_was_dropped_are_summed_up(tmp_path):
    figures = write(tmp_path, Report({"real": {"f1": SCORE}}))
    assert (figures["usd"], figures["seconds"], figures["wall_seconds"]) == (4.0, 10.0, 2.0)
    assert figures["stages"]["prompt"] == {
        "key": "key-prompt",
        "kept": True,
        "seconds": 1.25,
        "usd": 0.5,
        "calls": 1000,
    }
    assert figures["examples"] == {
        "retrieved": 7,
        "generated": 7,
        "train": 1500,
        "valid": 0,
        "test": 0,
        "real": 20,
        "cut": 3,
        "lost": 0.01,
        "dropped": {"processor: duplicate": 1200},
    }


def test_people_read_the_same_as_tables(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "outputs" / "run"
    scores = {"real": {"f1": SCORE, "chrf": WORSE}, "generated": {"f1": BETTER, "chrf": SCORE}}
    baselines = {"most_frequent": {"real": {"f1": WORSE, "chrf": WORSE}}}
    write(run, Report(scores, baselines, (Parity("ctranslate2 int8", 0.99, 50),)))
    lines = (run / "report.md").read_text().split("\n")
    assert lines[:9] == [
        "# Run run",
        "",
        "## Scores in per cent on the test set given, with 95 % intervals (n = 20)",
        "",
        "|  | f1 | chrf |",
        "|---|---|---|",
        "| student | 50.0 [40.0, 60.0] | 25.0 [20.0, 30.0] |",
        "| most frequent | 25.0 [20.0, 30.0] | 25.0 [20.0, 30.0] |",
        "| student, generated test set (n = 20) | 75.0 [70.0, 80.0] | 50.0 [40.0, 60.0] |",
    ]
    for line in (
        "| ctranslate2 int8: answers as torch float32 (n = 50) | 99.0 |  |",
        "| demonstrations in the prompt | 1 |",
        "| labels: b, c | 2 |",
        "| kept: train | 1,500 |",
        "| of train: cut at max_input or max_output | 3 |",
        "| of train: answers that the student's tokenizer cannot write | 1.0 % |",
        "| dropped by processor: duplicate | 1,200 |",
        "| prompt | kept | 1.2 | 0.50 | 1,000 |",
        "| sum |  | 10.0 | 4.00 | 8,000 |",
        "- instruction: Sort it.",
        "- 1 demonstration, the first: 'a' -> 'b'",
        "- 2 labels: b, c",
        "Try it: `p2m demo outputs/run`",
    ):
        assert line in lines


WARNING = (
    "The student (f1 50.0) is worse than the baseline nearest neighbour (75.0): give it more"
    " examples (generator.target=..., prompt.train=...), train it longer"
    " (trainer.max_examples=...), or choose another student (model=...)."
)


@pytest.mark.parametrize("width", [None, "60"])
def test_a_student_worse_than_a_baseline_is_told_with_what_to_try(
    tmp_path, capsys, monkeypatch, width
):
    if width:
        monkeypatch.setenv("COLUMNS", width)
    baselines = {
        "most_frequent": {"real": {"f1": WORSE}},
        "nearest_neighbour": {"real": {"f1": BETTER}},
    }
    figures = write(tmp_path, Report({"real": {"f1": SCORE}}, baselines))
    report.show(tmp_path, figures)
    assert WARNING in capsys.readouterr().out.split("\n")
    assert WARNING in (tmp_path / "report.md").read_text().split("\n")


def test_all_baselines_that_are_better_are_told_at_once(tmp_path, capsys):
    baselines = {name: {"real": {"f1": BETTER}} for name in ("most_frequent", "nearest_neighbour")}
    report.show(tmp_path, write(tmp_path, Report({"real": {"f1": SCORE}}, baselines)))
    text = capsys.readouterr().out
    assert "worse than the baseline most frequent (75.0) and nearest neighbour (75.0): give" in text
    assert text.count("worse than") == 1


def test_a_student_as_good_as_its_baselines_is_not_called_worse(tmp_path, capsys):
    figures = write(
        tmp_path, Report({"real": {"f1": SCORE}}, {"untrained": {"real": {"f1": SCORE}}})
    )
    report.show(tmp_path, figures)
    assert "worse" not in capsys.readouterr().out + (tmp_path / "report.md").read_text()


def test_the_terminal_shows_the_tables_and_last_the_folder(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    figures = write(tmp_path, Report({"real": {"f1": SCORE}}))
    report.show(tmp_path, figures)
    lines = capsys.readouterr().out.rstrip().split("\n")
    assert lines[0].startswith("Scores in per cent on the test")
    assert lines[-2:] == [f"Try it:  p2m demo {tmp_path}", str(tmp_path)]
