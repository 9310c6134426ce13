"""Scores a student's answers on the test sets, with intervals, beside what it has to beat."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Lt

from p2m.artifacts import Choice, Example, Report, Score, Splits, Student
from p2m.engine import decode
from p2m.engine.serving import COMPARED, Serving
from p2m.stages import Bar, Work
from p2m.student import machine

Baseline = Literal["most_frequent", "nearest_neighbour", "untrained"]
Answers = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class Text:
    """Answers compared as text by every metric of `metrics`.

    Of a test set with more than `examples`, that many are drawn by seed.
    Leaves predictions.<set>.jsonl in the stage's folder: input, outputs, prediction, correct.
    """

    VERSION: ClassVar = 6

    metrics: Any
    student: Serving
    baselines: tuple[Baseline, ...]
    examples: Annotated[int, Ge(1)] | None
    resamples: Annotated[int, Ge(1)]
    confidence: Annotated[float, Gt(0), Lt(1)]
    seed: Annotated[int, Ge(0)]

    def __post_init__(self) -> None:
        if not self.metrics:
            raise ValueError(
                "metrics: is empty, so there is nothing to measure with; choose at least one, metric=[exact_match]"
            )

    def run(self, choice: Choice, splits: Splits, student: Student, work: Work) -> Report:
        try:
            return self._report(choice, splits, student, work)
        finally:
            machine.free()  # of a GPU, which the next job of a sweep may train on in a process of its own

    def _report(self, choice: Choice, splits: Splits, student: Student, work: Work) -> Report:
        sets = {
            name: self._drawn(rows)
            for name, rows in (("real", splits.real), ("generated", splits.test))
            if len(rows)
        }
        first = dict(
            list(sets.items())[:1]
        )  # the set whose scores count; to beat a baseline on one is enough
        with work.bar(
            sum(map(len, sets.values()))
            + sum(map(len, first.values())) * ("untrained" in self.baselines),
            "answers",
        ) as bar:
            asked = (
                [*chain.from_iterable(sets.values())]
                or splits.valid[:COMPARED]
                or splits.train[:COMPARED]
            )
            serving, parity = self.student.load(
                student, work.folder, [example.input for example in asked]
            )
            told = self._answered(sets, partial(serving.answers, on_done=bar.advance))
            for name, rows in sets.items():
                _write(work.folder / f"predictions.{name}.jsonl", rows, told[name])
            report = Report(self._scores(sets, told), {}, parity)
            for name, answers in self._contenders(choice, splits, student, bar):
                bar.note(name.replace("_", " "))
                report.baselines[name] = self._scores(first, self._answered(first, answers))
        return report

    def _contenders(
        self, choice: Choice, splits: Splits, student: Student, bar: Bar
    ) -> Iterator[tuple[str, Answers]]:
        from p2m.evaluator import _baselines

        for name in self.baselines:
            if name == "untrained":
                yield name, _untrained(choice, student, self.seed, bar)
            elif len(splits.train):
                yield name, partial(getattr(_baselines, name), train=splits.train)

    def _drawn(self, rows: Sequence[Example]) -> list[Example]:
        if self.examples is None or len(rows) <= self.examples:
            return list(rows)
        return [
            rows[i]
            for i in sorted(random.Random(self.seed).sample(range(len(rows)), self.examples))
        ]

    def _answered(self, sets: dict[str, list[Example]], answers: Answers) -> dict[str, list[str]]:
        """Answers by test set.  All sets are asked for at once: one model to load, one pass over the training set."""
        said = iter(answers([example.input for rows in sets.values() for example in rows]))
        return {name: list(islice(said, len(rows))) for name, rows in sets.items()}

    def _scores(
        self, sets: dict[str, list[Example]], told: dict[str, list[str]]
    ) -> dict[str, dict[str, Score]]:
        from p2m.evaluator._bootstrap import scored

        how = (self.resamples, self.confidence, self.seed)
        return {
            name: {
                label: scored(metric, told[name], [e.accepted for e in rows], *how)
                for label, metric in self.metrics.items()
            }
            for name, rows in sets.items()
        }


def _untrained(choice: Choice, student: Student, seed: int, bar: Bar) -> Answers:
    return lambda inputs: decode.untrained(choice, student, seed).answers(
        inputs, on_done=bar.advance
    )


def _write(path: Path, rows: Sequence[Example], told: Sequence[str]) -> None:
    """correct: equal to an accepted answer, outer white space aside."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for example, said in zip(rows, told, strict=True):
            correct = said.strip() in {answer.strip() for answer in example.accepted}
            record = {
                "input": example.input,
                "outputs": example.accepted,
                "prediction": said,
                "correct": correct,
            }
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
