"""Pieces of words, learnt from the texts that a student is trained on.

Byte-pair encoding (Sennrich et al. 2016) over bytes.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from p2m.student.tokens import Tokens, join

FILE = "tokenizer.json"
SPECIAL = ("<pad>", "</s>", "<unk>")  # the ids 0, 1 and 2, as with bytes
# GPT-2's words (Radford et al. 2019), but that an underscore is a letter, as programs have it:
# I_TURN_LEFT is one word, not five
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?[\p{L}_]+| ?\p{N}+| ?[^\s\p{L}\p{N}_]+|\s+(?!\S)|\s+"
# the bytes that GPT-2 writes as themselves in its pieces; the others become letters from 256 on
PRINTED = [*range(33, 127), *range(161, 173), *range(174, 256)]


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
        inner.decoder = decoders.ByteLevel()
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
        letters = {chr(byte): byte for byte in PRINTED}
        others = sorted(set(range(256)) - set(PRINTED))
        letters |= {chr(256 + n): byte for n, byte in enumerate(others)}
        return {i: bytes(letters[c] for c in piece) for piece, i in self.inner.get_vocab().items()}

    def save(self, folder: Path) -> None:
        self.inner.save(str(folder / FILE))


def _replace_surrogates(text: str) -> str:
    """A lone surrogate becomes "?"."""
    return text.encode("utf-8", "replace").decode("utf-8")
