"""UTF-8 bytes as tokens, as ByT5's ids (Xue et al. 2021): byte + 3, after pad, end, unknown."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers

from p2m.student import fast_tokenizer
from p2m.student.tokens import Tokens

FIRST = 3  # id of byte 0


class ByteTokenizer:
    """Bytes in, bytes out.

    Unlike the hub's tokenizer it reads `</s>` in a text as four letters: data cannot forge a
    special token.
    """

    name = "bytes"
    pad, end, unknown, size = 0, 1, 2, FIRST + 256

    def encode(self, texts: Sequence[str]) -> Tokens:
        """All texts in one pass: joined with a zero byte, whose place then takes the end token."""
        blobs = [text.encode("utf-8", "replace") for text in texts]  # a lone surrogate becomes "?"
        starts = np.zeros(len(blobs) + 1, np.int64)
        np.cumsum([len(blob) + 1 for blob in blobs], out=starts[1:])
        joined = np.frombuffer(b"\0".join([*blobs, b""]), np.uint8)
        flat = joined.astype(np.uint16) + np.uint16(FIRST)
        flat[starts[1:] - 1] = self.end
        return Tokens(flat, starts)

    def continuing(self) -> "ByteTokenizer":
        return self

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Left out are ids that are no byte (pad, end, ByT5's spare ones) and broken characters."""
        texts = []
        for row in rows:
            data = bytes(i - FIRST for i in row if FIRST <= i < self.size)
            texts.append(data.decode("utf-8", "ignore"))
        return texts

    def for_transformers(self, is_causal: bool) -> Any:
        letters = {letter: FIRST + byte for byte, letter in enumerate(fast_tokenizer.LETTERS)}
        ids = {token: i for i, token in enumerate(fast_tokenizer.SPECIAL)} | letters
        inner = Tokenizer(models.BPE(ids, []))
        inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        return fast_tokenizer.wrap(inner, is_causal)
