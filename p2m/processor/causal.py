"""As seq2seq, with a suffix that tells a decoder-only student to answer."""

from dataclasses import dataclass
from typing import ClassVar

from p2m.artifacts import Choice, TaskSpec
from p2m.processor.seq2seq import Seq2Seq


@dataclass(frozen=True)
class Causal(Seq2Seq):
    """suffix: stands between an input and its answer."""

    VERSION: ClassVar = 3
    KINDS: ClassVar[tuple[str, ...]] = ("decoder-only",)

    suffix: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.suffix:
            raise ValueError(
                "suffix: is empty, so a student could not tell where the input ends"
                " and its answer begins"
            )

    def template(self, task: TaskSpec, choice: Choice) -> tuple[str, str]:
        prefix, _ = super().template(task, choice)
        return prefix, self.suffix
