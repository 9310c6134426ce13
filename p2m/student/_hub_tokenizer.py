"""Tokenizers that were published with a model, through transformers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoTokenizer

from p2m.errors import ServiceError, UserError
from p2m.student.tokens import FILES, Tokens


class PieceTokenizer:
    """A tokenizer of the hub, with its end token after each text."""

    name = FILES

    def __init__(self, inner: Any, where: str) -> None:
        end = (
            inner.sep_token_id if inner.eos_token_id is None else inner.eos_token_id
        )  # BERT ends its texts with a separator
        if end is None:
            raise UserError(
                f"student: the tokenizer of '{where}' has no end token, so nothing can be trained with it"
            )
        self.inner, self.end, self.size = inner, end, len(inner)
        self.pad, self.unknown = (
            end if i is None else i for i in (inner.pad_token_id, inner.unk_token_id)
        )

    @classmethod
    def load(cls, base: str, revision: str | None) -> "PieceTokenizer":
        """From a folder, or from the hub at a revision.  Never runs code that came with it."""
        at = revision or "main"
        try:
            inner = AutoTokenizer.from_pretrained(base, revision=at, trust_remote_code=False)
        except (OSError, ValueError) as error:
            raise ServiceError(
                f"student: no tokenizer of '{base}' at revision {at}: {str(error).splitlines()[0]}"
            ) from error
        if (
            len(inner) < len(inner.all_special_ids) + 2
        ):  # where files are missing, transformers makes one that knows no word
            raise ServiceError(
                f"student: no tokenizer of '{base}' at revision {at}: it has no files of one, such as tokenizer.json"
            )
        return cls(inner, base)

    @property
    def is_byt5(self) -> bool:
        return type(self.inner).__name__.startswith("ByT5Tokenizer")

    def encode(self, texts: Sequence[str]) -> Tokens:
        rows = (
            self.inner(list(texts), add_special_tokens=True, truncation=False, verbose=False)[
                "input_ids"
            ]
            if texts
            else []
        )
        rows = [row if row and row[-1] == self.end else [*row, self.end] for row in rows]
        starts = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=starts[1:])
        return Tokens(
            np.fromiter((i for row in rows for i in row), np.int32, int(starts[-1])), starts
        )

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        return [
            str(text)
            for text in self.inner.batch_decode(
                list(rows), skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        ]

    def save(self, folder: Path) -> None:
        self.inner.save_pretrained(folder)
