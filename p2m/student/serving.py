"""What a trained student answers with: torch, or CTranslate2 after a conversion that has been checked."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Le

from p2m.artifacts import Parity, Student
from p2m.errors import UserError
from p2m.student import decode

CONVERTED = "ctranslate2"  # the folder of the converted student, inside that of the report
COMPARED = 500  # inputs that both engines answer


@dataclass(frozen=True)
class Serving:
    """The engine that answers in evaluation and in the demo.

    The trained student stays as it is; `ctranslate2` answers from a copy, refused where fewer than `parity` of its answers are torch's.
    """

    engine: Literal["torch", "ctranslate2"]
    compute_type: Literal["float32", "int8"]
    parity: Annotated[float, Ge(0), Le(1)]

    def __post_init__(self) -> None:
        if self.engine == "torch" and self.compute_type != "float32":
            raise ValueError(f"compute_type: {self.compute_type} is for engine=ctranslate2; torch computes in float32")

    def ready(self) -> Iterator[str]:
        if self.engine == "ctranslate2" and find_spec("ctranslate2") is None:
            yield "engine=ctranslate2 needs CTranslate2, which is not installed; pip install 'p2m[ctranslate2]'"

    def load(self, student: Student, folder: Path, inputs: Sequence[str]) -> tuple[decode.Decoder, tuple[Parity, ...]]:
        """The student as it is to answer, and how its answers compare with torch's on *inputs*.  A converted one is left in *folder*.

        Raises UserError for an architecture that cannot be converted, and for answers that differ too often.
        """
        plain = decode.load(student)
        if self.engine == "torch":
            return plain, ()
        from p2m.student import _ctranslate2

        _ctranslate2.convert(plain.built, folder / CONVERTED, self.compute_type)
        fast = served(student, folder, plain, decode.AT_ONCE)
        some = list(dict.fromkeys(inputs))[:COMPARED]
        pairs = zip(plain.answers(some), fast.answers(some), strict=True)
        equal = sum(one == other for one, other in pairs) / max(1, len(some))
        if equal < self.parity:
            other = "student.compute_type=float32" if self.compute_type == "int8" else "student.engine=torch"
            raise UserError(
                f"student: as ctranslate2 with compute_type={self.compute_type}, {100 * equal:.1f} % of {len(some)} answers are torch's;"
                f" student.parity asks for {100 * self.parity:.1f} %.  The student is kept: set {other}, or lower student.parity"
            )
        return fast, (Parity(f"{self.engine} {self.compute_type}", equal, len(some)),)


def served(student: Student, report: Path, plain: decode.Decoder | None = None, at_once: int = 1) -> decode.Decoder:
    """The student as it answered for the report in the folder *report*: converted if that is there, else in torch.

    at_once: batches that it will be asked for side by side; one alone has all cores.
    """
    plain = plain or decode.load(student)
    place = report / CONVERTED
    if not place.is_dir() or find_spec("ctranslate2") is None:
        return plain
    from p2m.student import _ctranslate2

    compute_type = json.loads((place / "p2m.json").read_text(encoding="utf-8"))["compute_type"]
    return replace(plain, engine=_ctranslate2.greedy(plain.built, place, compute_type, plain.max_output, at_once))
