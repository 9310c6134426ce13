"""What flows between stages: frozen data, JSON or JSON lines on disk."""

import dataclasses
import json
import mmap
import operator
import typing
from abc import abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload


@dataclass(frozen=True)
class Example:
    """One input with its answer.

    origin: `prompt` | `user:train` | `hub:<name>@<revision>#<row>` | `folder:<file>@<sha256>#<row>` | `teacher:<call key>`.
    also: further answers that count as right when answers are measured; training learns the output.
    votes: what a teacher answered to this input and how often, where it was not of one mind; the output is the one that won.
    """

    input: str
    output: str
    origin: str
    also: tuple[str, ...] = ()
    votes: tuple[tuple[str, int], ...] = ()

    @property
    def accepted(self) -> tuple[str, ...]:
        return (self.output, *self.also)


@dataclass(frozen=True)
class Candidate:
    """One thing that a search found: its name, its score there, and the text that was searched."""

    name: str
    score: float
    card: str


@dataclass(frozen=True)
class Prompt:
    """What the user wrote: the prompt's text, examples beside it, and labelled sets of their own (each may be empty)."""

    text: str
    demonstrations: Sequence[Example] = ()
    train: Sequence[Example] = ()
    valid: Sequence[Example] = ()
    test: Sequence[Example] = ()


@dataclass(frozen=True)
class TaskSpec:
    """A parsed prompt.  labels is empty unless answers come from a closed set.  Languages: ISO 639-1, `code`, or `und`."""

    instruction: str
    demonstrations: Sequence[Example] = ()
    labels: tuple[str, ...] = ()
    input_language: str = "und"
    output_language: str = "und"


@dataclass(frozen=True)
class Examples:
    """What a retriever found or a generator wrote.  dropped counts what was met and not kept, by reason."""

    rows: Sequence[Example] = ()
    candidates: tuple[Candidate, ...] = ()
    dropped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Choice:
    """The student before training.

    base: a hub name, or `scratch`.  revision: commit of the hub, or None where none is known.
    kind: encoder-decoder | decoder-only | encoder.
    config: the architecture where base is `scratch` (transformers config fields, with model_type), else empty.
    pieces: ids of a tokenizer that is learnt from the training texts; None for bytes where base is `scratch`, else the published one.
    """

    base: str
    revision: str | None
    kind: str
    config: dict[str, Any] = field(default_factory=dict)
    candidates: tuple[Candidate, ...] = ()
    pieces: int | None = None


@dataclass(frozen=True)
class Splits:
    """Examples ready to train on and to measure with.

    test: split off from what was retrieved and generated.  real: the user's own test set, never trained on.
    prefix, suffix: texts that stand before and after each input when the student reads it.  dropped counts examples by reason.
    """

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
    """A trained model in *folder*: model.safetensors, config.json, tokenizer files; max_input and max_output in tokens.

    labels: what a student of kind `encoder` chooses its answers from, in the order of its outputs; empty for those that write.
    cut: training examples (with soft votes, answers) of which an end was left out, as they are longer than that.
    lost: share of the training answers looked at that its tokenizer does not give back as they are, so that it can never say them.
    """

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
    """A metric's value with its 95 % bootstrap interval over n examples."""

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
class Report:
    """Scores by test set (`real`, `generated`) and metric, and the same for each baseline on the first of them.

    parity: how the engine that answered compares with torch; empty where torch did.
    """

    scores: dict[str, dict[str, Score]] = field(default_factory=dict)
    baselines: dict[str, dict[str, dict[str, Score]]] = field(default_factory=dict)
    parity: tuple[Parity, ...] = ()


class ExampleView(Sequence[Example]):
    """Examples made when asked for: a subclass says how many there are and makes one of them."""

    @abstractmethod
    def _made(self, i: int) -> Example:
        """The example at place i, 0 <= i < len(self)."""

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self._made(range(len(self))[index])

    def __iter__(self) -> Iterator[Example]:
        return map(self._made, range(len(self)))


class Rows(ExampleView):
    """Examples in a JSON lines file, read when asked for: memory holds eight bytes a row, whatever their number."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._starts = array("q", [0])
        with path.open("rb") as file:
            for line in file:  # bytes, so that only \n ends a record and U+2028 does not
                self._starts.append(self._starts[-1] + len(line))
            self._bytes = (
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if self._starts[-1] else b""
            )

    def __len__(self) -> int:
        return len(self._starts) - 1

    def _made(self, i: int) -> Example:
        return example_of(json.loads(self._bytes[self._starts[i] : self._starts[i + 1]]))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Sequence)
            and len(self) == len(other)
            and all(map(operator.eq, self, other))
        )


def example_of(record: dict[str, Any]) -> Example:
    votes = tuple((output, n) for output, n in record.get("votes", ()))
    return Example(
        record["input"], record["output"], record["origin"], tuple(record.get("also", ())), votes
    )


def write_rows(path: Path, rows: Iterable[Example]) -> None:
    """One JSON object a line; `also` and `votes` only where there are some."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in rows:
            more = {
                name: value for name, value in (("also", row.also), ("votes", row.votes)) if value
            }
            record = {"input": row.input, "output": row.output, "origin": row.origin} | more
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def save(value: Any, folder: Path) -> None:
    """Writes value.json, and `<field>.jsonl` for each field that holds a sequence of examples."""
    plain: dict[str, Any] = {}
    for name in _stored(type(value)):
        if _holds_rows(type(value), name):
            write_rows(folder / f"{name}.jsonl", getattr(value, name))
        else:
            plain[name] = _plain(getattr(value, name))
    (folder / "value.json").write_text(
        json.dumps(plain, ensure_ascii=False, indent=1), encoding="utf-8"
    )


def load(kind: type, folder: Path) -> Any:
    """What `save` wrote; rows are read from disk when used, and `folder` is where the artifact lies now.

    A field that came after the artifact was saved has its default.
    """
    plain = json.loads((folder / "value.json").read_text(encoding="utf-8"))
    hints = typing.get_type_hints(kind)
    values = {
        name: Rows(folder / f"{name}.jsonl")
        if _holds_rows(kind, name)
        else _typed(hints[name], plain[name])
        for name in _stored(kind)
        if name in plain or _holds_rows(kind, name)
    }
    return kind(**values, **({"folder": folder} if "folder" in hints else {}))


def _stored(kind: type) -> list[str]:
    return [f.name for f in dataclasses.fields(kind) if f.name != "folder"]


def _holds_rows(kind: type, name: str) -> bool:
    return bool(typing.get_type_hints(kind)[name] == Sequence[Example])


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return value


def _typed(hint: Any, value: Any) -> Any:
    """*value* from JSON as its field's type: dataclasses and tuples inside dicts and tuples are made again."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = typing.get_type_hints(hint)
        return hint(**{k: _typed(hints[k], v) for k, v in value.items()})
    inner = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        return tuple(_typed(inner[0], v) for v in value)
    if typing.get_origin(hint) is dict:
        return {k: _typed(inner[1], v) for k, v in value.items()}
    return value
