"""A prompt given in the configuration itself."""

import hashlib
from dataclasses import dataclass
from typing import ClassVar

from p2m.artifacts import Prompt
from p2m.errors import InputError
from p2m.prompt._sets import OwnFile, OwnFolder, read_sets
from p2m.prompt.file import KINDS
from p2m.stages import Work
from p2m.text.columns import Chosen, check_chosen


@dataclass(frozen=True)
class Text:
    """text: instruction and, if any, demonstrations.

    train, valid, test: the user's own labelled sets (.jsonl or .csv, also .gz).
    columns: of these, where they are others than input and output: {input: text, output: label}.
    data, recording: for other stages, which take them from here (retriever.folder, teacher.path).
    """

    RUNTIME: ClassVar = frozenset({"data", "recording"})

    text: str
    train: OwnFile | None
    valid: OwnFile | None
    test: OwnFile | None
    columns: Chosen | None
    data: OwnFolder | None
    recording: OwnFile | None

    def __post_init__(self) -> None:
        if self.columns:
            check_chosen(self.columns)

    def digest(self) -> str:
        return hashlib.sha256(self.text.encode(errors="surrogatepass")).hexdigest()[:12]

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
        sets = read_sets(
            work.folder, self.columns, train=self.train, valid=self.valid, test=self.test
        )
        return Prompt(self.text, (), sets["train"], sets["valid"], sets["test"])
