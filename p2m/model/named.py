"""A pretrained model that the user names: one of the hub, or a folder on this machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import DirectoryPath, Field

from p2m import hub
from p2m.artifacts import Choice, TaskSpec
from p2m.errors import InputError
from p2m.model._hub_model import REMEDY, choose_from_folder, choose_from_hub, is_cached
from p2m.stages import Work


@dataclass(frozen=True)
class Named:
    """The model of that name at that commit; a folder's name means the model saved there."""

    VERSION: ClassVar = 1
    RUNTIME: ClassVar = frozenset({"revisions"})

    name: Annotated[DirectoryPath | str, Field(union_mode="left_to_right")]
    revision: str | None
    kind: Literal["encoder-decoder", "decoder-only", "encoder"]
    revisions: Path

    def __post_init__(self) -> None:
        if isinstance(self.name, Path) and self.revision is not None:
            raise ValueError(
                f"revision is a commit of the hub, and {self.name} is a local folder: set"
                " revision=null"
            )

    def run(self, task: TaskSpec, work: Work) -> Choice:
        if self.kind == "encoder" and not task.labels:
            raise InputError(
                f"model: {self.name} chooses its answers from a closed set of labels, and this task"
                " has none. Name them in the prompt (Labels: a, b, c), or take a model that writes"
                " its answers, such as model=flan_t5_small"
            )
        if isinstance(self.name, Path):
            return choose_from_folder(self.name, self.kind)
        return choose_from_hub(self.name, self.revision, self.kind, self.revisions)

    def ready(self) -> Iterator[str]:
        if isinstance(self.name, Path) or is_cached(self.name, self.revision, self.revisions):
            return
        if not hub.reachable():
            yield (
                f"{self.name} is not in the local cache and the hub does not answer"
                f" ({hub.endpoint()}); {REMEDY}"
            )
