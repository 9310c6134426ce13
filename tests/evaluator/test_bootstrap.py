import numpy as np
import pytest

from p2m.evaluator import _bootstrap
from p2m.evaluator._bootstrap import Bootstrap
from p2m.metric.chrf import ChrF
from p2m.metric.exact_match import ExactMatch
from p2m.metric.f1 import F1

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
    """F1 without its tally."""

    def score(self, predictions, accepted):
        return F1().score(predictions, accepted)


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


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        (10, 10, 0.7225, 1.0),
        (0, 10, 0.0, 0.2775),
        (1, 10, 0.0179, 0.4042),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_a_share_of_right_answers_has_wilsons_interval(right, n, low, high):
    """Figures of Newcombe 1998, table I, to four places; the first two are 1 / (1 + z^2 / n) and
    its rest."""
    result = score(ExactMatch(), ["y"] * right + ["n"] * (n - right), [["y"]] * n, 10, 0.95, 0)
    assert (round(result.low, 4), round(result.high, 4)) == (low, high)
    assert result.low <= result.value <= result.high


def test_of_a_metric_that_is_no_share_answers_all_wrong_have_no_spread():
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
    plain = score(Plain(), PREDICTED, WANTED, 200, 0.95, 5)
    summed = score(F1(), PREDICTED, WANTED, 200, 0.95, 5)
    assert (plain.low, plain.high) == pytest.approx((summed.low, summed.high))


def test_a_metric_that_does_not_add_up_is_asked_for_each_resample():
    result = score(LongestFirst(), PREDICTED, WANTED, 200, 0.95, 0)
    assert result.value == 0.2
    assert 0.05 < result.low < 0.2 < result.high < 0.4


def test_drawing_in_blocks_draws_the_same(monkeypatch):
    whole = score(F1(), PREDICTED, WANTED, 100, 0.95, 0)
    monkeypatch.setattr(_bootstrap, "CELLS", 7 * len(PREDICTED))
    assert score(F1(), PREDICTED, WANTED, 100, 0.95, 0) == whole
