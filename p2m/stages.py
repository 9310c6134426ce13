"""The contracts, side by side: what each stage takes and gives, and what it works with."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from p2m.artifacts import Choice, Examples, Prompt, Report, Splits, Student, TaskSpec

Outcome = Literal["ok", "refusal", "filtered", "length", "empty", "invalid", "echo", "too_long"]
Sizes = tuple[int, int]  # tokens of a request and of its answer


class Meter:
    """Dollars and calls of one stage, whenever paid; those paid now, and tokens written now."""

    def __init__(self) -> None:
        self.usd = self.paid_usd = 0.0
        self.calls = self.paid_calls = self.tokens = 0
        self._lock = threading.Lock()

    def add(self, usd: float, fresh: bool, tokens: int = 0) -> None:
        """fresh: False for an answer that the ledger already held.  tokens: of the answer."""
        with self._lock:
            self.usd, self.calls = self.usd + usd, self.calls + 1
            if fresh:
                self.paid_usd, self.paid_calls = self.paid_usd + usd, self.paid_calls + 1
                self.tokens += tokens


class Bar(Protocol):
    """A progress bar: `advance(3)`, and `note("loss 0.3")` for a few words beside it."""

    def advance(self, n: float = 1) -> None: ...
    def note(self, text: str) -> None: ...


@dataclass(frozen=True)
class Work:
    """What a stage is handed beside its inputs.

    folder: its own, kept if it is killed, so that it finds its leftovers.  run: name of this run,
    for the ledger of calls.  account: whom the budget is counted for (the prompt's digest).
    bar(total, unit) gives a Bar; total None if unknown.  point(values) shows figures of the stage
    while it runs, such as a step's loss; it neither raises nor waits.
    """

    folder: Path
    stage: str
    run: str
    account: str
    bar: Callable[[float | None, str], AbstractContextManager[Bar]]
    meter: Meter = field(default_factory=Meter)
    point: Callable[[Mapping[str, float]], None] = lambda values: None


@dataclass(frozen=True)
class Estimate:
    """What a stage may still need: paid calls, dollars, seconds.  None where nothing is known.

    tokens_per_s: what its teacher wrote lately, all requests at once together.
    """

    calls: float | None = None
    usd: float | None = None
    seconds: float | None = None
    tokens_per_s: float | None = None


# The optional half of a component: it is asked for with isinstance.
@runtime_checkable
class Ready(Protocol):
    """Says what this machine lacks for the component, from settings and the environment only."""

    def ready(self) -> Iterator[str]:
        """One line for each thing that is missing: a key, an extra, a server."""


@runtime_checkable
class Estimates(Protocol):
    """Says what the component may need, for mode=plan, from settings and the environment only."""

    def estimate(self) -> Estimate: ...


@runtime_checkable
class Keeps(Protocol):
    """A teacher that has some kinds of answers alone, as a recording."""

    def keeps(self, kind: str) -> bool:
        """kind: the title of a request's schema."""


@runtime_checkable
class AsksTestSet(Protocol):
    """An evaluator that may ask a teacher about each example of the test set."""

    def questions(self, n: int | None) -> Estimate:
        """n: examples of the test set; None where that is not known."""


@runtime_checkable
class Sized(Protocol):
    """A component that says how long its requests will be."""

    def sizes(self, task: TaskSpec) -> Sizes:
        """Of a typical request for *task*, and of its answer, in tokens."""


@runtime_checkable
class Preflight(Protocol):
    """A trainer that looks at task and student before anything is paid."""

    def preflight(
        self, task: TaskSpec, choice: Choice, validated: bool, template: tuple[str, str]
    ) -> None:
        """Raises a UserError where the settings do not fit these.

        validated: whether there will be a validation set.  template: what `Template` says, or two
        empty texts.
        """


@runtime_checkable
class Template(Protocol):
    """A processor that puts texts around what the student reads."""

    def template(self, task: TaskSpec, choice: Choice) -> tuple[str, str]:
        """What will stand before and after each input."""


class Prompts(Protocol):
    """Reads what the user wrote."""

    def digest(self) -> str:
        """Twelve hex digits of it: whom a budget is counted for, and what a recording is of."""

    def run(self, work: Work) -> Prompt: ...


class Parser(Protocol):
    """Says what the task is."""

    def run(self, prompt: Prompt, work: Work) -> TaskSpec: ...


class Retriever(Protocol):
    """Finds data sets that fit and takes examples from them."""

    def run(self, task: TaskSpec, work: Work) -> Examples: ...


class Generator(Protocol):
    """Has a teacher write examples."""

    def run(self, task: TaskSpec, retrieved: Examples, work: Work) -> Examples: ...


class Model(Protocol):
    """Chooses the student."""

    def run(self, task: TaskSpec, work: Work) -> Choice: ...


class Processor(Protocol):
    """Makes splits to train on and to measure with."""

    def run(
        self,
        prompt: Prompt,
        task: TaskSpec,
        retrieved: Examples,
        generated: Examples,
        choice: Choice,
        work: Work,
    ) -> Splits: ...


class Trainer(Protocol):
    """Fine-tunes the student."""

    def run(self, choice: Choice, splits: Splits, work: Work) -> Student: ...


class Decoder(Protocol):
    """A trained student, ready to answer."""

    def answers(self, inputs: Sequence[str], on_done: Callable[[int], None] = ...) -> list[str]:
        """One answer for each input; on_done is given now and then how many more there are."""


@runtime_checkable
class Chooser(Protocol):
    """A decoder that also says how likely it holds each label of a student that chooses."""

    def probabilities(
        self, inputs: Sequence[str], on_done: Callable[[int], None] = ...
    ) -> list[list[float]]: ...


class Engine(Protocol):
    """What a student answers with.  KINDS, a ClassVar, are the kinds of student that it knows."""

    def load(self, student: Student, folder: Path) -> Decoder:
        """folder: need not be there yet; a converted copy is kept in it and found again."""


class Evaluator(Protocol):
    """Measures the student, beside baselines."""

    def run(
        self, task: TaskSpec, choice: Choice, splits: Splits, student: Student, work: Work
    ) -> Report: ...


@runtime_checkable
class Metric(Protocol):
    """The score of a whole test set, in [0, 1], given every accepted answer of each example."""

    def score(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> float: ...


class Tracker(Protocol):
    """Watches a run.  It never raises, and waits for a network seconds at most.

    run: the run's folder.  config: the configuration as composed, its interpolations kept.
    """

    def start(self, run: Path, config: Mapping[str, Any]) -> None: ...

    def point(self, stage: str, values: Mapping[str, float]) -> None:
        """Figures of a stage while it runs, such as step, seconds and loss; must not slow it."""

    def end(self, run: Path, config: Mapping[str, Any], error: str | None) -> None:
        """error: None where report.json is there, else why the run did not complete."""


@dataclass(frozen=True)
class Request:
    """One question to a teacher.

    messages: role and content each.  max_tokens bounds the answer.  schema: JSON schema that it
    must meet.  sample: counts requests that are otherwise alike, so that asking again gives
    another answer.
    """

    messages: tuple[Mapping[str, str], ...]
    temperature: float
    max_tokens: int
    schema: Mapping[str, Any] | None = None
    top_p: float = 1.0
    sample: int = 0


@dataclass(frozen=True)
class Answer:
    """What came back.

    text is as received; only outcome `ok` may become data.  usd: what it cost, whenever.  key: of
    the ledger.  reason: a few words, where outcome is not ok.  An outcome of `too_long` is of the
    request: the model's window does not hold it, and it cost nothing.  seconds: that it took.
    tokens: that were written.
    """

    text: str
    outcome: Outcome
    key: str
    usd: float
    fresh: bool
    reason: str = ""
    seconds: float = 0.0
    tokens: int = 0


class Session(Protocol):
    """An open line to a teacher.

    `submit` never blocks for long; Future.result() gives the Answer, or raises a UserError.
    Requests run concurrently.  A caller that reads results in the order of its requests, and builds
    request i only from answers before i - lag, makes the same requests in every run, however fast
    each answer comes.
    """

    def submit(self, request: Request) -> "Future[Answer]": ...


class Teacher(Protocol):
    """A large model, whose session pays through the ledger and adds each answer to work.meter."""

    def estimate(self, sizes: Sizes | None = None) -> Estimate:
        """Of one call; sizes are None where they are not known."""

    def session(self, work: Work) -> AbstractContextManager[Session]: ...
