"""How sure a score is: the percentile bootstrap over examples (Efron 1979)."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from p2m.artifacts import Score
from p2m.stages import Metric, Tally

CELLS = 8_000_000  # counts drawn at a time: 64 MB of float64


def scored(
    metric: Metric,
    predictions: Sequence[str],
    accepted: Sequence[Sequence[str]],
    resamples: int,
    confidence: float,
    seed: int,
) -> Score:
    """The metric's value, and the middle *confidence* of its values on *resamples* sets of examples drawn with replacement.

    Sets of one size are drawn alike whatever the metric and whoever answered, so that scores on one test set can be compared draw by draw.
    """
    n = len(predictions)
    if hasattr(metric, "tally"):
        tally: Tally = metric.tally(predictions, accepted)
        value, drawn = (
            tally.score,
            np.concatenate(
                [tally.whole(times @ tally.rows) for times in _draws(n, resamples, seed)]
            ),
        )
    else:
        value, drawn = (
            metric.score(predictions, accepted),
            _again(metric, predictions, accepted, _draws(n, resamples, seed)),
        )
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Score(value, float(low), float(high), n)


def _draws(n: int, resamples: int, seed: int) -> Iterator[Any]:
    """How often each of n examples stands in each resample: arrays (some, n) that make *resamples* rows together."""
    rng = np.random.default_rng(seed)
    block = max(1, CELLS // n)
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        yield np.stack(
            [np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(rows)]
        ).astype(np.float64)


def _again(
    metric: Metric,
    predictions: Sequence[str],
    accepted: Sequence[Sequence[str]],
    draws: Iterator[Any],
) -> Any:
    """The same for a metric that does not come apart: asked once for each resample."""
    orders = (
        np.repeat(np.arange(len(times)), times.astype(int)).tolist()
        for block in draws
        for times in block
    )
    return np.array(
        [
            metric.score([predictions[i] for i in order], [accepted[i] for i in order])
            for order in orders
        ]
    )
