"""Texts as token ids: many of them flat in one array, by bytes or by a tokenizer of the hub."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BYTES, LEARNED, FILES = "bytes", "learned", "files"  # kinds of tokenizer, as student.json names them; files: those of a published model


@dataclass(frozen=True)
class Tokens:
    """Texts as ids, end token included: text i is flat[starts[i]:starts[i + 1]].  flat may lie on disk."""

    flat: "NDArray[Any]"
    starts: "NDArray[np.int64]"

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, i: int) -> "NDArray[Any]":
        return self.flat[self.starts[i] : self.starts[i + 1]]

    @cached_property
    def lengths(self) -> "NDArray[np.int64]":
        return self.starts[1:] - self.starts[:-1]

    def padded(self, rows: Sequence[int], limit: int, end: int, fill: int) -> "NDArray[np.int64]":
        """ids_BT of *rows*, filled up at the right.  A text of more than *limit* tokens is cut and closed with the token *end*."""
        import numpy as np

        width = min(limit, max(int(self.lengths[i]) for i in rows))
        ids_BT = np.full((len(rows), width), fill, np.int64)  # noqa: N806 - the shape legend of this package
        for line, i in zip(ids_BT, rows, strict=True):
            ids = self[i]
            line[: len(ids)] = ids[:width]
            if len(ids) > width:
                line[-1] = end
        return ids_BT


class Tokenizer(Protocol):
    """name: of its kind.  pad and end are token ids; size is the number of ids it can give."""

    name: str
    pad: int
    end: int
    size: int

    def encode(self, texts: Sequence[str]) -> Tokens: ...
    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]: ...
    def save(self, folder: Path) -> None: ...


def of_student(folder: Path) -> Tokenizer:
    """The tokenizer of a student's folder."""
    from p2m.student._bytes import ByteTokenizer
    from p2m.student._learned import LearnedTokenizer
    from p2m.student._pieces import PieceTokenizer

    named = json.loads((folder / "student.json").read_text(encoding="utf-8"))["tokenizer"]
    loads: dict[str, Callable[[], Tokenizer]] = {BYTES: ByteTokenizer, LEARNED: lambda: LearnedTokenizer.load(folder)}
    return loads[named]() if named in loads else PieceTokenizer.load(str(folder), None)


def learned(texts: Iterable[str], size: int) -> Tokenizer:
    """A tokenizer of at most *size* ids, made for *texts*."""
    from p2m.student._learned import LearnedTokenizer

    return LearnedTokenizer.learn(texts, size)


def of_base(base: str, revision: str | None) -> Tokenizer:
    """The tokenizer that belongs to a base: bytes for students from scratch and for ByT5, else the one published with it."""
    from p2m.student._bytes import ByteTokenizer
    from p2m.student._pieces import PieceTokenizer

    if base == "scratch":
        return ByteTokenizer()
    pieces = PieceTokenizer.load(base, revision)
    return ByteTokenizer() if pieces.is_byt5 else pieces
