import numpy as np
import pytest

from p2m.evaluator import _bootstrap
from p2m.evaluator._bootstrap import Bootstrap
from p2m.metric.chrf import ChrF
from p2m.metric.exact_match import ExactMatch

PREDICTED = ["a", "b", "c", "d", "e f g"] * 8
WANTED = [["a"], ["b"], ["x"], ["d"], ["e f h", "e g"]] * 8


def score(metric, predictions, accepted, resamples, confidence, seed):
    return Bootstrap(resamples, confidence, seed).score(metric, predictions, accepted)


class LongestFirst:
    """A metric that knows no tally: the share of examples as long as the longest."""

    def score(self, predictions, accepted):
        longest = max(map(len, predictions))
        return sum(len(p) == longest for p in predictions) / len(predictions)


class Plain:
    """Exact match without its tally."""

    def score(self, predictions, accepted):
        return ExactMatch().score(predictions, accepted)


def test_the_value_is_the_metrics_own_score():
    assert score(ChrF(), PREDICTED, WANTED, 50, 0.95, 0).value == ChrF().score(PREDICTED, WANTED)
    assert score(ExactMatch(), PREDICTED, WANTED, 50, 0.95, 0).value == 0.6
    assert score(ExactMatch(), PREDICTED, WANTED, 50, 0.95, 0).n == 40


def test_the_interval_of_a_share_is_that_of_the_binomial():
    predicted, wanted = ["y"] * 300 + ["n"] * 100, [["y"]] * 400
    result = score(ExactMatch(), predicted, wanted, 20_000, 0.95, 0)
    spread = 1.96 * np.sqrt(0.75 * 0.25 / 400)  # normal approximation: 0.0424
    assert result.low == pytest.approx(0.75 - spread, abs=0.003)
    assert result.high == pytest.approx(0.75 + spread, abs=0.003)


def test_a_lower_confidence_gives_a_narrower_interval():
    wide, narrow = (score(ExactMatch(), PREDICTED, WANTED, 1000, c, 0) for c in (0.95, 0.5))
    assert wide.low < narrow.low <= 0.6 <= narrow.high < wide.high


def test_answers_all_right_or_all_wrong_have_no_spread():
    assert score(ExactMatch(), ["a"] * 9, [["a"]] * 9, 100, 0.95, 0) == score(
        ExactMatch(), ["a"] * 9, [["a"]] * 9, 100, 0.95, 1
    )
    zero = score(ChrF(), ["a"] * 9, [["b"]] * 9, 100, 0.95, 0)
    assert (zero.value, zero.low, zero.high) == (0, 0, 0)


def test_the_seed_decides_the_interval():
    assert score(ChrF(), PREDICTED, WANTED, 100, 0.95, 3) == score(
        ChrF(), PREDICTED, WANTED, 100, 0.95, 3
    )
    assert score(ChrF(), PREDICTED, WANTED, 100, 0.95, 3) != score(
        ChrF(), PREDICTED, WANTED, 100, 0.95, 4
    )


def test_a_metric_without_a_tally_gets_the_same_interval():
    assert score(Plain(), PREDICTED, WANTED, 200, 0.95, 5) == score(
        ExactMatch(), PREDICTED, WANTED, 200, 0.95, 5
    )


def test_a_metric_that_does_not_add_up_is_asked_for_each_resample():
    result = score(LongestFirst(), PREDICTED, WANTED, 200, 0.95, 0)
    assert result.value == 0.2
    assert 0.05 < result.low < 0.2 < result.high < 0.4


def test_drawing_in_blocks_draws_the_same(monkeypatch):
    whole = score(ExactMatch(), PREDICTED, WANTED, 100, 0.95, 0)
    monkeypatch.setattr(_bootstrap, "CELLS", 7 * len(PREDICTED))
    assert score(ExactMatch(), PREDICTED, WANTED, 100, 0.95, 0) == whole
