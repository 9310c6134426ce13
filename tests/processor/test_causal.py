"""Splits for students that go on writing after their input."""

import pytest

from p2m.artifacts import Choice, Example, Examples, Prompt, TaskSpec
from p2m.processor.causal import Causal
from tests.processor.test_seq2seq import SETTINGS

ROWS = [Example(f"number {i}", f"out {i}", "teacher:k") for i in range(10)]


def test_the_splits_are_those_of_seq2seq_with_words_that_ask_for_the_answer(work):
    causal = Causal(**SETTINGS, suffix="\n=")
    splits = causal.run(
        Prompt("Do."),
        TaskSpec("Do."),
        Examples(),
        Examples(ROWS),
        Choice("scratch", None, "decoder-only"),
        work,
    )
    assert splits.suffix == "\n="
    assert [row.input for row in splits.train] == [row.input for row in ROWS]


def test_a_suffix_that_is_empty_is_refused():
    with pytest.raises(
        ValueError, match="suffix: is empty, so a student could not tell where the input ends"
    ):
        Causal(**SETTINGS, suffix="")
