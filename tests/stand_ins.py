"""Components that cost nothing and note each of their runs in a file, loaded as `p2m.stand_ins`."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, ClassVar

from p2m.artifacts import (
    Candidate,
    Choice,
    Example,
    Examples,
    Prompt,
    Report,
    Score,
    Splits,
    Student,
    TaskSpec,
)
from p2m.errors import IncompleteError
from p2m.stages import Work


def load_stand_ins(monkeypatch) -> None:
    """A _target_ names nothing outside p2m, so this module goes in under a name of p2m's."""
    spec = spec_from_file_location("p2m.stand_ins", __file__)
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "p2m.stand_ins", module)
    spec.loader.exec_module(module)


def node(name: str, **settings: Any) -> dict[str, Any]:
    return {"_target_": f"p2m.stand_ins.{name}", **settings}


def note(log: Path, *words: Any) -> None:
    with log.open("a") as file:
        file.write(json.dumps(words) + "\n")


def notes(log: Path) -> list[list[Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@dataclass(frozen=True)
class Asker:
    """A prompt, with a test set of these inputs."""

    text: str
    tests: tuple[str, ...] = ()

    def run(self, work: Work) -> Prompt:
        return Prompt(self.text, test=[Example(text, "x", "user:test") for text in self.tests])


@dataclass(frozen=True)
class Reader:
    """A parser that takes the prompt as it is."""

    USES: ClassVar = {"prompt": ("text",)}

    def run(self, prompt: Prompt, work: Work) -> TaskSpec:
        return TaskSpec(prompt.text)


@dataclass(frozen=True)
class Source:
    """A retriever that brings these inputs, and reports a candidate and what it dropped."""

    RUNTIME = frozenset({"log"})

    inputs: list[str]
    candidate: str
    log: Path

    def run(self, task: TaskSpec, work: Work) -> Examples:
        note(self.log, work.stage)
        rows = [Example(text, text.upper(), "folder:x") for text in self.inputs]
        return Examples(rows, (Candidate(self.candidate, 1.0, ""),), {self.candidate: 1})


@dataclass(frozen=True)
class Chooser:
    """A model that is made up."""

    def run(self, task: TaskSpec, work: Work) -> Choice:
        return Choice("scratch", None, "encoder-decoder")


@dataclass(frozen=True)
class Copier:
    """A generator that writes what was retrieved again, with a suffix, and more."""

    suffix: str
    more: tuple[str, ...] = ()

    def run(self, task: TaskSpec, retrieved: Examples, work: Work) -> Examples:
        inputs = [*(row.input for row in retrieved.rows), *self.more]
        return Examples([Example(text + self.suffix, text, "teacher:x") for text in inputs])


@dataclass(frozen=True)
class Splitter:
    """A processor that trains on everything."""

    def run(
        self,
        prompt: Prompt,
        task: TaskSpec,
        retrieved: Examples,
        generated: Examples,
        choice: Choice,
        work: Work,
    ) -> Splits:
        return Splits([*retrieved.rows, *generated.rows], real=prompt.test)


@dataclass(frozen=True)
class Learner:
    """A trainer whose model is the inputs it was given; fail: its error."""

    RUNTIME = frozenset({"log", "fail"})
    USES: ClassVar = {"processor": ("train",)}

    lr: float
    fail: str
    log: Path

    def run(self, choice: Choice, splits: Splits, work: Work) -> Student:
        note(self.log, work.stage, work.run)
        work.point({"step": 1, "loss": 0.5})
        if self.fail:
            raise IncompleteError(self.fail)
        text = "".join(row.input for row in splits.train)
        (work.folder / "model.safetensors").write_text(f"weights of {text}")
        (work.folder / "curve.jsonl").write_text("")
        return Student(work.folder, choice.base, choice.kind, "", 8, 8)


@dataclass(frozen=True)
class Private:
    """A trainer whose library lets nobody else read its model."""

    RUNTIME = frozenset({"log"})

    log: Path

    def run(self, choice: Choice, splits: Splits, work: Work) -> Student:
        (work.folder / "model.safetensors").touch(mode=0o600)
        return Student(work.folder, choice.base, choice.kind, "", 8, 8)


@dataclass(frozen=True)
class Judge:
    """An evaluator that finds everything right."""

    RUNTIME = frozenset({"log"})

    log: Path

    def run(
        self, task: TaskSpec, choice: Choice, splits: Splits, student: Student, work: Work
    ) -> Report:
        note(self.log, work.stage)
        return Report({"real": {"exact_match": Score(1.0, 1.0, 1.0, 3)}})


@dataclass(frozen=True)
class Watcher:
    """A tracker that notes what it hears."""

    log: Path

    def start(self, run: Path, config: Mapping[str, Any]) -> None:
        note(self.log, "start", run.name, config["seed"])

    def point(self, stage: str, values: Mapping[str, float]) -> None:
        note(self.log, "point", stage, dict(values))

    def end(self, run: Path, config: Mapping[str, Any], error: str | None) -> None:
        note(self.log, "end", run.name, (run / "report.json").exists(), error)
