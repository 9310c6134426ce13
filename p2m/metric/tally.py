"""A metric that comes apart by example, for intervals by resampling."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from p2m.stages import Metric


@dataclass(frozen=True)
class Tally:
    """A metric taken apart.

    rows (n, k): each example's own numbers.  whole: turns (r, k) sums of rows into (r,) scores, so
    that a resample of the examples is a sum of rows, and a bootstrap one matrix product.
    is_mean: the score is the mean of the rows' first numbers.
    """

    rows: Any
    whole: Callable[[Any], Any]
    is_mean: bool = False

    @property
    def score(self) -> float:
        return float(self.whole(self.rows.sum(axis=0, keepdims=True))[0])


@runtime_checkable
class AdditiveMetric(Metric, Protocol):
    """A metric that comes apart by example.

    Any other is asked for its score once for each resample of an interval.
    """

    def tally(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> Tally: ...


def mean_of(scores: Iterable[float]) -> Tally:
    """The tally whose score is the mean: an example's row is its score, and 1 to count it."""
    import numpy as np

    rows = np.array([(score, 1.0) for score in scores]).reshape(-1, 2)
    return Tally(rows, _divide, is_mean=True)


def _divide(totals: Any) -> Any:
    return totals[:, 0] / totals[:, 1]
