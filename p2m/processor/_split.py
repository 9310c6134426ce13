"""Which examples stay, and on which side of the split: all at once, on arrays of keys.

keys_N: one record of KEY an example, 41 bytes, so that a million leave memory free.
"""

from __future__ import annotations  # array[int] is for type checkers only before Python 3.12

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from p2m.artifacts import Example
from p2m.processor._bounds import Bounds
from p2m.text.same import digest, exact, near, normalize_space

TRAIN, VALID, TEST = range(3)
Places: TypeAlias = "tuple[array[int], array[int], array[int]]"  # of each side, ascending
Numbers = NDArray[np.uint64]
Mask = NDArray[np.bool_]
KEY = np.dtype(
    [
        ("place", np.uint64),  # among all examples
        ("exact", np.uint64),  # of the input: equal but for white space
        ("near", np.uint64),  # of the input: equal for near-duplicates
        ("output", np.uint64),
        ("length", np.uint64),  # of the output, in characters
        ("user", np.bool_),  # the user's own
    ]
)


@dataclass(frozen=True)
class Shares:
    """Share and most examples of each held-out side.

    user_tests: whether the user's own examples may go to the test side.
    """

    valid: float
    valid_max: int
    test: float
    test_max: int
    user_tests: bool


def split(
    rows: Iterable[Example],
    n_user: int,
    bounds: Bounds,
    shares: Shares,
    measured: Set[int],
    demonstrated: Set[int],
) -> tuple[Places, Counter[str]]:
    """Places of train, valid and test among *rows*; what was dropped, by reason.

    rows: in the order in which they are preferred, the user's own, *n_user* of them, first.
    measured, demonstrated: near keys of inputs that must not be trained on.
    """
    dropped: Counter[str] = Counter()
    keys_N = np.fromiter(_records(rows, n_user, bounds, dropped), KEY)

    def keep(mask_N: Mask, reason: str) -> None:
        nonlocal keys_N
        dropped[reason] += int(len(mask_N) - mask_N.sum())
        keys_N = keys_N[mask_N]

    keep(~_is_in(keys_N["near"], measured), "in a test or validation set")
    keep(~_is_in(keys_N["near"], demonstrated), "is a demonstration")
    keep(_wins_vote(keys_N), "outvoted")
    keep(_comes_first(keys_N["exact"]), "duplicate")
    keep(_comes_first(keys_N["near"], keys_N["output"]), "near-duplicate")
    sides_N = _sides(keys_N["near"], keys_N["user"], shares)
    train, valid, test = (
        array("Q", keys_N["place"][sides_N == side].tobytes()) for side in (TRAIN, VALID, TEST)
    )
    return (train, valid, test), dropped


def _records(
    rows: Iterable[Example], n_user: int, bounds: Bounds, dropped: Counter[str]
) -> Iterator[tuple[int, int, int, int, int, bool]]:
    for place, row in enumerate(rows):
        clean = bounds.clean(row)
        fault = bounds.fault(clean)
        if fault:
            dropped[fault] += 1
            continue
        source, output = clean.input, clean.output
        output_key = digest(normalize_space(output))
        yield place, exact(source), near(source), output_key, len(output), place < n_user


def _is_in(column_N: Numbers, keys: Set[int]) -> Mask:
    return np.isin(column_N, np.fromiter(keys, np.uint64))


def _wins_vote(keys_N: Any) -> Mask:
    """True where an example has the output that won its input.

    The user's own word wins, then most votes, then the shortest, then the first to come.
    """
    elected_N = np.zeros(len(keys_N), bool)
    if not len(keys_N):
        return elected_N
    # 1) order_N: examples of one input and output (a pair) side by side.  lexsort is stable, so
    #    that each pair begins with the one that came first
    order_N = np.lexsort((keys_N["output"], keys_N["exact"]))
    sorted_N = keys_N[order_N]
    starts_P = np.flatnonzero(_changes(sorted_N["exact"]) | _changes(sorted_N["output"]))
    # 2) votes_P: how many examples hold the pair; user_P: whether one of them is the user's
    votes_P = np.diff(np.append(starts_P, len(order_N)))
    user_P = np.maximum.reduceat(sorted_N["user"], starts_P)
    # 3) best_P: the pairs by input, the one that wins first
    first_P = sorted_N[starts_P]
    best_P = np.lexsort((order_N[starts_P], first_P["length"], -votes_P, ~user_P, first_P["exact"]))
    wins_P = np.zeros(len(starts_P), bool)
    wins_P[best_P[_changes(first_P["exact"][best_P])]] = True
    elected_N[order_N] = np.repeat(wins_P, votes_P)
    return elected_N


def _comes_first(*columns_N: Numbers) -> Mask:
    """True for the first of the examples that are equal in all columns."""
    order_N = np.lexsort(columns_N)
    changes_N = np.zeros(len(order_N), bool)
    for column_N in columns_N:
        changes_N |= _changes(column_N[order_N])
    mask_N = np.zeros(len(order_N), bool)
    mask_N[order_N[changes_N]] = True
    return mask_N


def _changes(sorted_N: Numbers) -> Mask:
    """True where a value differs from the one before it, and at the first."""
    return np.append(np.ones(min(1, len(sorted_N)), bool), sorted_N[1:] != sorted_N[:-1])


def _sides(near_N: Numbers, user_N: Mask, shares: Shares) -> NDArray[np.uint8]:
    """A spot in [0, 1) that the input alone decides: tests are taken from the bottom, validation
    from the top.

    So the side stays when other examples come.  Where a side is full, those furthest in stay and
    the others train: growth can move an example from a held-out side to training, never the other
    way.  Near-duplicates have one spot, so they lie on one side.
    """
    spot_N = _mix_bits(near_N) / 2.0**64
    may_test_N = np.full(len(near_N), True)
    if not shares.user_tests:
        may_test_N = ~np.isin(near_N, near_N[user_N])
    sides_N = np.full(len(near_N), TRAIN, np.uint8)
    sides_N[_lowest(spot_N, may_test_N, shares.test, shares.test_max)] = TEST
    sides_N[_lowest(1 - spot_N, sides_N == TRAIN, shares.valid, shares.valid_max)] = VALID
    return sides_N


def _lowest(
    spot_N: NDArray[np.float64], allowed_N: Mask, share: float, most: int
) -> NDArray[np.intp]:
    """Indices of the lowest spots below *share*, at most *most* of them.

    One at least, where there are two to choose from.
    """
    order = np.argsort(spot_N, kind="stable")
    order = order[allowed_N[order]]
    if not share or not most or len(order) < 2:
        return order[:0]
    n = min(int((spot_N[order] < share).sum()), most)
    return order[: max(n, 1)]


def _mix_bits(keys_N: Numbers) -> Numbers:
    """The end of splitmix64: the split must not go by the very bits that other uses of a key do."""
    with np.errstate(over="ignore"):
        z = keys_N + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(z ^ (z >> np.uint64(31)))
