"""A student loaded by an engine that is known to answer as torch in float32 does."""

from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

from p2m.artifacts import Parity, Student
from p2m.engine.torch import Torch
from p2m.errors import UserError
from p2m.stages import Decoder

REFERENCE = Torch("float32")
COMPARED = 500  # different inputs, at most, that both answer


def load_and_compare(
    engine: Any, student: Student, folder: Path, inputs: Sequence[str], least: float
) -> tuple[Decoder, tuple[Parity, ...]]:
    """The student as *engine* has it, and how its answers to *inputs* compare with the reference's.

    folder: what the engine may keep its copy in.  UserError where less than the share *least* of
    the answers are equal.
    """
    decoder: Decoder = engine.load(student, folder)
    if engine == REFERENCE:
        return decoder, ()
    some = list(dict.fromkeys(inputs))[:COMPARED]
    plain = REFERENCE.load(student, folder)
    pairs = zip(plain.answers(some), decoder.answers(some), strict=True)
    equal = sum(one == other for one, other in pairs) / max(1, len(some))
    module = type(engine).__module__.rpartition(".")[2]
    name = " ".join([module, *map(str, astuple(engine))])
    if equal < least:
        raise UserError(
            f"evaluator: by {name}, {100 * equal:.1f} % of {len(some)} answers are those of torch"
            f" in float32; evaluator.parity asks for {100 * least:.1f} %."
            "  The student is kept: set engine=torch, or lower evaluator.parity"
        )
    return decoder, (Parity(name, equal, len(some)),)
