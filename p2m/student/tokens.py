"""Texts as token ids: many of them flat in one array, by bytes or by a tokenizer of the hub."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from p2m.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BYTES, LEARNED, FILES = (
    "bytes",
    "learned",
    "files",
)  # kinds of tokenizer, as student.json names them; files: those of a published model


@dataclass(frozen=True)
class Tokens:
    """Texts as ids: text i is flat[starts[i]:starts[i + 1]], less *left_out* ids at its end.  flat may lie on disk."""

    flat: "NDArray[Any]"
    starts: "NDArray[np.int64]"
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, i: int) -> "NDArray[Any]":
        return self.flat[self.starts[i] : self.starts[i + 1] - self.left_out]

    @cached_property
    def lengths(self) -> "NDArray[np.int32]":
        import numpy as np

        return np.diff(self.starts).astype(np.int32) - np.int32(self.left_out)

    def open_ended(self) -> "Tokens":
        """The same texts without their end tokens."""
        return replace(self, left_out=1)

    def padded(
        self,
        rows: Sequence[int],
        limit: int,
        closing: Sequence[int],
        fill: int,
        left: bool = False,
        multiple: int = 1,
    ) -> "NDArray[np.int64]":
        """ids_BT of *rows*, filled up at the right, or at the *left*, to a T that is a *multiple* or the *limit*.

        A text of more than *limit* tokens is cut to end in *closing*.
        """
        import numpy as np

        width = min(limit, -(-max(int(self.lengths[i]) for i in rows) // multiple) * multiple)
        ids_BT = np.full((len(rows), width), fill, np.int64)
        for line, i in zip(ids_BT, rows, strict=True):
            ids = self[i][:width]
            line[width - len(ids) if left else 0 :][: len(ids)] = ids
            if self.lengths[i] > width:
                line[width - len(closing) :] = closing
        return ids_BT


class Tokenizer(Protocol):
    """name: of its kind.  pad, end and unknown are token ids; size is the number of ids it can give.

    unknown: stands for what has no id of its own (end, where a tokenizer has no such id).  No text of bytes or learnt pieces has it.
    """

    name: str
    pad: int
    end: int
    unknown: int
    size: int

    def encode(self, texts: Sequence[str]) -> Tokens: ...
    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]: ...
    def save(self, folder: Path) -> None: ...


class LabelTokenizer:
    """One id for each label, in their order: what a student that chooses its answers says."""

    name, pad, end, unknown = "labels", 0, 0, 0

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels, self.size = tuple(labels), len(labels)

    def encode(self, texts: Sequence[str]) -> Tokens:
        """UserError for a text that is no label."""
        import numpy as np

        places = {label: i for i, label in enumerate(self.labels)}
        if strange := next((text for text in texts if text not in places), None):
            raise UserError(
                f"student: '{strange}' is none of the {self.size} labels that this student chooses from: {', '.join(self.labels)}"
            )
        return Tokens(
            np.array([places[text] for text in texts], np.int32),
            np.arange(len(texts) + 1, dtype=np.int64),
        )

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        return [self.labels[row[0]] for row in rows]

    def save(self, folder: Path) -> None:
        """student.json holds the labels."""


def of_student(folder: Path) -> Tokenizer:
    """The tokenizer of a student's folder."""
    from p2m.student._bpe_tokenizer import LearnedTokenizer
    from p2m.student._byte_tokenizer import ByteTokenizer
    from p2m.student._hub_tokenizer import PieceTokenizer

    named = json.loads((folder / "student.json").read_text(encoding="utf-8"))["tokenizer"]
    loads: dict[str, Callable[[], Tokenizer]] = {
        BYTES: ByteTokenizer,
        LEARNED: lambda: LearnedTokenizer.load(folder),
    }
    return loads[named]() if named in loads else PieceTokenizer.load(str(folder), None)


def learned(texts: Iterable[str], size: int) -> Tokenizer:
    """A tokenizer of at most *size* ids, made for *texts*."""
    from p2m.student._bpe_tokenizer import LearnedTokenizer

    return LearnedTokenizer.learn(texts, size)


def of_base(base: str, revision: str | None) -> Tokenizer:
    """The tokenizer that belongs to a base: bytes for students from scratch and for ByT5, else the one published with it."""
    from p2m.student._byte_tokenizer import ByteTokenizer
    from p2m.student._hub_tokenizer import PieceTokenizer

    if base == "scratch":
        return ByteTokenizer()
    pieces = PieceTokenizer.load(base, revision)
    return ByteTokenizer() if pieces.is_byt5 else pieces
