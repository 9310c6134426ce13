"""What is saved is what is loaded, row by row and field by field."""

import json

import pytest

from p2m import artifacts
from p2m.artifacts import (
    Candidate,
    Choice,
    Example,
    ExampleFile,
    Examples,
    Report,
    Score,
    Splits,
    Student,
    TaskSpec,
)

ROWS = [
    Example("a\u2028b", "line\nbreak", "prompt"),
    Example("naïve 日本", "", "teacher:abc", ("x", "y")),
    Example('"quoted"', "\u0085 next line", "hub:squad@12#3"),
]


@pytest.mark.parametrize(
    "value",
    [
        TaskSpec("Say yes.", ROWS, ("yes", "no"), "en", "und"),
        Examples(ROWS, (Candidate("a", 1.5, "card"),), {"duplicate": 3}),
        Choice(
            "scratch",
            None,
            "encoder-decoder",
            {"model_type": "t5", "d_model": 8},
            (Candidate("b", 0.0, ""),),
        ),
        Splits(ROWS, ROWS[:1], [], ROWS, "prefix: ", ("a",), {"short": 1}),
        Report(
            {"real": {"chrf": Score(0.5, 0.4, 0.6, 10)}},
            {"untrained": {"real": {"chrf": Score(0.0, 0.0, 0.0, 10)}}},
        ),
    ],
    ids=lambda v: type(v).__name__,
)
def test_artifact_comes_back_as_it_was(value, tmp_path):
    artifacts.save(value, tmp_path)
    assert artifacts.load(type(value), tmp_path) == value


def test_folder_of_a_student_is_where_it_lies_now(tmp_path):
    (tmp_path / "made").mkdir()
    artifacts.save(
        Student(tmp_path / "made", "scratch", "encoder-decoder", "", 64, 32), tmp_path / "made"
    )
    (tmp_path / "made").rename(tmp_path / "published")
    assert artifacts.load(Student, tmp_path / "published").folder == tmp_path / "published"
    assert "published" not in (tmp_path / "published" / "value.json").read_text()


def test_a_field_that_came_later_has_its_default(tmp_path):
    artifacts.save(Student(tmp_path, "scratch", "encoder-decoder", "", 64, 32, cut=3), tmp_path)
    plain = json.loads((tmp_path / "value.json").read_text())
    del plain["cut"]
    (tmp_path / "value.json").write_text(json.dumps(plain))
    assert artifacts.load(Student, tmp_path).cut == 0


def test_rows_are_read_by_place_and_slice_and_in_order(tmp_path):
    artifacts.write_rows(tmp_path / "r.jsonl", ROWS)
    rows = ExampleFile(tmp_path / "r.jsonl")
    assert len(rows) == 3
    assert rows[-1] == ROWS[2]
    assert rows[:2] == ROWS[:2]
    assert list(rows) == ROWS
    with pytest.raises(IndexError):
        rows[3]


def test_file_without_rows_is_empty(tmp_path):
    (tmp_path / "r.jsonl").touch()
    assert list(ExampleFile(tmp_path / "r.jsonl")) == []
