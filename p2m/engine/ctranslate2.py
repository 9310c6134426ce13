"""Answers by CTranslate2, from a converted copy of the student."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar, Literal

from p2m.artifacts import Student
from p2m.engine import decode


@dataclass(frozen=True)
class CTranslate2:
    """T5, mT5, BART, Llama and Qwen2.  int8: a quarter of the size, answers differ now and then."""

    KINDS: ClassVar = ("encoder-decoder", "decoder-only")

    compute_type: Literal["float32", "int8"]

    def ready(self) -> Iterator[str]:
        if find_spec("ctranslate2") is None:
            yield "needs CTranslate2, which is not installed; pip install 'p2m[ctranslate2]'"

    def load(self, student: Student, folder: Path) -> decode.Decoder:
        """Raises UserError for an architecture that cannot be converted."""
        from p2m.engine import _ctranslate2

        plain = decode.load(student)
        copy = folder / self.compute_type
        if not copy.exists():
            part = folder / f"{os.getpid()}.part"
            part.mkdir(parents=True, exist_ok=True)
            _ctranslate2.convert(plain.built, part, self.compute_type)
            part.rename(copy)  # whole or absent
        greedy = _ctranslate2.greedy(plain.built, copy, self.compute_type, plain.max_output)
        return replace(plain, greedy=greedy)
