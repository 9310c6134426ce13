"""From examples of all sources to splits: what stays, where it goes, and what is counted."""

import gzip
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2m import artifacts
from p2m.artifacts import Choice, Example, Examples, Prompt, Splits, TaskSpec
from p2m.errors import IncompleteError
from p2m.processor.text import Text
from p2m.stages import Work
from tests.doubles import QuietBar

SETTINGS = {
    "instruction": "auto",
    "instruction_max_chars": 100,
    "valid_share": 0.0,
    "valid_max": 1000,
    "test_share": 0.0,
    "test_max": 1000,
    "test_of_user": "auto",
    "min_train": 1,
    "max_input_chars": 40,
    "max_output_chars": 20,
    "suffix": "=",
}
SCRATCH = Choice("scratch", None, "encoder-decoder")
WORK = Work(
    Path("unused"), "processor", "run", "account", QuietBar()
)  # where a law has no fixtures


def examples(*pairs, origin="teacher:k"):
    return [Example(source, output, origin) for source, output in pairs]


def many(n, origin="teacher:k", start=0):
    return [Example(f"number {i}", f"out {i}", origin) for i in range(start, start + n)]


def run(
    work,
    generated=(),
    retrieved=(),
    train=(),
    valid=(),
    test=(),
    task=None,
    choice=SCRATCH,
    **changed,
):
    prompt = Prompt("Do.", (), train, valid, test)
    return Text(**(SETTINGS | changed)).run(
        prompt, task or TaskSpec("Do."), Examples(retrieved), Examples(generated), choice, work
    )


def pairs(rows):
    return [(row.input, row.output) for row in rows]


def inputs(rows):
    return {row.input for row in rows}


def test_all_sources_are_joined_the_users_first(work):
    splits = run(
        work,
        generated=examples(("c", "3")),
        retrieved=examples(("b", "2"), origin="hub:x@r#1"),
        train=examples(("a", "1"), origin="user:train"),
        test=examples(("t", "9"), origin="user:test"),
    )
    assert [(row.input, row.origin) for row in splits.train] == [
        ("a", "user:train"),
        ("b", "hub:x@r#1"),
        ("c", "teacher:k"),
    ]
    assert (list(splits.valid), list(splits.test), pairs(splits.real)) == ([], [], [("t", "9")])
    assert (splits.dropped, splits.prefix, splits.labels) == ({}, "", ())


def test_the_users_test_set_is_read_as_training_examples_are_and_loses_none(work):
    given = [
        Example(" t ", "POSITIVE", "user:test", ("Negative ",)),
        Example("", "other", "user:test"),
    ]
    real = run(
        work,
        examples(("a", "positive")),
        test=given,
        task=TaskSpec("Do.", labels=("positive", "negative")),
    ).real
    assert list(real) == [
        Example("t", "positive", "user:test", ("negative",)),
        Example("", "other", "user:test"),
    ]


def test_other_accepted_answers_stay_with_the_users_examples_that_are_scored_on(work):
    rows = [replace(row, also=("also right",)) for row in many(40, "user:train")]
    splits = run(work, train=rows, test_share=0.5)
    assert splits.test
    assert all(row.accepted == (row.output, "also right") for row in (*splits.train, *splits.test))


def test_white_space_around_is_taken_off_and_what_is_inside_is_kept(work):
    assert pairs(run(work, examples((" a\n b ", " x  y\n"))).train) == [("a\n b", "x  y")]


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        (("", "x"), "empty"),
        (("a", " "), "empty"),
        (("x" * 41, "x"), "input too long"),
        (("a", "x" * 21), "output too long"),
    ],
)
def test_an_example_out_of_bounds_is_counted(work, pair, reason):
    splits = run(work, examples(pair, ("good", "x")))
    assert pairs(splits.train) == [("good", "x")]
    assert splits.dropped == {reason: 1}


def test_of_duplicates_and_near_duplicates_with_one_output_the_first_stays(work):
    splits = run(
        work,
        examples(
            ("Where is it?", "x"),
            ("Where  is it?", "x"),
            ("where is it", "x"),
            ("where is it 2", "x"),
            ("WHERE IS IT", "x"),
        ),
    )
    assert pairs(splits.train) == [("Where is it?", "x"), ("where is it 2", "x")]
    assert splits.dropped == {"duplicate": 1, "near-duplicate": 2}


def test_labels_that_differ_in_case_alone_stay_apart_and_others_are_written_as_listed(work):
    task = TaskSpec("Do.", labels=("US", "us", "café"))
    rows = examples(("a", "US"), ("b", "us"), ("c", "CAFE\u0301"), ("d", "Us"))
    splits = run(work, generated=rows, task=task)
    assert pairs(splits.train) == [("a", "US"), ("b", "us"), ("c", "café")]
    assert splits.dropped == {"not a label": 1}


def test_near_duplicates_with_different_outputs_are_no_duplicates(work):
    splits = run(work, examples(("us", "we"), ("US", "a country"), ("12", "x"), ("13", "x")))
    assert len(splits.train) == 4
    assert splits.dropped == {}


def test_conflicting_outputs_are_settled_by_vote_then_length_then_order(work):
    splits = run(
        work,
        examples(
            ("a", "one"),
            ("b", "long"),
            ("c", "pp"),
            ("a", "two"),
            ("b", "s"),
            ("c", "qq"),
            ("a", "two "),
            ("d", "x"),
        ),
    )
    assert sorted(pairs(splits.train)) == [("a", "two"), ("b", "s"), ("c", "pp"), ("d", "x")]
    assert splits.dropped == {"outvoted": 3, "duplicate": 1}


def test_the_users_own_word_outvotes_the_teacher(work):
    splits = run(
        work,
        examples(("a", "no"), ("a", "no"), ("a", "no")),
        train=examples(("a", "yes, it is"), origin="user:train"),
    )
    assert pairs(splits.train) == [("a", "yes, it is")]
    assert splits.dropped == {"outvoted": 3}


def test_nothing_that_stands_in_a_test_or_validation_set_or_is_a_demonstration_is_trained_on(work):
    rows = examples(
        ("In the TEST", "x"),
        ("in the test", "y"),
        ("In valid.", "x"),
        ("Shown!", "x"),
        ("free", "x"),
    )
    task = TaskSpec("Do.", [Example("shown", "x", "prompt")])
    splits = run(
        work,
        rows,
        test=examples(("in the test", "z")),
        valid=examples(("in valid", "z")),
        train=examples(("in the test", "z")),
        task=task,
    )
    assert pairs(splits.train) == [("free", "x")]
    assert splits.dropped == {"in a test or validation set": 4, "is a demonstration": 1}


def test_labels_are_taken_in_the_case_of_the_list_and_others_are_dropped(work):
    splits = run(
        work,
        examples(("a", "HOT"), ("b", "cold"), ("c", "mild")),
        task=TaskSpec("Do.", (), ("Hot", "Cold")),
    )
    assert pairs(splits.train) == [("a", "Hot"), ("b", "Cold")]
    assert (splits.dropped, splits.labels) == ({"not a label": 1}, ("Hot", "Cold"))


def test_shares_split_into_parts_that_have_no_input_in_common(work):
    splits = run(work, many(2000), valid_share=0.1, test_share=0.2)
    assert 160 < len(splits.valid) < 240
    assert 340 < len(splits.test) < 460
    assert len(splits.train) + len(splits.valid) + len(splits.test) == 2000
    assert inputs(splits.train) | inputs(splits.valid) | inputs(splits.test) == inputs(many(2000))


@settings(max_examples=30, deadline=None)
@given(st.integers(20, 80), st.integers(0, 80), st.randoms(use_true_random=False))
def test_growth_and_order_of_the_data_leave_each_example_on_its_side(n, more, chance):
    few, grown = many(n), many(n + more)
    chance.shuffle(grown)
    small, large = (
        run(WORK, rows, valid_share=0.3, test_share=0.3, min_train=1) for rows in (few, grown)
    )
    assert not inputs(small.train) & (inputs(large.valid) | inputs(large.test))
    bands = (
        len(small.valid) > 1,
        len(small.test) > 1,
    )  # a band with no example of its own borrows one, and gives it back
    assert not bands[0] or inputs(small.valid) <= inputs(large.valid)
    assert not bands[1] or inputs(small.test) <= inputs(large.test)


def test_where_a_side_is_full_growth_moves_examples_to_training_only(work):
    small, large = (
        run(work, many(n), valid_share=0.2, valid_max=10, test_share=0.2, test_max=10)
        for n in (100, 1000)
    )
    assert (len(large.valid), len(large.test), len(large.train)) == (10, 10, 980)
    assert not inputs(small.train) & (inputs(large.valid) | inputs(large.test))


def test_near_duplicates_lie_on_one_side(work):
    rows = [
        Example(form, f"{form} {i}", "teacher:k")
        for i in range(200)
        for form in (f"Number {i}", f"number {i}.")
    ]
    splits = run(work, rows, valid_share=0.3, test_share=0.3)
    sides = [
        {row.input.lower().strip(".") for row in side}
        for side in (splits.train, splits.valid, splits.test)
    ]
    assert sides[0].isdisjoint(sides[1] | sides[2])
    assert sides[1].isdisjoint(sides[2])
    assert sum(len(side) for side in sides) == 200


def test_a_small_set_still_gives_one_example_to_each_side(work):
    splits = run(work, many(4), valid_share=0.01, test_share=0.01)
    assert (len(splits.train), len(splits.valid), len(splits.test)) == (2, 1, 1)


def test_the_users_validation_set_takes_the_place_of_a_split_one(work):
    splits = run(
        work,
        many(50),
        valid=examples(("mine", "x"), ("in the test", "x")),
        test=examples(("In the test", "x")),
        valid_share=0.3,
    )
    assert pairs(splits.valid) == [("mine", "x")]
    assert len(splits.train) == 50
    assert splits.dropped == {"validation example in the test set": 1}


def test_a_validation_example_that_no_student_could_answer_is_left_out_and_counted(work):
    task = TaskSpec("x", labels=("red", "blue"))
    rows = examples(*((f"input {i}", "red") for i in range(50)))
    splits = run(
        work,
        rows,
        valid=examples(("a", "Red"), ("b", "green"), ("c" * 41, "blue")),
        task=task,
        valid_share=0.3,
    )
    assert pairs(splits.valid) == [("a", "red")]
    assert splits.dropped == {
        "validation example: input too long": 1,
        "validation example: not a label": 1,
    }


@pytest.mark.parametrize(
    ("setting", "own_test", "from_user"),
    [("auto", True, False), ("auto", False, True), ("always", True, True), ("never", False, False)],
)
def test_the_users_own_examples_go_to_the_test_split_only_as_the_setting_says(
    work, setting, own_test, from_user
):
    own, written = many(100, "user:train"), many(100, start=100)
    test = examples(("t", "x")) if own_test else ()
    splits = run(work, written, train=own, test=test, test_share=0.3, test_of_user=setting)
    origins = {row.origin for row in splits.test}
    assert origins == ({"user:train", "teacher:k"} if from_user else {"teacher:k"})


def test_own_examples_and_an_own_test_set_alone_leave_no_test_split(work):
    splits = run(
        work,
        train=many(100, "user:train"),
        test=examples(("t", "x")),
        test_share=0.3,
        valid_share=0.1,
    )
    assert len(splits.test) == 0
    assert len(splits.train) + len(splits.valid) == 100


def test_a_written_example_that_is_near_one_of_the_users_is_not_measured_on(work):
    own = [Example(f"Number {i}", "mine", "user:train") for i in range(100)]
    splits = run(work, many(100), train=own, test=examples(("t", "x")), test_share=0.9)
    assert len(splits.test) == 0
    assert len(splits.train) == 200


@pytest.mark.parametrize(
    ("setting", "base", "kind", "instruction", "prefix"),
    [
        ("auto", "scratch", "encoder-decoder", "Do.", ""),
        ("auto", "google/flan-t5-base", "encoder-decoder", "Do.", "Do.\n\n"),
        ("auto", "google/flan-t5-base", "encoder-decoder", "Do " * 50, ""),
        ("auto", "google/bert", "encoder", "Do.", ""),
        ("always", "scratch", "encoder-decoder", "Do.", "Do.\n\n"),
        ("never", "google/flan-t5-base", "encoder-decoder", "Do.", ""),
    ],
)
def test_the_instruction_stands_before_each_input_as_the_setting_says(
    work, setting, base, kind, instruction, prefix
):
    splits = run(
        work,
        many(3),
        task=TaskSpec(instruction),
        choice=Choice(base, None, kind),
        instruction=setting,
    )
    assert splits.prefix == prefix


def test_too_few_examples_are_told_with_where_they_were_lost_and_what_to_do(work):
    with pytest.raises(IncompleteError) as error:
        run(
            work,
            [*many(12), *many(12), *examples(("", "x"))],
            retrieved=many(3),
            valid_share=0.1,
            min_train=50,
        )
    assert str(error.value) == (
        "processor: 11 examples are left to train on, and processor.min_train=50 are wanted. "
        "There were 0 of your own,"
        " 3 retrieved, 25 generated; dropped: 15 duplicate, 1 empty; validation took 1 and "
        "test 0. Generate more"
        " (generator=prompt2model generator.target=...), retrieve some (retriever=bm25), "
        "give your own (prompt.train=...),"
        " or accept fewer (processor.min_train=...)."
    )


def test_what_the_retriever_left_is_told_where_it_gave_nothing(work):
    nothing = Examples(dropped={"sets: hub unreachable": 5})
    with pytest.raises(IncompleteError, match=r" 0 retrieved \(5 sets: hub unreachable\), 0 gen"):
        Text(**SETTINGS).run(Prompt("Do."), TaskSpec("Do."), nothing, Examples(), SCRATCH, work)


def test_no_example_at_all_is_told_too(work):
    with pytest.raises(
        IncompleteError,
        match=(
            r"^processor: 0 examples are left to train on, .* dropped: none; validation took 0 "
            r"and test 0\. "
        ),
    ):
        run(work, valid_share=0.1, test_share=0.1)


def test_shares_that_leave_nothing_to_train_on_are_refused():
    with pytest.raises(
        ValueError,
        match=(
            r"^valid_share=0\.5 and test_share=0\.5 leave nothing to train on; keep their sum "
            r"below 1$"
        ),
    ):
        Text(**(SETTINGS | {"valid_share": 0.5, "test_share": 0.5}))


def test_every_example_is_in_a_split_or_counted(work):
    rows = [
        Example(f"{'Number' if i % 3 else 'number'} {i % 70}", f"{i % 7}", "teacher:k")
        for i in range(500)
    ]
    splits = run(work, rows, test=many(5), valid_share=0.1, test_share=0.1)
    assert (
        len(splits.train) + len(splits.valid) + len(splits.test) + sum(splits.dropped.values())
        == 500
    )


def test_what_is_made_can_be_saved_and_read_again(work):
    splits = run(work, many(30), valid_share=0.1, test_share=0.1)
    artifacts.save(splits, work.folder)
    kept = artifacts.load(Splits, work.folder)
    assert [list(kept.train), list(kept.valid), list(kept.test)] == [
        list(splits.train),
        list(splits.valid),
        list(splits.test),
    ]
    assert splits.train[-1] == list(splits.train)[-1]
    assert splits.train[:2] == list(splits.train)[:2]


@pytest.mark.parametrize("name", ["g2p.fre", "inflection.german"])
def test_a_published_training_set_is_kept_whole(work, shared, name):
    def read(side):
        with gzip.open(shared / "students" / f"{name}.{side}.jsonl.gz", "rt") as file:
            rows = [json.loads(line) for line in file]
        return [
            Example(row["input"], row.get("outputs", [row.get("output")])[0], "user:train")
            for row in rows
        ]

    bounds = {"max_input_chars": 4000, "max_output_chars": 4000}
    splits = run(
        work,
        train=read("train"),
        valid=read("dev"),
        test=read("test"),
        valid_share=0.05,
        test_share=0.05,
        **bounds,
    )
    assert (len(splits.train), len(splits.valid), len(splits.real)) == (
        {"g2p.fre": 8000}.get(name, 10_000),
        1000,
        1000,
    )
    assert splits.dropped == {}


@pytest.mark.slow
def test_memory_stays_small_with_many_examples(tmp_path):
    """100,000 examples, 13 MB: judging them takes less memory than the file holds."""
    code = f"""
import contextlib, resource
from pathlib import Path
from p2m.artifacts import Choice, Example, Examples, Prompt, ExampleFile, TaskSpec, write_rows
from p2m.stages import Work
from p2m.processor.text import Text
path = Path({str(tmp_path)!r}) / "rows.jsonl"
write_rows(path, (Example(f"{{i}} " + "x" * 80, f"out {{i}}", "teacher:k") for i in range(100_000)))
class Quiet:
    def advance(self, n): pass
work = Work(Path({str(tmp_path)!r}), "processor", "r", "a", lambda total, unit: \
contextlib.nullcontext(Quiet()))
rows = ExampleFile(path)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
stage = Text("never", 0, 0.05, 1000, 0.05, 1000, "auto", 10, 4000, 2000, "=")
splits = stage.run(Prompt("x"), TaskSpec("x"), Examples(), Examples(rows), Choice("scratch", None, \
"encoder-decoder"), work)
print(len(splits.train), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 - \
path.stat().st_size)
"""
    n, beyond = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert int(n) == 98_000
    assert int(beyond) < 20e6  # beyond the pages of the file itself, which the system may take back


def test_a_student_that_writes_on_is_asked_for_its_answer(work):
    decoder = Choice("scratch", None, "decoder-only")
    assert run(work, many(10), choice=decoder).suffix == "="
    assert run(work, many(10)).suffix == ""


def test_a_student_tuned_to_chat_is_asked_in_its_template(work):
    chat = Choice("a/b", "1", "decoder-only", chat=("<user>", "<model>"))
    splits = run(work, many(10), choice=chat)
    assert (splits.prefix, splits.suffix) == ("<user>Do.\n\n", "<model>")
