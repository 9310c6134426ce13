"""How often each example comes, by its origin, its answer and its votes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from p2m.artifacts import Example
from p2m.fit.votes import SoftLabels

ROUNDS = 50  # of fitting shares by two names; where both can be had, the rest is far below one example by then


def sampling_weights(
    rows: Sequence[Example], mix: float, label_prior: float
) -> NDArray[np.float64] | None:
    """How often each example is to come so that its origin and its answer have the shares asked for; None where all come alike.

    The answers to one input share what is due to it by their votes (see _votes.py).
    An origin of n examples is seen in proportion to n ** mix (Arivazhagan et al. 2019), an answer likewise to n ** label_prior.
    Where both are asked for they are fitted in turns, as far as the examples allow both.
    """
    shares = np.array(rows.shares) if isinstance(rows, SoftLabels) else None
    if mix == label_prior == 1:
        return shares
    weights = np.ones(len(rows)) if shares is None else shares
    asked = []  # for each kind of share: which name each example has, and what each name is due
    for name_of, power in ((_origin, mix), (_answer, label_prior)):
        if power != 1:
            places: dict[str, int] = {}
            names = np.array([places.setdefault(name_of(row), len(places)) for row in rows])
            due = np.bincount(names, weights) ** power
            asked.append((names, due / due.sum()))
    for _ in range(ROUNDS if len(asked) > 1 else 1):
        for names, due in asked:
            weights = weights * (due / np.bincount(names, weights))[names]
    return weights


def _origin(row: Example) -> str:
    return row.origin.split(":")[0]


def _answer(row: Example) -> str:
    return row.output
