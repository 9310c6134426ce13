"""UTF-8 bytes as tokens, with the ids of ByT5 (Xue et al. 2021): byte + 3, after pad 0, end 1 and unknown 2."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from p2m.student.tokens import BYTES, Tokens

FIRST = 3  # id of byte 0


class ByteTokenizer:
    """Bytes in, bytes out.  Unlike the hub's tokenizer it reads `</s>` in a text as four letters: data cannot forge a special token."""

    name = BYTES
    pad, end, unknown, size = 0, 1, 2, FIRST + 256

    def encode(self, texts: Sequence[str]) -> Tokens:
        """All texts in one pass: joined with a zero byte, whose place then takes the end token."""
        blobs = [text.encode("utf-8", "replace") for text in texts]  # a lone surrogate becomes "?"
        starts = np.zeros(len(blobs) + 1, np.int64)
        np.cumsum([len(blob) + 1 for blob in blobs], out=starts[1:])
        flat = np.frombuffer(b"\0".join([*blobs, b""]), np.uint8).astype(np.uint16) + np.uint16(
            FIRST
        )
        flat[starts[1:] - 1] = self.end
        return Tokens(flat, starts)

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Ids that are no byte (pad, end, the spare ones of ByT5's vocabulary) are left out, as are broken characters."""
        return [
            bytes(i - FIRST for i in row if FIRST <= i < self.size).decode("utf-8", "ignore")
            for row in rows
        ]

    def save(self, folder: Path) -> None:
        """It has no files."""
