"""Texts as token ids, many of them flat in one array; what a tokenizer is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from p2m.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Tokens:
    """Texts as ids: text i is flat[starts[i]:starts[i + 1]], less *left_out* ids at its end.

    flat may lie on disk.
    """

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

    def without_end(self) -> "Tokens":
        """The same texts without their end tokens."""
        return replace(self, left_out=1)

    def pad(
        self,
        rows: Sequence[int],
        limit: int,
        end_ids: Sequence[int],
        fill: int,
        left: bool = False,
        multiple: int = 1,
    ) -> "NDArray[np.int64]":
        """ids_BT of *rows*, filled up at the right or the *left*.

        T is a *multiple*, or the *limit*.  A text of more than *limit* tokens is cut to end in
        *end_ids*.
        """
        import numpy as np

        longest = max(int(self.lengths[i]) for i in rows)
        width = min(limit, -(-longest // multiple) * multiple)
        ids_BT = np.full((len(rows), width), fill, np.int64)
        for line, i in zip(ids_BT, rows, strict=True):
            ids = self[i][:width]
            start = width - len(ids) if left else 0
            line[start : start + len(ids)] = ids
            if self.lengths[i] > width:
                line[width - len(end_ids) :] = end_ids
        return ids_BT


def join(rows: Sequence[Sequence[int]]) -> Tokens:
    """Texts given as ids, one by one."""
    import numpy as np

    starts = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=starts[1:])
    return Tokens(np.fromiter((i for row in rows for i in row), np.int32, int(starts[-1])), starts)


class Codec(Protocol):
    """What turns texts into ids and back.

    name: of its kind.  pad, end and unknown are token ids; size is the number of ids it gives.

    unknown: stands for what has no id of its own (end, where a tokenizer has no such id).
    No text of bytes or learnt pieces has it.
    """

    name: str
    pad: int
    end: int
    unknown: int
    size: int

    def encode(self, texts: Sequence[str]) -> Tokens: ...
    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]: ...


class Tokenizer(Codec, Protocol):
    """What a student reads with."""

    def continuing(self) -> Codec:
        """The same for texts that go on after others: no start token before them."""
        ...

    def for_transformers(self, is_causal: bool) -> Any:
        """The same as a tokenizer of transformers, which saves itself.

        is_causal: without an end token after the text.
        """


class LabelTokenizer:
    """One id for each label, in their order: the answers of a student that chooses."""

    name, pad, end, unknown = "labels", 0, 0, 0

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels, self.size = tuple(labels), len(labels)

    def encode(self, texts: Sequence[str]) -> Tokens:
        """UserError for a text that is no label."""
        places = {label: i for i, label in enumerate(self.labels)}
        for text in texts:
            if text not in places:
                raise UserError(
                    f"student: '{text}' is none of the {self.size} labels"
                    f" that this student chooses from: {', '.join(self.labels)}"
                )
        return join([[places[text]] for text in texts])

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        return [self.labels[row[0]] for row in rows]
