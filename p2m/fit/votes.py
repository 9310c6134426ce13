"""A teacher that is not of one mind teaches its doubt: each of its answers to an input, as often as it was given.

Soft targets of whole sequences (Kim and Rush 2016, arXiv 1606.07947, section 3.2), drawn rather than summed.
"""

from __future__ import annotations  # array[int] is for type checkers only before Python 3.12

from array import array
from collections.abc import Sequence

from p2m.artifacts import Example, ExampleView


class SoftLabels(ExampleView):
    """The examples of *rows*, one for each different answer.  shares: of an input's votes, what each got.  Holds 24 bytes an example."""

    def __init__(self, rows: Sequence[Example]) -> None:
        self._rows = rows
        self._places, self._answers, self.shares = array("q"), array("q"), array("d")
        for place, row in enumerate(rows):
            given = [n for _, n in row.votes] or [1]
            self._places.extend([place] * len(given))
            self._answers.extend(range(len(given)))
            self.shares.extend(n / sum(given) for n in given)

    def __len__(self) -> int:
        return len(self._places)

    def _example(self, i: int) -> Example:
        row = self._rows[self._places[i]]
        return Example(row.input, row.votes[self._answers[i]][0], row.origin) if row.votes else row
