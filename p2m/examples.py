"""Examples, and the JSON lines that they are on disk."""

import json
import mmap
from abc import abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload


@dataclass(frozen=True)
class Example:
    """One input with its answer.

    origin: `prompt` | `user:train` | `hub:<name>@<revision>#<row>` | `folder:<file>@<sha256>#<row>`
    | `teacher:<call key>`.
    also: further answers that count as right when answers are measured; training learns the output.
    votes: what a teacher answered to this input and how often, where it was not of one mind; the
    output is the one that won.
    """

    input: str
    output: str
    origin: str
    also: tuple[str, ...] = ()
    votes: tuple[tuple[str, int], ...] = ()

    @property
    def accepted(self) -> tuple[str, ...]:
        return (self.output, *self.also)


class ExampleView(Sequence[Example]):
    """Examples made when asked for: a subclass says how many there are and makes one of them."""

    @abstractmethod
    def _example(self, i: int) -> Example:
        """The example at place i, 0 <= i < len(self)."""

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self._example(range(len(self))[index])

    def __iter__(self) -> Iterator[Example]:
        return map(self._example, range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)


class ExampleFile(ExampleView):
    """Examples in a JSON lines file, read when asked for.  Memory holds eight bytes for each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._starts = array("q", [0])
        with path.open("rb") as file:
            for line in file:  # bytes, so that only \n ends a record and U+2028 does not
                self._starts.append(self._starts[-1] + len(line))
            self._bytes: mmap.mmap | bytes = b""
            if self._starts[-1]:
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def _example(self, i: int) -> Example:
        record = json.loads(self._bytes[self._starts[i] : self._starts[i + 1]])
        votes = tuple((output, n) for output, n in record.get("votes", ()))
        also = tuple(record.get("also", ()))
        return Example(record["input"], record["output"], record["origin"], also, votes)


def write_rows(path: Path, rows: Iterable[Example]) -> None:
    """One JSON object a line; `also` and `votes` only where there are some."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            record: dict[str, Any] = {
                "input": row.input,
                "output": row.output,
                "origin": row.origin,
            }
            if row.also:
                record["also"] = row.also
            if row.votes:
                record["votes"] = row.votes
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def by_reason(counts: Mapping[str, int]) -> str:
    """`15 duplicate, 1 empty`, the commonest first; `none` where nothing was counted."""
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{n} {reason}" for reason, n in ordered) or "none"
