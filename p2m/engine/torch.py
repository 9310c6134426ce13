"""Answers by torch, in float32 or in a copy of half the size."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from p2m.artifacts import Student
from p2m.engine import decode
from p2m.student import machine


@dataclass(frozen=True)
class Torch:
    """Every student as it was trained; bfloat16: a copy, whose answers differ now and then."""

    KINDS: ClassVar = ("encoder-decoder", "decoder-only", "encoder")

    compute_type: Literal["float32", "bfloat16"]

    def ready(self) -> Iterator[str]:
        if self.compute_type == "bfloat16" and not machine.has_bf16(device := decode.device()):
            yield (
                f"compute_type=bfloat16: this machine's {device} has no hardware for it,"
                " so it would be slower; use float32"
            )

    def load(self, student: Student, folder: Path) -> decode.Decoder:
        decoder = decode.load(student)
        if self.compute_type == "bfloat16":
            # buffers, such as the frequencies of rotary positions, stay as they are
            for weight in decoder.built.model.parameters():
                weight.data = weight.data.bfloat16()
        return decoder
