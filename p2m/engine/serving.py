"""What a trained student answers with: torch in float32, or what is faster and has been checked against it."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Le

from p2m.artifacts import Parity, Student
from p2m.engine import decode
from p2m.errors import UserError
from p2m.student import machine

CONVERTED = "ctranslate2"  # the folder of the converted student, inside that of the report
ANSWERED = "serving.json"  # beside it: what answered, so that the demo answers with the same
COMPUTE_TYPES = {"torch": ("float32", "bfloat16"), "ctranslate2": ("float32", "int8")}
COMPARED = 500  # inputs that both engines answer


@dataclass(frozen=True)
class Serving:
    """The engine that answers in evaluation and in the demo.

    The trained student stays as it is.  All but torch in float32 answer from a copy, refused where fewer than `parity` of its answers
    are those of torch in float32.
    """

    engine: Literal["torch", "ctranslate2"]
    compute_type: Literal["float32", "bfloat16", "int8"]
    parity: Annotated[float, Ge(0), Le(1)]

    def __post_init__(self) -> None:
        if self.compute_type not in (known := COMPUTE_TYPES[self.engine]):
            raise ValueError(
                f"compute_type: engine={self.engine} has {' and '.join(known)}, got {self.compute_type}"
            )

    def ready(self) -> Iterator[str]:
        if self.engine == "ctranslate2" and find_spec("ctranslate2") is None:
            yield "engine=ctranslate2 needs CTranslate2, which is not installed; pip install 'p2m[ctranslate2]'"
        if self.compute_type == "bfloat16" and not machine.has_bf16(device := decode.device()):
            yield f"compute_type=bfloat16: this machine's {device} has no hardware for it, so it would be slower; use float32"

    def load(
        self, student: Student, folder: Path, inputs: Sequence[str]
    ) -> tuple[decode.Decoder, tuple[Parity, ...]]:
        """The student as it is to answer, and how its answers compare with torch's in float32 on *inputs*.

        What the demo needs to answer with the same is left in *folder*.
        Raises UserError for an architecture that cannot be converted, and for answers that differ too often.
        """
        plain = decode.load(student)
        if (self.engine, self.compute_type) == ("torch", "float32"):
            return plain, ()
        if self.engine == "ctranslate2":
            from p2m.engine import _ctranslate2

            _ctranslate2.convert(plain.built, folder / CONVERTED, self.compute_type)
        (folder / ANSWERED).write_text(
            json.dumps({"engine": self.engine, "compute_type": self.compute_type}), encoding="utf-8"
        )
        fast = served(student, folder, plain, decode.AT_ONCE)
        some = list(dict.fromkeys(inputs))[:COMPARED]
        pairs = zip(plain.answers(some), fast.answers(some), strict=True)
        equal = sum(one == other for one, other in pairs) / max(1, len(some))
        if equal < self.parity:
            other = (
                "student.engine=torch"
                if self.compute_type == "float32"
                else "student.compute_type=float32"
            )
            raise UserError(
                f"student: with engine={self.engine} and compute_type={self.compute_type}, {100 * equal:.1f} % of {len(some)} answers are"
                f" those of torch in float32; student.parity asks for {100 * self.parity:.1f} %."
                f"  The student is kept: set {other}, or lower student.parity"
            )
        return fast, (Parity(f"{self.engine} {self.compute_type}", equal, len(some)),)


def served(
    student: Student, report: Path, plain: decode.Decoder | None = None, at_once: int = 1
) -> decode.Decoder:
    """The student as it answered for the report in the folder *report*; torch in float32 where what it needs is not installed here.

    at_once: batches that it will be asked for side by side; one alone has all cores.
    """
    plain = plain or decode.load(student)
    if not (report / ANSWERED).exists():
        return plain
    told = json.loads((report / ANSWERED).read_text(encoding="utf-8"))
    if told["engine"] == "torch":
        return decode.in_bfloat16(plain)
    if find_spec("ctranslate2") is None:
        return plain
    from p2m.engine import _ctranslate2

    engine = _ctranslate2.greedy(
        plain.built, report / CONVERTED, told["compute_type"], plain.max_output, at_once
    )
    return replace(plain, engine=engine)
