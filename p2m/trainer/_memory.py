"""What to do when memory does not suffice for a part of a batch."""

from p2m.errors import UserError
from p2m.student import machine
from p2m.trainer._data import Part


def halved(parts: list[Part]) -> list[Part]:
    """Each part in two, so that the same gradients come from smaller ones.  UserError where each holds a single example already."""
    machine.free()
    if all(_alone(part) for part in parts):
        raise UserError(
            "trainer: memory does not suffice for a single example; set trainer.gradient_checkpointing=true, a lower trainer.max_input,"
            " trainer.method=lora, or a smaller model"
        )
    return [half for part in parts for half in _in_two(part)]


def within(parts: list[Part], max_tokens: int) -> list[Part]:
    """*parts* that were made for a higher limit, in halves of halves until each is within *max_tokens* or a single example."""
    while any(not _alone(part) and tokens([part]) > max_tokens for part in parts):
        parts = [half for part in parts for half in (_in_two(part) if tokens([part]) > max_tokens else [part])]
    return parts


def tokens(parts: list[Part]) -> int:
    """Of the largest part, padding counted."""
    return max(ids.numel() + labels.numel() for ids, labels in parts)


def _alone(part: Part) -> bool:
    return len(part[0]) == 1


def _in_two(part: Part) -> list[Part]:
    ids, labels = part
    return [half for half in zip(ids.tensor_split(2), labels.tensor_split(2), strict=True) if len(half[0])]
