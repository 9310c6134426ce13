"""Pieces of words, learnt from the texts that a student is trained on: byte-pair encoding (Sennrich et al. 2016) over bytes."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from p2m.student.tokens import LEARNED, Tokens

FILE = "tokenizer.json"
SPECIAL = ("<pad>", "</s>", "<unk>")  # the ids 0, 1 and 2, as with bytes
# GPT-2's words (Radford et al. 2019), but that an underscore is a letter, as programs have it: I_TURN_LEFT is one word, not five
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?[\p{L}_]+| ?\p{N}+| ?[^\s\p{L}\p{N}_]+|\s+(?!\S)|\s+"


class LearnedTokenizer:
    """Every text can be written in it, byte by byte if need be.  `</s>` in a text is four letters: data cannot forge a special token."""

    name = LEARNED
    pad, end, unknown = 0, 1, 2

    def __init__(self, inner: Tokenizer) -> None:
        self.inner, self.size = inner, inner.get_vocab_size()
        self.inner.encode_special_tokens = True  # read them as plain text

    @classmethod
    def learn(cls, texts: Iterable[str], size: int) -> "LearnedTokenizer":
        """At most *size* ids.  Pieces never reach over a space or from letters into digits; the same texts give the same pieces."""
        inner = Tokenizer(models.BPE())
        words = pre_tokenizers.Split(Regex(WORDS), "isolated")
        inner.pre_tokenizer = pre_tokenizers.Sequence(
            [words, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
        inner.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        plan = trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=list(SPECIAL),
            initial_alphabet=alphabet,
            show_progress=False,
        )
        inner.train_from_iterator(map(_sound, texts), plan)
        return cls(inner)

    @classmethod
    def load(cls, folder: Path) -> "LearnedTokenizer":
        return cls(Tokenizer.from_file(str(folder / FILE)))

    def encode(self, texts: Sequence[str]) -> Tokens:
        rows = [
            found.ids
            for found in self.inner.encode_batch_fast(
                [_sound(text) for text in texts], add_special_tokens=False
            )
        ]
        starts = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) + 1 for row in rows], out=starts[1:])
        return Tokens(
            np.fromiter((i for row in rows for i in (*row, self.end)), np.int32, int(starts[-1])),
            starts,
        )

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Special ids, those beyond the pieces, and bytes that make no letter are left out."""
        return [
            b"".join(self._bytes[i] for i in row if len(SPECIAL) <= i < self.size).decode(
                "utf-8", "ignore"
            )
            for row in rows
        ]

    @cached_property
    def _bytes(self) -> dict[int, bytes]:
        """Of each id.  In pieces a letter stands for each byte, as GPT-2 has it: itself, or where it cannot be printed one from 256 on."""
        printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
        letters = {chr(b): b for b in printed} | {
            chr(256 + n): b for n, b in enumerate(sorted({*range(256)} - {*printed}))
        }
        return {i: bytes(letters[c] for c in piece) for piece, i in self.inner.get_vocab().items()}

    def save(self, folder: Path) -> None:
        self.inner.save(str(folder / FILE))


def _sound(text: str) -> str:
    """A lone surrogate becomes "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")
