import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from p2m.artifacts import Example, TaskSpec
from p2m.errors import InputError, ServiceError
from p2m.retriever.bm25 import BM25
from p2m.stages import Estimate
from tests.doubles import ScriptedTeacher, in_order

ROOT = Path(__file__).resolve().parents[2]
CAPITALS = [("France", "Paris"), ("Peru", "Lima"), ("Ghana", "Accra"), ("Norway", "Oslo")]
MANY = [(f"{a}{b}land", f"{a}{b}ville") for a in "ABCDEFGHIJ" for b in "aeiouyrlnm"]
TASK = TaskSpec(
    "Name the capital of a country.",
    [Example("Spain", "Madrid", "prompt"), Example("Japan", "Tokyo", "prompt")],
)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "data"
    made.mkdir()
    (made / "capitals.csv").write_text(
        "country,capital\n" + "".join(f"{a},{b}\n" for a, b in CAPITALS), encoding="utf-8"
    )
    (made / "capitals.md").write_text(
        "Countries of the world and the capital of each country.", encoding="utf-8"
    )
    (made / "recipes.jsonl").write_text(
        '{"dish": "country soup", "steps": "Boil 2 litres of water; add leeks, wait 30 min."}\n',
        encoding="utf-8",
    )
    return made


@pytest.fixture
def bm25(tmp_path, folder):
    settings = yaml.safe_load((ROOT / "conf/retriever/bm25.yaml").read_text(encoding="utf-8"))
    del settings["_target_"]
    settings |= {
        "catalogue": False,
        "folder": folder,
        "hub": "never",
        "revisions": tmp_path / "met.json",
        "teacher": None,
        "seed": 0,
        "min_share": 0.0,
    }
    return BM25(**settings)


def pairs(found):
    return [(e.input, e.output) for e in found.rows]


def test_fitting_set_is_taken_and_the_other_only_listed(bm25, work, bar):
    found = bm25.run(TASK, work)
    assert pairs(found) == CAPITALS
    assert [c.name for c in found.candidates] == ["capitals.csv", "recipes.jsonl"]
    assert found.candidates[0].card == "Countries of the world and the capital of each country."
    assert found.dropped == {"sets: do not fit": 1}
    assert bar.notes == ["capitals.csv", "recipes.jsonl"]
    assert bar.done == 2


def test_a_task_that_shares_no_word_with_any_set_says_so(bm25, work):
    found = bm25.run(TaskSpec("Zähle."), work)
    assert (found.rows, found.candidates) == ([], ())
    assert found.dropped == {"sets: share no word with the task": 2}


def test_origin_names_file_content_and_row(bm25, folder, work):
    import hashlib

    sha = hashlib.sha256((folder / "capitals.csv").read_bytes()).hexdigest()
    assert [e.origin for e in bm25.run(TASK, work).rows] == [
        f"folder:capitals.csv@{sha}#{i}" for i in range(4)
    ]


def test_what_datasets_makes_on_the_way_is_deleted(bm25, work):
    bm25.run(TASK, work)
    assert list(work.folder.iterdir()) == []


def test_set_without_a_card_is_found_by_its_rows(bm25, folder, work):
    (folder / "capitals.md").unlink()
    (folder / "capitals.csv").rename(folder / "x.csv")
    found = bm25.run(TASK, work)
    assert pairs(found) == CAPITALS
    assert (
        found.candidates[0].card
        == "x.csv\ncountry capital\nFrance Paris\nPeru Lima\nGhana Accra\nNorway Oslo"
    )


def test_set_far_below_the_best_is_not_looked_at(bm25, work):
    found = replace(bm25, min_share=0.3).run(TASK, work)
    assert [c.name for c in found.candidates] == ["capitals.csv"]
    assert found.dropped == {}


def test_set_that_shares_no_word_with_the_task_is_not_even_asked_about(bm25, folder, work):
    (folder / "recipes.jsonl").write_text('{"dish": "soup"}\n', encoding="utf-8")
    teacher = ScriptedTeacher(in_order('{"input": ["country"], "output": "capital"}'))
    assert len(replace(bm25, teacher=teacher).run(TASK, work).candidates) == 1
    assert len(teacher.requests) == 1


def test_teacher_chooses_the_columns(bm25, work):
    teacher = ScriptedTeacher(
        in_order('{"input": ["capital"], "output": "country"}', '{"input": [], "output": ""}')
    )
    found = replace(bm25, teacher=teacher).run(TASK, work)
    assert pairs(found) == [(b, a) for a, b in CAPITALS]
    assert found.dropped == {"sets: do not fit": 1}
    assert "Name the capital of a country." in teacher.requests[0].messages[1]["content"].split(
        "\n"
    )


def test_rule_chooses_where_the_teacher_refuses(bm25, work, caplog):
    teacher = ScriptedTeacher(in_order(("no", "refusal"), '{"input": ["nope"], "output": "steps"}'))
    found = replace(bm25, teacher=teacher).run(TASK, work)
    assert pairs(found) == CAPITALS
    assert found.dropped == {"answers: no usable choice of columns": 2, "sets: do not fit": 1}
    assert caplog.messages == [
        "capitals.csv: the teacher's answer was refusal; the rule chooses its columns",
        (
            "recipes.jsonl: the teacher named 'nope', which is no column of it; the rule chooses "
            "its columns"
        ),
    ]


def test_what_is_left_is_counted_by_reason(bm25, folder, work):
    rows = [
        {"q": "a", "out": "Good"},
        {"q": " ", "out": "bad"},
        {"q": "b", "out": None},
        {"q": [["b"]], "out": "bad"},
    ]
    rows += [{"q": "c" * 21, "out": "bad"}, {"q": "d", "out": "ugly"}]
    for path in folder.iterdir():
        path.unlink()
    (folder / "moods.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    teacher = ScriptedTeacher(in_order('{"input": ["q"], "output": "out"}'))
    task = replace(TASK, instruction="Say out whether it is good or bad.", labels=("good", "bad"))
    found = replace(bm25, teacher=teacher, max_chars=20).run(task, work)
    assert pairs(found) == [("a", "good")]
    assert found.dropped == {
        "empty value": 2,
        "not one of the labels": 1,
        "not text": 1,
        "too long": 1,
    }


def test_rows_above_the_limit_are_left_by_chance_and_the_same_each_time(bm25, folder, work):
    (folder / "capitals.csv").write_text(
        "country,capital\n" + "".join(f"{a},{b}\n" for a, b in MANY), encoding="utf-8"
    )
    ten = replace(bm25, max_examples=10)
    first = ten.run(TASK, work)
    assert len(first.rows) == 10
    assert first.dropped["over max_examples"] == 90
    assert pairs(first) == pairs(ten.run(TASK, work))
    assert pairs(first) != pairs(replace(ten, seed=1).run(TASK, work))
    assert pairs(first) != MANY[:10]


def test_broken_file_of_the_user_stops_the_stage(bm25, folder, work):
    (folder / "recipes.jsonl").write_text('{"dish": \n', encoding="utf-8")
    with pytest.raises(InputError, match=r"recipes\.jsonl:1: broken JSON"):
        bm25.run(TASK, work)


def test_hub_sets_are_listed_and_counted_where_the_hub_is_not_to_be_used(bm25, work):
    task = replace(
        TASK, instruction="Answer a question on a Wikipedia paragraph with words of the paragraph."
    )
    found = replace(bm25, catalogue=True, min_share=0.3).run(task, work)
    assert "squad" in [c.name for c in found.candidates]
    assert found.dropped["sets: on the hub, which hub=never leaves out"] == 5
    assert found.rows == []


def test_silent_hub_is_counted_and_local_files_are_used(bm25, work):
    found = replace(bm25, catalogue=True, hub="auto").run(
        replace(TASK, instruction="Name the capital of each country of the world."), work
    )
    assert found.candidates[0].name == "capitals.csv"
    assert pairs(found) == CAPITALS
    assert len(found.candidates) == 5
    assert found.dropped["sets: hub unreachable"] == 3


def test_silent_hub_that_is_required_stops_the_stage(bm25, work):
    from p2m import hub

    with pytest.raises(ServiceError) as error:
        replace(bm25, catalogue=True, hub="required").run(TASK, work)
    text = str(error.value)
    assert text.startswith(f"retriever: the hub does not answer ({hub.endpoint()}), and ")
    assert text.endswith(
        "of the data sets found lie there; set retriever.hub=auto to go on without it, or "
        "retriever.hub=never to use local files alone"
    )


def test_nothing_to_search_is_refused(bm25):
    with pytest.raises(
        ValueError,
        match=(
            r"^has nothing to search: set folder=\.\.\., or catalogue=true, or take "
            r"retriever=none$"
        ),
    ):
        replace(bm25, folder=None)


def test_estimate_is_one_call_a_set_where_a_teacher_chooses(bm25):
    assert bm25.estimate() == Estimate(calls=0, usd=0.0)
    assert replace(bm25, teacher=object()).estimate() == Estimate(calls=5)
