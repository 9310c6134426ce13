"""A pretrained model by name: of the hub, a folder, a GGUF file or a package."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import DirectoryPath, Field, FilePath

from p2m.artifacts import Choice, TaskSpec
from p2m.errors import InputError
from p2m.model._hub_model import choose, find_lack
from p2m.stages import Work
from p2m.student.base import GGUF, find_form_fault

Name = Annotated[DirectoryPath | FilePath | str, Field(union_mode="left_to_right")]


@dataclass(frozen=True)
class Named:
    """The model of that name; of several names, of the first that is at hand.

    A name is one of the hub, a folder or a GGUF file on this machine, or
    `package:NAME@sha256:HEX`, the weights that an installed package brings.
    """

    VERSION: ClassVar = 2
    RUNTIME: ClassVar = frozenset({"revisions"})

    name: Name | list[Name]
    revision: str | None
    kind: Literal["encoder-decoder", "decoder-only", "encoder"]
    revisions: Path

    def __post_init__(self) -> None:
        for name in self.names:
            if isinstance(name, Path) and self.revision is not None:
                raise ValueError(
                    f"revision is a commit of the hub, and {name} is local: set revision=null"
                )
            if isinstance(name, Path) and name.is_file() and name.suffix != GGUF:
                raise ValueError(f"name: the file {name} is no {GGUF}")
            fault = find_form_fault(name) if isinstance(name, str) else ""
            if fault:
                raise ValueError(f"name: {fault}")

    @property
    def names(self) -> list[Name]:
        return self.name if isinstance(self.name, list) else [self.name]

    def run(self, task: TaskSpec, work: Work) -> Choice:
        if self.kind == "encoder" and not task.labels:
            raise InputError(
                f"model: {self.names[-1]} chooses its answers from a closed set of labels, and this"
                " task has none. Name them in the prompt (Labels: a, b, c), or take a model that"
                " writes its answers, such as model=flan_t5_small"
            )
        for name in self.names[:-1]:
            if not find_lack(name, self.revision, self.revisions):
                return choose(name, self.revision, self.kind, self.revisions)
        return choose(self.names[-1], self.revision, self.kind, self.revisions)

    def ready(self) -> Iterator[str]:
        lacks = [find_lack(name, self.revision, self.revisions) for name in self.names]
        if all(lacks):
            yield "; or: ".join(lacks)
