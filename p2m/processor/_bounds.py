"""Examples as eight-byte keys: what must be known of each to judge all of them, in memory that a million leave small."""

from __future__ import annotations  # array[int] is for type checkers only before Python 3.12

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from p2m.artifacts import Example
from p2m.text.same import digest, exact, near, normalize_space


@dataclass(frozen=True)
class Bounds:
    """What an example must keep to: the longest input and output in characters, and the labels, if answers come from a closed set."""

    input: int
    output: int
    labels: tuple[str, ...]
    folded: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "folded", {label.casefold(): label for label in self.labels})

    def settle(self, row: Example) -> Example:
        """As it goes to the student: without white space around, labels in the case of the list."""
        also = tuple(map(self._answer, row.also))
        return Example(row.input.strip(), self._answer(row.output), row.origin, also, row.votes)

    def _answer(self, text: str) -> str:
        plain = text.strip()
        return self.folded.get(plain.casefold(), plain)

    def fault(self, row: Example) -> str | None:
        if not row.input or not row.output:
            return "empty"
        if len(row.input) > self.input:
            return "input too long"
        if len(row.output) > self.output:
            return "output too long"
        return "not a label" if self.labels and row.output not in self.labels else None


@dataclass(frozen=True)
class Keys:
    """One entry an example that keeps to the bounds, side by side.

    at: its place among all examples.  exact, near: keys of the input; output: of the output; length: of the output in characters.
    user: 1 for the user's own.
    """

    at: array[int] = field(default_factory=lambda: array("Q"))
    exact: array[int] = field(default_factory=lambda: array("Q"))
    near: array[int] = field(default_factory=lambda: array("Q"))
    output: array[int] = field(default_factory=lambda: array("Q"))
    length: array[int] = field(default_factory=lambda: array("Q"))
    user: array[int] = field(default_factory=lambda: array("B"))
    dropped: Counter[str] = field(default_factory=Counter)


def keys_of(rows: Iterable[Example], n_user: int, bounds: Bounds) -> Keys:
    """*rows* in the order in which they are preferred, the user's own, *n_user* of them, first."""
    keys = Keys()
    for at, row in enumerate(rows):
        settled = bounds.settle(row)
        if fault := bounds.fault(settled):
            keys.dropped[fault] += 1
            continue
        keys.at.append(at)
        keys.exact.append(exact(settled.input))
        keys.near.append(near(settled.input))
        keys.output.append(digest(normalize_space(settled.output)))
        keys.length.append(len(settled.output))
        keys.user.append(at < n_user)
    return keys


def inputs_of(*sets: Sequence[Example]) -> array[int]:
    """The near keys of all inputs of the sets."""
    return array("Q", (near(row.input) for rows in sets for row in rows))
