"""A teacher that is not of one mind teaches its doubt: each of its answers, as often as it was
given.

Soft targets of whole sequences (Kim and Rush 2016, arXiv 1606.07947, section 3.2), drawn, not
summed.
"""

from __future__ import annotations  # array[int] is for type checkers only before Python 3.12

from array import array
from collections.abc import Sequence
from pathlib import Path

from p2m.artifacts import Example, ExampleFile, ExampleView


def read_examples(
    rows: Sequence[Example] | Path, overfit: int | None, soft: bool
) -> Sequence[Example]:
    """What is trained on of *rows*, or of a file of them: the first *overfit*, or all."""
    examples: Sequence[Example] = ExampleFile(rows) if isinstance(rows, Path) else rows
    if overfit:
        examples = examples[:overfit]
    return SoftLabels(examples) if soft else examples


class SoftLabels(ExampleView):
    """The examples of *rows*, one for each different answer, of 24 bytes each.

    shares: of an input's votes, what each answer got.
    """

    def __init__(self, rows: Sequence[Example]) -> None:
        self._rows = rows
        self._places, self._answers, self.shares = array("q"), array("q"), array("d")
        for place, row in enumerate(rows):
            votes = [n for _, n in row.votes] or [1]
            for answer, n in enumerate(votes):
                self._places.append(place)
                self._answers.append(answer)
                self.shares.append(n / sum(votes))

    def __len__(self) -> int:
        return len(self._places)

    def _example(self, i: int) -> Example:
        row = self._rows[self._places[i]]
        if not row.votes:
            return row
        return Example(row.input, row.votes[self._answers[i]][0], row.origin)
