"""How sure a score is: the percentile bootstrap over examples (Efron 1979).

Wilson's interval (1927) for a share of right answers: where all are right or all wrong, no resample
differs, and the bootstrap's interval would have no width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from p2m.artifacts import Score
from p2m.metric.tally import AdditiveMetric
from p2m.stages import Metric

CELLS = 8_000_000  # counts drawn at a time: 64 MB of float64


@dataclass(frozen=True)
class Bootstrap:
    """Sets of one size are drawn alike whatever the metric and whoever answered.

    So scores on one test set can be compared draw by draw.
    """

    resamples: int
    confidence: float
    seed: int

    def score(
        self, metric: Metric, predictions: Sequence[str], accepted: Sequence[Sequence[str]]
    ) -> Score:
        """The metric's value; its interval is the middle *confidence* of the resamples."""
        n = len(predictions)
        scores: list[Any] = []
        if isinstance(metric, AdditiveMetric):
            tally = metric.tally(predictions, accepted)
            value = tally.score
            if tally.is_mean and np.isin(tally.rows[:, 0], (0, 1)).all():
                return Score(value, *self._wilson(value, n), n)
            for counts in self._draws(n):
                scores.extend(tally.whole(counts @ tally.rows))
        else:
            value = metric.score(predictions, accepted)
            for counts in self._draws(n):
                for times in counts.astype(int):
                    drawn = np.repeat(np.arange(n), times).tolist()
                    resample = [predictions[i] for i in drawn], [accepted[i] for i in drawn]
                    scores.append(metric.score(*resample))
        low, high = np.quantile(scores, [(1 - self.confidence) / 2, (1 + self.confidence) / 2])
        return Score(value, float(low), float(high), n)

    def _wilson(self, share: float, n: int) -> tuple[float, float]:
        z = NormalDist().inv_cdf((1 + self.confidence) / 2)
        middle = share + z**2 / (2 * n)
        half = z * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
        low, high = ((middle + side) / (1 + z**2 / n) for side in (-half, half))
        return round(low, 12), round(high, 12)  # of 0 and 1 exactly 0 and 1

    def _draws(self, n: int) -> Iterator[Any]:
        """Blocks of resamples: arrays (some, n), how often each of n examples is drawn."""
        rng = np.random.default_rng(self.seed)
        block = max(1, CELLS // n)
        for start in range(0, self.resamples, block):
            size = min(block, self.resamples - start)
            counts = [np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(size)]
            yield np.stack(counts).astype(np.float64)
