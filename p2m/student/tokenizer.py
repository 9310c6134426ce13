"""Which tokenizer a student has: bytes, pieces learnt from its examples, or one of the hub."""

import json
from collections.abc import Iterable
from pathlib import Path

from p2m.student.tokens import Tokenizer


def of_student(folder: Path) -> Tokenizer:
    """The tokenizer of a student's folder."""
    from p2m.student.bpe_tokenizer import BpeTokenizer
    from p2m.student.byte_tokenizer import ByteTokenizer
    from p2m.student.hub_tokenizer import HubTokenizer

    name = json.loads((folder / "student.json").read_text(encoding="utf-8"))["tokenizer"]
    if name == ByteTokenizer.name:
        return ByteTokenizer()
    if name == BpeTokenizer.name:
        return BpeTokenizer.load(folder)
    return HubTokenizer.load(str(folder), None)


def of_base(base: str, revision: str | None) -> Tokenizer:
    """The tokenizer that belongs to a base.

    Bytes for students from scratch and for ByT5, that of a student of p2m's own in its folder, else
    the one published with it.
    """
    from p2m.student.byte_tokenizer import ByteTokenizer
    from p2m.student.hub_tokenizer import HubTokenizer

    if base == "scratch":
        return ByteTokenizer()
    if (Path(base) / "student.json").is_file():
        return of_student(Path(base))
    published = HubTokenizer.load(base, revision)
    return ByteTokenizer() if published.is_byt5 else published


def learn(texts: Iterable[str], size: int) -> Tokenizer:
    """A tokenizer of at most *size* ids, made for *texts*."""
    from p2m.student.bpe_tokenizer import BpeTokenizer

    return BpeTokenizer.learn(texts, size)
