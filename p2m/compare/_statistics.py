"""Whether scores over the same examples differ by more than chance.

A score is the mean of one value an example; of metrics that are no mean, these values are the
jackknife's (Tukey 1958).  Examples are drawn again.  Seeds are too few for that: three, drawn
again, have two thirds of their variance and no tails, so each draw adds a value of Student's t with
the spread that seeds have beyond what their examples explain.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from p2m.metric.tally import AdditiveMetric
from p2m.stages import Metric

ROUNDS = 10_000  # a p-value of .05 is then known to .002
CELLS = 4_000_000  # numbers drawn at a time: 32 MB
CONFIDENCE = 0.95
POWER = (1.960 + 0.842) / 1.960  # half an interval to the effect that is found 8 times in 10
FEWEST = 5  # examples that must differ, all one way, before p < .05: 2 / 2**5, half of it
ROUNDING = 1e-12


def values_of(metric: Metric, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> Any:
    """(n,): what each example brings into the score, which is their mean."""
    n = len(predictions)
    if isinstance(metric, AdditiveMetric):
        tally = metric.tally(predictions, accepted)
        if tally.is_mean or n == 1:
            return tally.whole(tally.rows)
        score = tally.score
        without = tally.whole(tally.rows.sum(axis=0) - tally.rows)
    else:
        score = metric.score(predictions, accepted)
        without = np.full(n, score)
        for i in range(n if n > 1 else 0):
            rest = [*predictions[:i], *predictions[i + 1 :]], [*accepted[:i], *accepted[i + 1 :]]
            without[i] = metric.score(*rest)
    return score + (n - 1) * (without.mean() - without)


def stack(metric: Metric, runs: Sequence[Sequence[str]], accepted: Sequence[Sequence[str]]) -> Any:
    """(runs, n): `values_of` for the predictions of each run."""
    return np.stack([values_of(metric, predictions, accepted) for predictions in runs])


def mean_interval(scores: Sequence[float], values: Any) -> tuple[float, float]:
    """Of the mean of several seeds' scores.

    values: (seeds, examples), or None where each seed had a test set of its own.
    """
    rng = np.random.default_rng(0)
    if values is not None:
        return _middle(_draw_means(values.mean(axis=0), rng) + _seed_noise([values], rng))
    error = np.std(scores, ddof=1) / len(scores) ** 0.5
    return _middle(np.mean(scores) + error * rng.standard_t(len(scores) - 1, ROUNDS))


def difference(values: Any, reference: Any) -> tuple[float, float, float]:
    """low, high and p of the mean of *values* less that of *reference*, paired by example.

    p: how often signs given to the examples' differences by chance bring a larger one, and half of
    how often one as large (mid-p: few answers that differ give few values, and counted whole, too
    few false positives; Fagerland et al. 2013).
    """
    rng = np.random.default_rng(0)
    differences = values.mean(axis=0) - reference.mean(axis=0)
    noise = _seed_noise([values, reference], rng)
    low, high = _middle(_draw_means(differences, rng) + noise)
    above = np.abs(_draw_signs(differences, rng) + noise) - abs(differences.mean())
    if not differences.any():
        return low, high, 1.0
    larger = (above > ROUNDING).sum() + (abs(above) <= ROUNDING).sum() / 2
    return low, high, float((1 + larger) / (1 + ROUNDS))


def smallest_shown(low: float, high: float, n: int) -> float:
    """The difference that n examples show 8 times in 10, at an interval of this width."""
    return max(POWER * (high - low) / 2, FEWEST / n)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values that hold for all comparisons together (Holm 1979)."""
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def _seed_noise(groups: Sequence[Any], rng: Any) -> Any:
    """(ROUNDS,) what other seeds would change in the mean, or in a difference of two.

    The variance of a seed's own effect is that between seeds less what the examples bring into it
    (two-way analysis of variance), pooled over the groups; of single seeds it is not known.
    """
    between = within = freedom = 0.0
    for values in groups:
        seeds, n = values.shape
        of_seeds = values.mean(axis=1) - values.mean()
        rest = values - values.mean(axis=0) - of_seeds[:, None]
        between += (of_seeds**2).sum()
        within += (rest**2).sum() / max(n - 1, 1) / n
        freedom += seeds - 1
    if not freedom:
        return np.zeros(ROUNDS)
    variance = max(0.0, between - within) / freedom
    share = sum(1 / len(values) for values in groups)
    return (variance * share) ** 0.5 * rng.standard_t(freedom, ROUNDS)


def _draw_means(values: Any, rng: Any) -> Any:
    """(ROUNDS,) means of as many examples, drawn with replacement."""
    n = len(values)
    different, counts = np.unique(values, return_counts=True)
    means = []
    for rounds in _blocks(len(different)):
        times = rng.multinomial(n, counts / n, size=rounds)
        means.append(times @ different / n)
    return np.concatenate(means)


def _draw_signs(values: Any, rng: Any) -> Any:
    """(ROUNDS,) means of the values with signs given by chance."""
    sizes, counts = np.unique(np.abs(values), return_counts=True)
    means = []
    for rounds in _blocks(len(sizes)):
        positive = rng.binomial(counts, 0.5, size=(rounds, len(sizes)))
        signs = 2 * positive - counts
        means.append(signs @ sizes / len(values))
    return np.concatenate(means)


def _blocks(width: int) -> list[int]:
    """Numbers of rounds that sum up to ROUNDS, as many at a time as memory should hold."""
    block = max(1, CELLS // width)
    return [min(block, ROUNDS - start) for start in range(0, ROUNDS, block)]


def _middle(draws: Any) -> tuple[float, float]:
    low, high = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
