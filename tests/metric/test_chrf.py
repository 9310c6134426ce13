import numpy as np
import pytest
from sacrebleu.metrics import CHRF

from p2m.metric.chrf import ChrF

SAID = ["the cat sat on the mat", "xyz", "", "hello, world", "日本語のテスト"]
ONE = [["the cat sat on a mat"], ["abc"], ["no"], ["hello world"], ["日本語テスト"]]
MANY = [
    ["the cat sat on a mat", "a cat on the mat", "mat"],
    ["abc"],
    ["no", "n/a"],
    ["hello world"],
    ["テスト", "日本語テスト"],
]


def test_it_is_sacrebleus_corpus_score_over_a_hundred():
    wanted = CHRF(word_order=2).corpus_score(SAID, [[a for (a,) in ONE]]).score / 100
    assert ChrF().score(SAID, ONE) == pytest.approx(wanted, abs=1e-12)


def test_examples_may_have_different_numbers_of_accepted_answers():
    streams = [[answers[i] if i < len(answers) else None for answers in MANY] for i in range(3)]
    wanted = CHRF(word_order=2).corpus_score(SAID, streams).score / 100
    assert ChrF().score(SAID, MANY) == pytest.approx(wanted, abs=1e-12)
    assert ChrF().score(SAID, MANY) != pytest.approx(ChrF().score(SAID, ONE))


def test_equal_texts_score_one_and_texts_without_a_common_letter_zero():
    assert ChrF().score(["abcdefgh ij"], [["abcdefgh ij"]]) == 1.0
    assert ChrF().score(["abc"], [["xyz"]]) == 0.0
    assert ChrF().score([""], [["xyz"]]) == 0.0


def test_the_score_of_a_resample_is_that_of_its_summed_rows():
    tally = ChrF().tally(SAID, ONE)
    counts = np.array([[2, 0, 1, 1, 1], [0, 3, 0, 2, 0]])
    resampled = [[i for i, times in enumerate(row) for _ in range(times)] for row in counts]
    wanted = [
        ChrF().score([SAID[i] for i in order], [ONE[i] for i in order]) for order in resampled
    ]
    assert tally.whole(counts @ tally.rows) == pytest.approx(wanted, abs=1e-12)
