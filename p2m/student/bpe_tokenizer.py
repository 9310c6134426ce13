"""Pieces of words, learnt from the texts that a student is trained on.

Byte-pair encoding (Sennrich et al. 2016) over bytes.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from p2m.student import fast_tokenizer
from p2m.student.fast_tokenizer import LETTERS, SPECIAL
from p2m.student.tokens import Tokens, join

FILE = "tokenizer.json"
# GPT-2's words (Radford et al. 2019), but that an underscore is a letter, as programs have it:
# I_TURN_LEFT is one word, not five
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?[\p{L}_]+| ?\p{N}+| ?[^\s\p{L}\p{N}_]+|\s+(?!\S)|\s+"


class BpeTokenizer:
    """Every text can be written in it, byte by byte if need be.

    `</s>` in a text is four letters: data cannot forge a special token.
    """

    name = "learned"
    pad, end, unknown = 0, 1, 2

    def __init__(self, inner: Tokenizer) -> None:
        self.inner, self.size = inner, inner.get_vocab_size()
        self.inner.encode_special_tokens = True  # read them as plain text

    @classmethod
    def learn(cls, texts: Iterable[str], size: int) -> "BpeTokenizer":
        """At most *size* ids; the same texts give the same pieces.

        Pieces never reach over a space or from letters into digits.
        """
        inner = Tokenizer(models.BPE())
        words = pre_tokenizers.Split(Regex(WORDS), "isolated")
        letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        inner.pre_tokenizer = pre_tokenizers.Sequence([words, letters])
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=list(SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        inner.train_from_iterator(map(_replace_surrogates, texts), trainer)
        return cls(inner)

    @classmethod
    def load(cls, folder: Path) -> "BpeTokenizer":
        return cls(Tokenizer.from_file(str(folder / FILE)))

    def encode(self, texts: Sequence[str]) -> Tokens:
        clean = list(map(_replace_surrogates, texts))
        encoded = self.inner.encode_batch_fast(clean, add_special_tokens=False)
        return join([[*one.ids, self.end] for one in encoded])

    def continuing(self) -> "BpeTokenizer":
        return self

    def decode(self, rows: Sequence[Sequence[int]]) -> list[str]:
        """Left out are special ids, those beyond the pieces, and bytes that make no letter."""
        texts = []
        for row in rows:
            data = b"".join(self._bytes[i] for i in row if len(SPECIAL) <= i < self.size)
            texts.append(data.decode("utf-8", "ignore"))
        return texts

    @cached_property
    def _bytes(self) -> dict[int, bytes]:
        """The bytes of each id: in pieces a letter stands for each byte, as GPT-2 has it."""
        letters = {letter: byte for byte, letter in enumerate(LETTERS)}
        return {i: bytes(letters[c] for c in piece) for piece, i in self.inner.get_vocab().items()}

    def for_transformers(self, is_causal: bool) -> Any:
        return fast_tokenizer.wrap(Tokenizer.from_str(self.inner.to_str()), is_causal)


def _replace_surrogates(text: str) -> str:
    """A lone surrogate becomes "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")
