"""What to do when memory does not suffice for a part of a batch."""

from p2m.errors import UserError
from p2m.fit.data import Part
from p2m.student import machine


def halve(parts: list[Part]) -> list[Part]:
    """Each part in two, so that the same gradients come from smaller ones."""
    check_divisible(parts)
    halves: list[Part] = []
    for ids, labels in parts:
        halves += zip(ids.tensor_split(2), labels.tensor_split(2), strict=True)
    return [half for half in halves if len(half[0])]


def check_divisible(parts: list[Part]) -> None:
    """Gives unused memory back; UserError where each part holds one example."""
    machine.free()
    if all(len(ids) == 1 for ids, _ in parts):
        raise UserError(
            "trainer: memory does not suffice for a single example; set"
            " trainer.gradient_checkpointing=true, a lower trainer.max_input,"
            " trainer.concatenate=0 (of a T5), trainer.lora_rank=16, or a smaller model"
        )


def count_tokens(parts: list[Part]) -> int:
    """Of the largest part, padding counted."""
    return max(ids.numel() + labels.numel() for ids, labels in parts)
