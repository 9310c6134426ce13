"""Laws of the figures of a comparison; experiments/compare_statistics measures the rates."""

import numpy as np
import pytest

from p2m.compare import _statistics as statistics
from p2m.metric.exact_match import ExactMatch
from p2m.metric.f1 import F1
from p2m.metric.macro_f1 import MacroF1


class Longest:
    """A metric that knows no tally."""

    def score(self, predictions, accepted):
        return float(max(map(len, predictions)))


def test_what_examples_bring_is_their_score_where_the_score_is_a_mean():
    brought = statistics.values_of(ExactMatch(), ["a", "b", "c"], [["a"], ["x"], ["c"]])
    assert brought.tolist() == [1, 0, 1]
    assert statistics.values_of(F1(), ["b c"], [["b"]])[0] == pytest.approx(2 / 3)


@pytest.mark.parametrize("metric", [MacroF1(), Longest()])
def test_what_examples_bring_has_the_score_as_its_mean(metric):
    predictions, accepted = ["a", "b", "b", "a c"], [["a"], ["a"], ["b"], ["c"]]
    brought = statistics.values_of(metric, predictions, accepted)
    assert brought.mean() == pytest.approx(metric.score(predictions, accepted))
    assert brought.shape == (4,)
    assert len(set(np.round(brought, 9))) > 1


def test_p_of_answers_that_all_differ_one_way_is_that_of_the_signs():
    """Five of 40: 2 / 2**5 bring one as large, none a larger one, and ties count half."""
    values = np.zeros((1, 40))
    values[0, :5] = 1
    _, _, p = statistics.difference(values, np.zeros((1, 40)))
    assert p == pytest.approx(1 / 32, abs=0.005)
    assert statistics.difference(values, values)[2] == 1.0


def test_the_interval_of_a_difference_is_paired():
    """Two students that err together differ by less than their own intervals say."""
    hard = np.arange(400) % 2 * 1.0
    better = hard.copy()
    better[:10:2] = 1
    low, high, p = statistics.difference(better[None], hard[None])
    assert (low, high) == (pytest.approx(0.0025, abs=0.0026), pytest.approx(0.025, abs=0.003))
    assert p == pytest.approx(1 / 32, abs=0.005)


def test_seeds_that_disagree_widen_the_interval_and_take_the_proof_away():
    rng = np.random.default_rng(0)
    alike = (rng.random((3, 1000)) < 0.6) * 1.0
    unlike = (rng.random((3, 1000)) < [[0.5], [0.6], [0.7]]) * 1.0
    reference = (rng.random((3, 1000)) < 0.52) * 1.0
    widths = [np.diff(statistics.mean_interval([], values))[0] for values in (alike, unlike)]
    assert 0.03 < widths[0] < 0.12 < 0.3 < widths[1]
    assert statistics.difference(alike, reference)[2] < 0.01
    assert statistics.difference(unlike, reference)[2] > 0.1


def test_the_spread_of_runs_on_tests_of_their_own_is_students_t():
    low, high = statistics.mean_interval([0.4, 0.5, 0.6], None)
    assert (low, high) == (
        pytest.approx(0.5 - 4.303 * 0.0577, abs=0.02),
        pytest.approx(1 - low, abs=0.02),
    )


def test_holm_gives_the_figures_of_the_textbook():
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.5, 0.9]) == [1.0, 1.0]
    assert statistics.holm([]) == []


def test_an_effect_that_is_said_to_be_detectable_is_found_eight_times_in_ten():
    """Normal approximation: 2.8 standard errors, of an interval of 3.92."""
    assert statistics.smallest_shown(-0.0392, 0.0392, 500) == pytest.approx(0.056, abs=1e-4)
    assert statistics.smallest_shown(0.0, 0.0, 100) == 0.05


def test_drawing_in_blocks_draws_alike(monkeypatch):
    values = np.random.default_rng(1).random((1, 30))
    whole = statistics.difference(values, values / 2)
    monkeypatch.setattr(statistics, "CELLS", 30 * 7)
    assert statistics.difference(values, values / 2) == pytest.approx(whole)
