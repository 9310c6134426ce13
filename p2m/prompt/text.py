"""A prompt given in the configuration itself."""

from dataclasses import dataclass
from typing import ClassVar

from pydantic import DirectoryPath, FilePath

from p2m.artifacts import Prompt
from p2m.errors import InputError
from p2m.prompt._sets import read_sets
from p2m.prompt.file import KINDS
from p2m.stages import Work


@dataclass(frozen=True)
class Text:
    """text: instruction and, if any, demonstrations.

    train, valid, test: the user's own labelled sets (.jsonl or .csv, also .gz).
    data, recording: for other stages, which take them from here (retriever.folder, teacher.path).
    """

    RUNTIME: ClassVar = frozenset({"data", "recording"})

    text: str
    train: FilePath | None
    valid: FilePath | None
    test: FilePath | None
    data: DirectoryPath | None
    recording: FilePath | None

    def run(self, work: Work) -> Prompt:
        if not self.text.strip():
            raise InputError(
                "prompt.text: is empty; say in it what the input is and what the output shall be"
            )
        if len(self.text.split()) == 1 and self.text.lower().endswith(KINDS):
            raise InputError(
                f"prompt.text: '{self.text}' is the name of a file; for its content give"
                f" prompt=file prompt.path={self.text}"
            )
        sets = read_sets(work.folder, train=self.train, valid=self.valid, test=self.test)
        return Prompt(self.text, (), sets["train"], sets["valid"], sets["test"])
