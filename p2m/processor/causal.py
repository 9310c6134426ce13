"""Text that goes on: as seq2seq prepares it, with words after each input that tell a decoder-only student to answer now."""

from dataclasses import dataclass, replace
from typing import ClassVar

from p2m.artifacts import Choice, Examples, Prompt, Splits, TaskSpec
from p2m.processor.seq2seq import Seq2Seq
from p2m.stages import Work


@dataclass(frozen=True)
class Causal(Seq2Seq):
    """suffix: stands between an input and its answer."""

    VERSION: ClassVar = 3
    KINDS: ClassVar[tuple[str, ...]] = ("decoder-only",)

    suffix: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.suffix:
            raise ValueError("suffix: is empty, so a student could not tell where the input ends and its answer begins")

    def run(self, prompt: Prompt, task: TaskSpec, retrieved: Examples, generated: Examples, choice: Choice, work: Work) -> Splits:
        return replace(super().run(prompt, task, retrieved, generated, choice, work), suffix=self.suffix)
