"""Metrics that are the mean of one number an example."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from p2m.stages import Tally


def mean_of(scores: Iterable[float]) -> Tally:
    """The tally whose score is the mean: each row holds an example's score and 1 for the example itself."""
    values = np.fromiter(scores, dtype=np.float64)
    return Tally(np.stack([values, np.ones_like(values)], axis=1), _mean)


def _mean(totals: Any) -> Any:
    return totals[:, 0] / totals[:, 1]
