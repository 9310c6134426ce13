"""A prompt in a file, with demonstrations inside it or beside it."""

import hashlib
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from p2m import disk
from p2m.artifacts import Example, Prompt
from p2m.errors import InputError
from p2m.prompt._sets import OwnFile, OwnFolder, read_sets
from p2m.prompt._yaml import YamlPrompt, parse_yaml
from p2m.stages import Work
from p2m.text.columns import Chosen, check_chosen
from p2m.text.examples import examples_of
from p2m.text.read import TABLES, expand_home, suffix_of, text_of
from p2m.text.same import contradiction

YAML = (".yaml", ".yml")
KINDS = (".md", ".txt", *YAML)
# demonstrations: all of them go into every request to the teacher, so a training set here would be
# paid for again and again
MOST = 200


def find_files(value: Any) -> list[Path]:
    """The prompt's file, and the demonstrations beside it.

    One list, because the content of both decides the result and so its key.
    """
    if isinstance(value, list):
        return value
    path = Path(expand_home(value))
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
    columns: of these, where they are others than input and output: {input: text, output: label}.
    data, recording: for other stages, which take them from here (retriever.folder, teacher.path).
    """

    VERSION: ClassVar = 1
    RUNTIME: ClassVar = frozenset({"data", "recording"})

    path: Annotated[list[Path], BeforeValidator(find_files)]
    train: OwnFile | None
    valid: OwnFile | None
    test: OwnFile | None
    columns: Chosen | None
    data: OwnFolder | None
    recording: OwnFile | None

    def __post_init__(self) -> None:
        if self.columns:
            check_chosen(self.columns)
        beside = {p.resolve() for p in self.path[1:]}
        for name, path in (("train", self.train), ("valid", self.valid), ("test", self.test)):
            if path is not None and path.resolve() in beside:
                raise ValueError(
                    f"{name}={path} has the prompt's own name, so it would also be its"
                    " demonstrations; rename it"
                )

    def digest(self) -> str:
        """The beginning of the file's sha256; with demonstrations beside it, of both."""
        digests = [disk.digest(path) for path in self.path]
        if len(digests) > 1:
            digests = [hashlib.sha256("".join(digests).encode()).hexdigest()]
        return digests[0][:12]

    def run(self, work: Work) -> Prompt:
        path, beside = self.path[0], self.path[1:]
        text = text_of(path)
        if not text.strip():
            raise InputError(
                f"{path}: is empty; say in it what the input is and what the output shall be"
            )
        prompt = YamlPrompt(text, [], ())
        if suffix_of(path) in YAML:
            prompt = parse_yaml(path, text)
        placed = list(prompt.demonstrations)
        layout = check_chosen(self.columns) if self.columns else None
        for table in beside:
            # one more than may be is enough to tell that there are too many
            placed += islice(examples_of(table, "prompt", layout), MOST + 1)
        _check(placed)
        text = prompt.instruction
        if prompt.labels:
            text += "\n\n## Labels\n\n" + "\n".join(f"- {label}" for label in prompt.labels)
        sets = read_sets(
            work.folder, self.columns, train=self.train, valid=self.valid, test=self.test
        )
        demonstrations = [example for _, example in placed]
        return Prompt(
            text, demonstrations, sets["train"], sets["valid"], sets["test"], prompt.labels
        )


def _check(placed: list[tuple[str, Example]]) -> None:
    """Raises InputError where two give one input different outputs, or where there are too many."""
    if len(placed) > MOST:
        raise InputError(
            f"{placed[MOST][0]}: a prompt has at most {MOST} demonstrations, as all go into each"
            " request to the teacher; give a labelled set as prompt.train=... and keep it under"
            " another name than the prompt's"
        )
    fault = contradiction((place, example.input, example.output) for place, example in placed)
    if fault:
        raise InputError(fault)
