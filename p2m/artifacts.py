"""What flows between stages: frozen data, JSON or JSON lines on disk.

REPORT names what an artifact holds for people only: fields, or files in its folder, at which no
later stage looks, so that they do not decide what comes later.
"""

import dataclasses
import json
import typing
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pydantic import TypeAdapter

from p2m import disk
from p2m.examples import Example as Example
from p2m.examples import ExampleFile as ExampleFile
from p2m.examples import ExampleView as ExampleView
from p2m.examples import write_rows as write_rows

VALUE = "value.json"  # an artifact's fields, less those that are examples
RECORD = "made.json"  # how it came: settings, inputs, seconds, dollars, calls


@dataclass(frozen=True)
class Candidate:
    """One thing that a search found: its name, its score there, and the text that was searched."""

    name: str
    score: float
    card: str


@dataclass(frozen=True)
class Prompt:
    """What the user wrote; all but the text may be empty.

    demonstrations: those that stand beside the text.  labels: the closed set of answers, where it
    is given as data.  train, valid, test: labelled sets of the user's own.
    """

    text: str
    demonstrations: Sequence[Example] = ()
    train: Sequence[Example] = ()
    valid: Sequence[Example] = ()
    test: Sequence[Example] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class TaskSpec:
    """A parsed prompt.

    labels is empty unless answers come from a closed set.  Languages: ISO 639-1, `code`, or `und`.
    doubts: what may have been misread, a sentence each.
    """

    REPORT: ClassVar = frozenset({"doubts"})

    instruction: str
    demonstrations: Sequence[Example] = ()
    labels: tuple[str, ...] = ()
    input_language: str = "und"
    output_language: str = "und"
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Examples:
    """What a retriever found or a generator wrote.

    dropped counts what was met and not kept, by reason.
    """

    REPORT: ClassVar = frozenset({"candidates", "dropped"})

    rows: Sequence[Example] = ()
    candidates: tuple[Candidate, ...] = ()
    dropped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """The student before training.

    base: a hub name, the path of a folder or a GGUF file, `package:NAME@sha256:HEX`, or `scratch`.
    revision: commit of the hub, or a digest of what a folder or file holds, or None.
    kind: encoder-decoder | decoder-only | encoder.
    config: the architecture where base is `scratch` (transformers config fields, with model_type),
    else empty.
    pieces: ids of a tokenizer that is learnt from the training texts; None for bytes where base is
    `scratch`, else for the published one.
    chat: what its chat template puts before and after a user's words; None where it has none.
    why: it was taken, in a few words.
    """

    REPORT: ClassVar = frozenset({"candidates", "why"})

    base: str
    revision: str | None
    kind: str
    config: dict[str, Any] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()
    pieces: int | None = None
    chat: tuple[str, str] | None = None
    why: str = ""


@dataclass(frozen=True)
class Splits:
    """Examples ready to train on and to measure with.

    test: split off from what was retrieved and generated.  real: the user's own test set, never
    trained on.  prefix, suffix: texts before and after each input when the student reads it.
    dropped counts examples by reason.
    """

    REPORT: ClassVar = frozenset({"dropped"})

    train: Sequence[Example] = ()
    valid: Sequence[Example] = ()
    test: Sequence[Example] = ()
    real: Sequence[Example] = ()
    prefix: str = ""
    labels: tuple[str, ...] = ()
    dropped: dict[str, int] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True)
class Student:
    """A trained model in *folder*: model.safetensors, config.json, tokenizer files.

    max_input, max_output: in tokens.
    labels: what a student of kind `encoder` chooses its answers from, in the order of its outputs;
    empty for those that write.
    cut: training examples (with soft votes, answers) that are longer, so that an end was left out.
    lost: share of the training answers looked at that its tokenizer does not give back as they
    are, so that it can never say them.
    """

    REPORT: ClassVar = frozenset({"curve.jsonl"})

    folder: Path
    base: str
    kind: str
    prefix: str
    max_input: int
    max_output: int
    suffix: str = ""
    labels: tuple[str, ...] = ()
    cut: int = 0
    lost: float = 0.0


@dataclass(frozen=True)
class Score:
    """A metric's value with its 95 % interval over n examples."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Parity:
    """Of n inputs, the share that another engine answers as torch does."""

    engine: str
    equal: float
    n: int


@dataclass(frozen=True)
class Asked:
    """Of n answers of a teacher: those of no use, what all cost, what one took in the median."""

    n: int
    unusable: int
    usd: float
    seconds: float


@dataclass(frozen=True)
class Report:
    """Scores by test set (`real`, `generated`) and metric, and of each baseline on the first.

    parity: how the engine that answered compares with torch; empty where torch did.
    asked: what the baseline `teacher` took; None where it was not asked.
    """

    scores: dict[str, dict[str, Score]] = field(default_factory=dict)
    baselines: dict[str, dict[str, dict[str, Score]]] = field(default_factory=dict)
    parity: tuple[Parity, ...] = ()
    asked: Asked | None = None


def save(value: Any, folder: Path) -> None:
    """Writes value.json, and `<field>.jsonl` for each field that holds a sequence of examples."""
    plain: dict[str, Any] = {}
    for name, hint in _stored(type(value)).items():
        if hint == Sequence[Example]:
            write_rows(folder / f"{name}.jsonl", getattr(value, name))
        else:
            plain[name] = getattr(value, name)
    text = json.dumps(plain, default=dataclasses.asdict, ensure_ascii=False, indent=1)
    disk.write_text(folder / VALUE, text)


def load(kind: type, folder: Path) -> Any:
    """What `save` wrote; examples are read from disk when used.

    *folder* is where the artifact lies now.  A field that came after it was saved has its default.
    """
    plain = _plain(folder)
    values: dict[str, Any] = {}
    for name, hint in _stored(kind).items():
        if hint == Sequence[Example]:
            values[name] = ExampleFile(folder / f"{name}.jsonl")
        elif name in plain:
            values[name] = TypeAdapter(hint).validate_python(plain[name])
    if kind is Student:
        values["folder"] = folder
    return kind(**values)


def content(
    kind: type, folder: Path, digests: dict[str, str], parts: Collection[str] | None = None
) -> dict[str, Any]:
    """What later stages may look at in an artifact, however it came: its fields and its files.

    digests: of each file in *folder*, by name.  parts: fields that alone count; None for all.
    """
    report: frozenset[str] = getattr(kind, "REPORT", frozenset())
    plain = {name: value for name, value in _plain(folder).items() if name not in report}
    files = {name: digests[name] for name in digests.keys() - {VALUE, RECORD} - report}
    if parts is not None:
        plain = {name: value for name, value in plain.items() if name in parts}
        files = {name: each for name, each in files.items() if name.split(".")[0] in parts}
    return {"fields": plain, "files": files}


def _plain(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / VALUE).read_text(encoding="utf-8")))


def _stored(kind: type) -> dict[str, Any]:
    """The fields that are saved, with their types; where a folder lies is no part of it."""
    hints = typing.get_type_hints(kind)
    return {f.name: hints[f.name] for f in dataclasses.fields(kind) if f.name != "folder"}
