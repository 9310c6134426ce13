from pathlib import Path

import pytest

from p2m.artifacts import Example, TaskSpec
from p2m.retriever._columns import Columns
from p2m.retriever._rule import fit_columns, pattern

DATES = TaskSpec(
    "",
    [
        Example("[2024-03-14 Thu] the day after tomorrow", "2024-03-16", "prompt"),
        Example("[2019-11-05 Tue] next friday at 3pm", "2019-11-15T15:00", "prompt"),
        Example("[2016-08-22 Mon] sometime next week", "N/A", "prompt"),
        Example("[2031-01-31 Fri] in a month", "2031-02-28", "prompt"),
    ],
)
MOODS = TaskSpec(
    "",
    [
        Example("the soup was cold and late", "bad", "prompt"),
        Example("we loved every dish", "good", "prompt"),
    ],
    ("good", "bad"),
)


def rows(*names):
    return lambda *values: [dict(zip(names, value, strict=True)) for value in values]


def chosen(task, found):
    return fit_columns(task, list(found[0]), found)


def test_pattern_keeps_digits_and_signs():
    assert [pattern(t) for t in ("2024-03-16", "N/A", "über  alles", "a_1")] == [
        "9999-99-99",
        "a/a",
        "a a",
        "a_9",
    ]


def test_columns_of_the_form_of_the_demonstrations_are_taken():
    found = rows("id", "text", "when")(
        ("1", "[2024-07-11 Thu] move it to next Tuesday", "2024-07-16"),
        ("2", "[2032-10-05 Tue] call Lena at 9", "2032-10-05T09:00"),
        ("3", "[2020-01-05 Sun] one of these days", "N/A"),
    )
    assert chosen(DATES, found) == Columns(("text",), "when")


def test_two_columns_are_joined_where_one_lacks_a_part_of_the_form():
    found = rows("text", "today", "when")(
        ("move it to next Tuesday", "[2024-07-11 Thu]", "2024-07-16"),
        ("call Lena at 9", "[2032-10-05 Tue]", "2032-10-05T09:00"),
        ("one of these days, says Tom", "[2020-01-05 Sun]", "N/A"),
    )
    assert set(chosen(DATES, found).inputs) == {"text", "today"}


@pytest.mark.parametrize(
    "found",
    [
        rows("event", "year")(
            ("Magna Carta is sealed", "1215"), ("Luther publishes his theses", "1517")
        ),
        rows("question", "value")(("50 kg in pounds", "110.23"), ("30 inches in cm", "76.2")),
        rows("typed", "meant")(("adress", "address"), ("beleive", "believe")),
    ],
    ids=["years", "figures", "words"],
)
def test_answers_of_another_form_are_unfit(found):
    assert chosen(DATES, found) is None


def test_of_two_like_columns_the_left_one_is_the_input():
    capitals = TaskSpec(
        "", [Example("Spain", "Madrid", "prompt"), Example("Japan", "Tokyo", "prompt")]
    )
    assert chosen(
        capitals, rows("land", "city")(("France", "Paris"), ("Ghana", "Accra"))
    ) == Columns(("land",), "city")
    assert chosen(
        capitals, rows("city", "land")(("Paris", "France"), ("Accra", "Ghana"))
    ) == Columns(("city",), "land")


def test_labels_decide_the_output_column():
    found = rows("stars", "mood", "review")(
        ("1", "Bad", "the waiter was rude to us"), ("5", "good", "such a lovely place")
    )
    assert chosen(MOODS, found) == Columns(("review",), "mood")


def test_other_labels_are_unfit():
    found = rows("review", "mood")(
        ("the waiter was rude to us", "negative"), ("such a lovely place", "positive")
    )
    assert chosen(MOODS, found) is None


def test_copying_and_translating_are_told_apart():
    copy = TaskSpec(
        "",
        [
            Example("the red house on the hill", "red house", "prompt"),
            Example("a dog in the old garden", "old garden", "prompt"),
        ],
    )
    same = rows("a", "b")(
        ("the blue boat at the quay", "blue boat"), ("a cat on the warm roof", "warm roof")
    )
    other = rows("a", "b")(
        ("the blue boat at the quay", "fast ship"), ("a cat on the warm roof", "top tile")
    )
    assert chosen(copy, same) == Columns(("a",), "b")
    assert chosen(copy, other) is None


def test_another_language_is_unfit():
    found = rows("review", "mood")(
        ("der Kellner war nicht nett und das Essen ist auch kalt", "bad"),
        ("wir sind sehr zufrieden mit dem Service und der Lage", "good"),
    )
    german = TaskSpec(
        "",
        [Example("das Essen war nicht gut und der Wein auch nicht", "bad", "prompt")],
        ("good", "bad"),
        "de",
    )
    english = TaskSpec(
        "",
        [Example("das Essen war nicht gut und der Wein auch nicht", "bad", "prompt")],
        ("good", "bad"),
        "en",
    )
    assert chosen(german, found) == Columns(("review",), "mood")
    assert chosen(english, found) is None


def test_without_demonstrations_or_rows_nothing_fits():
    assert fit_columns(TaskSpec("x"), ["a", "b"], [{"a": "x", "b": "y"}]) is None
    assert fit_columns(DATES, ["a", "b"], []) is None


@pytest.mark.parametrize(
    ("task", "fits"),
    [("dates", {"calendar_requests.jsonl"}), ("tickets", {"shop_mails.jsonl"})],
)
def test_of_the_bundled_sets_only_the_fitting_one_is_taken(task, fits, tmp_path):
    import json

    from p2m.retriever._sources import of_folder
    from p2m.retriever._table import load_table

    folder = Path(__file__).parents[2] / "experiments" / task
    dev = [
        json.loads(line)
        for line in (folder / "dev.jsonl").read_text(encoding="utf-8").split("\n")[:8]
    ]
    labels = (
        (
            "billing",
            "refund",
            "shipping",
            "login",
            "cancellation",
            "bug",
            "how_to",
            "feature_request",
            "other",
        )
        if "tickets" in task
        else ()
    )
    spec = TaskSpec("", [Example(d["input"], d["output"], "prompt") for d in dev], labels)
    taken = set()
    for source in of_folder(folder / "data"):
        table = load_table(source, tmp_path / "cache", tmp_path / "met.json")
        if fit_columns(spec, table.columns, [row for _, row in table.rows(range(len(table)))]):
            taken.add(source.name)
    assert taken == fits
