"""How often each example comes, by its origin, its answer and its votes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from p2m.artifacts import Example
from p2m.fit.plan import Sampling
from p2m.fit.votes import SoftLabels

# of fitting shares by two names; where both can be had, the rest is far below one example by then
ROUNDS = 50


def sampling_weights(rows: Sequence[Example], sampling: Sampling) -> NDArray[np.float64] | None:
    """How often each example is to come; None where all come alike.

    Origins and answers get the shares asked for; where both are, they are fitted in turns, as far
    as the examples allow both.  The answers to one input share what is due to it by their votes.
    """
    shares = np.array(rows.shares) if isinstance(rows, SoftLabels) else None
    if sampling.mix == sampling.label_prior == 1:
        return shares
    weights = np.ones(len(rows)) if shares is None else shares
    asked = []  # for each kind of share: which name each example has, and what each name is due
    if sampling.mix != 1:
        origins = [row.origin.split(":")[0] for row in rows]
        asked.append(_due(origins, weights, sampling.mix))
    if sampling.label_prior != 1:
        answers = [row.output for row in rows]
        asked.append(_due(answers, weights, sampling.label_prior))
    for _ in range(ROUNDS if len(asked) > 1 else 1):
        weights = _fit(weights, asked)
    return weights


def _fit(weights: NDArray[np.float64], asked: list[Any]) -> NDArray[np.float64]:
    for names, due in asked:
        weights = weights * (due / np.bincount(names, weights))[names]
    return weights


def _due(
    names: list[str], weights: NDArray[np.float64], power: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The number of each example's name, and the share of all that each name is due."""
    numbers: dict[str, int] = {}
    numbered = np.array([numbers.setdefault(name, len(numbers)) for name in names])
    due = np.bincount(numbered, weights) ** power
    return numbered, due / due.sum()
