"""What to do when memory does not suffice for a part of a batch."""

from p2m.errors import UserError
from p2m.fit.data import Part
from p2m.student import machine


def halved(parts: list[Part]) -> list[Part]:
    """Each part in two, so that the same gradients come from smaller ones.  UserError where each holds a single example already."""
    refuse_alone(parts)
    return [
        half
        for part in parts
        for half in zip(*(side.tensor_split(2) for side in part), strict=True)
        if len(half[0])
    ]


def refuse_alone(parts: list[Part]) -> None:
    """UserError where no part can be made smaller.  Memory that nothing uses any more is given back."""
    machine.free()
    if all(len(ids) == 1 for ids, _ in parts):
        raise UserError(
            "trainer: memory does not suffice for a single example; set trainer.gradient_checkpointing=true, a lower trainer.max_input,"
            " trainer.concatenate=0 (of a T5), trainer.method=lora, or a smaller model"
        )


def beyond(parts: list[Part], max_tokens: int) -> bool:
    """Whether a part is larger than is allowed; a single example may be."""
    return any(len(part[0]) > 1 and tokens([part]) > max_tokens for part in parts)


def tokens(parts: list[Part]) -> int:
    """Of the largest part, padding counted."""
    return max(ids.numel() + labels.numel() for ids, labels in parts)
