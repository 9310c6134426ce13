"""What to do when memory does not suffice for a part of a batch."""

from p2m.errors import UserError
from p2m.student import machine
from p2m.trainer._data import Part


def halved(parts: list[Part]) -> list[Part]:
    """Each part in two, so that the same gradients come from smaller ones.  UserError where each holds a single example already."""
    machine.free()
    if all(len(ids) == 1 for ids, _ in parts):
        raise UserError(
            "trainer: memory does not suffice for a single example; set trainer.gradient_checkpointing=true, a lower trainer.max_input,"
            " trainer.method=lora, or a smaller model"
        )
    return [
        (some, labels) for ids, given in parts for some, labels in zip(ids.tensor_split(2), given.tensor_split(2), strict=True) if len(some)
    ]
