"""Which examples stay, and on which side of the split: all at once, on arrays of keys."""

from __future__ import annotations  # array[int] is for type checkers only before Python 3.12

from array import array
from collections import Counter
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from p2m.processor._keys import Keys

TRAIN, VALID, TEST = range(3)
Places: TypeAlias = (
    "tuple[array[int], array[int], array[int]]"  # of the examples on each side, ascending
)
Numbers = NDArray[np.uint64]


@dataclass(frozen=True)
class Shares:
    """Share and most examples of each held-out side.  user_tests: whether the user's own examples may go to the test side."""

    valid: float
    valid_max: int
    test: float
    test_max: int
    user_tests: bool


def sides_of(
    keys: Keys, shares: Shares, measured: array[int], demonstrated: array[int]
) -> tuple[Places, Counter[str]]:
    """(places of train, valid and test; what was dropped, by reason).

    measured, demonstrated: near keys of inputs that must not be trained on.
    """
    near, exact, output, length = (
        np.frombuffer(a, np.uint64) for a in (keys.near, keys.exact, keys.output, keys.length)
    )
    user = np.frombuffer(keys.user, np.uint8)
    left = np.arange(len(near))
    dropped = Counter(keys.dropped)

    def keep(mask: NDArray[np.bool_], reason: str) -> None:
        nonlocal left
        dropped[reason] += int(len(left) - mask.sum())
        left = left[mask]

    keep(~np.isin(near[left], np.frombuffer(measured, np.uint64)), "in a test or validation set")
    keep(~np.isin(near[left], np.frombuffer(demonstrated, np.uint64)), "is a demonstration")
    keep(_elected(exact[left], output[left], length[left], user[left]), "outvoted")
    keep(_first(exact[left]), "duplicate")
    keep(_first(near[left], output[left]), "near-duplicate")
    at, sides = (
        np.frombuffer(keys.at, np.uint64)[left],
        _split(near[left], user[left].astype(bool), shares),
    )
    train, valid, test = (array("Q", at[sides == side].tobytes()) for side in (TRAIN, VALID, TEST))
    return (train, valid, test), dropped


def _elected(
    exact: Numbers, output: Numbers, length: Numbers, user: NDArray[np.uint8]
) -> NDArray[np.bool_]:
    """True where an example has the output that won its input: the user's own word, most votes, the shortest, the first to come."""
    elected = np.zeros(len(exact), bool)
    if not len(exact):
        return elected
    order = np.lexsort(
        (output, exact)
    )  # stable, so that each run of equals begins with the one that came first
    starts = np.flatnonzero(_changes(exact[order]) | _changes(output[order]))
    votes = np.diff(np.append(starts, len(order)))
    said = np.maximum.reduceat(user[order], starts)
    first = order[starts]
    # one entry a pair of input and output: the best of an input's comes first
    best = np.lexsort((first, length[first], -votes, -said.astype(np.int8), exact[first]))
    winners = best[_changes(exact[first][best])]
    elected[order] = np.repeat(np.isin(np.arange(len(starts)), winners), votes)
    return elected


def _first(*columns: Numbers) -> NDArray[np.bool_]:
    """True for the first of each run of examples that are equal in all columns."""
    order = np.lexsort(columns)
    changes = np.zeros(len(order), bool)
    for column in columns:
        changes |= _changes(column[order])
    mask = np.zeros(len(order), bool)
    mask[order[changes]] = True
    return mask


def _changes(ordered: Numbers) -> NDArray[np.bool_]:
    return np.append(np.ones(min(1, len(ordered)), bool), ordered[1:] != ordered[:-1])


def _split(near: Numbers, user: NDArray[np.bool_], shares: Shares) -> NDArray[np.uint8]:
    """A place in [0, 1) that the input alone decides: the test side takes from the bottom, validation from the top.

    So the side stays when other examples come.  Where a side is full, those furthest in stay and the others train: growth can move an
    example from a held-out side to training, never the other way.  Near-duplicates have one place, so they lie on one side.
    """
    place = _mixed(near) / 2.0**64
    may_test = np.ones(len(near), bool) if shares.user_tests else ~user & ~np.isin(near, near[user])
    sides = np.full(len(near), TRAIN, np.uint8)
    sides[_taken(place, may_test, shares.test, shares.test_max)] = TEST
    sides[_taken(1 - place, sides == TRAIN, shares.valid, shares.valid_max)] = VALID
    return sides


def _taken(
    place: NDArray[np.float64], may: NDArray[np.bool_], share: float, most: int
) -> NDArray[np.intp]:
    """The places below *share*, at most *most* of them, the smallest; one at least, where there are two to choose from."""
    if not share or not most:
        return np.zeros(0, np.intp)
    order = np.argsort(place, kind="stable")
    order = order[may[order]]
    n = min(int((place[order] < share).sum()), most)
    return order[: max(n, 1)] if len(order) >= 2 else order[:0]


def _mixed(keys: Numbers) -> Numbers:
    """Keys shuffled (the end of splitmix64), so that the split does not go by the very bits that other uses of a key go by."""
    with np.errstate(over="ignore"):
        z = keys + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(z ^ (z >> np.uint64(31)))
