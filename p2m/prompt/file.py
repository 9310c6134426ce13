"""A prompt in a file, with demonstrations inside it or beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, DirectoryPath, FilePath
from pydantic_core import PydanticCustomError

from p2m.artifacts import Prompt
from p2m.errors import InputError
from p2m.prompt._sets import sets_of
from p2m.prompt._written import Written, agreeing, from_table, from_yaml
from p2m.stages import Work
from p2m.text.read import TABLES, suffix_of, text_of

KINDS = (".md", ".txt", ".yaml", ".yml")


def found(value: Any) -> list[Path]:
    """The file, and the demonstrations beside it: one list, because the content of both decides the result and so its key."""
    if isinstance(value, list):
        return value
    path = Path(value)
    if not path.is_file():
        raise PydanticCustomError("prompt_file", "there is no file")
    if suffix_of(path) not in KINDS:
        raise PydanticCustomError("prompt_kind", f"a prompt ends in {', '.join(KINDS)}")
    beside = [p for p in (path.with_suffix(kind) for kind in TABLES) if p.is_file()]
    if len(beside) > 1:
        raise PydanticCustomError(
            "prompt_beside",
            f"demonstrations stand in {beside[0].name} and in {beside[1].name}; keep one",
        )
    return [path, *beside]


@dataclass(frozen=True)
class File:
    """path: .md, .txt or .yaml; a .jsonl or .csv of the same name beside it holds demonstrations.

    train, valid, test: the user's own labelled sets (.jsonl or .csv, also .gz).
    data, recording: for other stages, which take them from here (retriever.folder, teacher.path).
    """

    RUNTIME: ClassVar = frozenset({"data", "recording"})

    path: Annotated[list[Path], BeforeValidator(found)]
    train: FilePath | None
    valid: FilePath | None
    test: FilePath | None
    data: DirectoryPath | None
    recording: FilePath | None

    def __post_init__(self) -> None:
        beside = {p.resolve() for p in self.path[1:]}
        for name, path in (("train", self.train), ("valid", self.valid), ("test", self.test)):
            if path is not None and path.resolve() in beside:
                raise ValueError(
                    f"{name}={path} has the prompt's own name, so it would also be its demonstrations; rename it"
                )

    def run(self, work: Work) -> Prompt:
        path, beside = self.path[0], self.path[1:]
        text = text_of(path)
        if not text.strip():
            raise InputError(
                f"{path}: is empty; say in it what the input is and what the output shall be"
            )
        inside = (
            from_yaml(path, text) if suffix_of(path) in {".yaml", ".yml"} else Written(text, [])
        )
        placed = [*inside.demonstrations, *(pair for table in beside for pair in from_table(table))]
        sets = sets_of(work.folder, train=self.train, valid=self.valid, test=self.test)
        return Prompt(inside.text, agreeing(placed), **sets)
