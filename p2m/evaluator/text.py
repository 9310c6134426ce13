"""Scores a student's answers on the test sets, with intervals, beside what it has to beat."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt

from p2m.artifacts import Choice, Example, Report, Score, Splits, Student, TaskSpec
from p2m.engine import decode
from p2m.engine.parity import COMPARED, load_and_compare
from p2m.stages import Bar, Chooser, Decoder, Estimate, Sizes, Work
from p2m.student import machine
from p2m.text.same import normalize_answer

Baseline = Literal["most_frequent", "nearest_neighbour", "untrained"]
DIGITS = 4  # of a probability
# of a question where the prompt shows none, and of an answer's JSON
TYPICAL = ("An input of a usual length, in some ten words.", "its answer")
BYTES_A_TOKEN = 4  # of UTF-8, as tokenizers of large models have it in English prose
FRAME = 8
Answers = Callable[[Sequence[str]], list[str]]


@dataclass(frozen=True)
class Text:
    """Answers of `engine` compared as text by every metric of `metrics`.

    Where fewer than `parity` of them are those of torch in float32, the engine is refused.
    Of a test set with more than `examples`, that many are drawn by seed.
    teacher: one that is asked about the first set, as a baseline more; False for none.
    Leaves predictions.<set>.jsonl in the stage's folder: input, outputs, prediction, correct; of a
    student that chooses among labels also how likely it holds each.
    """

    VERSION: ClassVar = 9

    metrics: Any
    engine: Any
    parity: Annotated[float, Ge(0), Le(1)]
    baselines: tuple[Baseline, ...]
    teacher: Any
    examples: Annotated[int, Ge(1)] | None
    resamples: Annotated[int, Ge(1)]
    confidence: Annotated[float, Gt(0), Lt(1)]
    seed: Annotated[int, Ge(0)]

    def __post_init__(self) -> None:
        if not self.metrics:
            raise ValueError(
                "metrics: is empty, so there is nothing to measure with;"
                " choose at least one, metric=[exact_match]"
            )

    def questions(self, n: int | None) -> Estimate:
        """For the teacher's answers to a test set of *n* examples."""
        if not self.teacher:
            return Estimate(0, 0.0)
        if n is None:
            return Estimate()
        return Estimate(n if self.examples is None else min(n, self.examples))

    def sizes(self, task: TaskSpec) -> Sizes:
        """Of a question about an input as the demonstrations have them, and its answer."""
        from p2m.evaluator._teacher import messages_for

        example = [(d.input, d.output) for d in task.demonstrations[:1]] or [TYPICAL]
        asked = sum(len(m["content"].encode()) for m in messages_for(task, example[0][0]))
        return asked // BYTES_A_TOKEN, FRAME + len(example[0][1].encode()) // BYTES_A_TOKEN

    def run(
        self, task: TaskSpec, choice: Choice, splits: Splits, student: Student, work: Work
    ) -> Report:
        try:
            report = self._report(choice, splits, student, work)
            return self._ask_teacher(task, splits, report, work) if self.teacher else report
        finally:
            machine.free()  # the next job of a sweep may train on this GPU, in another process

    def _report(self, choice: Choice, splits: Splits, student: Student, work: Work) -> Report:
        # 1) what to answer; the baselines answer the first set alone: to beat them there is enough
        sets = self._test_sets(splits)
        first = dict(islice(sets.items(), 1))
        rows = [row for rows in sets.values() for row in rows]
        total = len(rows)
        if "untrained" in self.baselines:
            total += sum(map(len, first.values()))
        with work.bar(total, "answers") as bar:
            # 2) the student
            compared = rows or splits.valid[:COMPARED] or splits.train[:COMPARED]
            decoder, parity = load_and_compare(
                self.engine,
                student,
                work.folder / "engine",
                [row.input for row in compared],
                self.parity,
            )
            chances: dict[str, dict[str, float]] = {}
            answer = _answers_of(decoder, student, bar, chances)
            predictions = _answer(sets, answer)
            for name, answers in predictions.items():
                _write(work.folder / f"predictions.{name}.jsonl", sets[name], answers, chances)
            report = Report(self._scores(sets, predictions), {}, parity)
            # 3) what it has to beat
            for name in self.baselines:
                bar.note(name.replace("_", " "))
                answer = self._baseline(name, choice, splits, student, bar)
                report.baselines[name] = self._scores(first, _answer(first, answer))
        return report

    def _ask_teacher(self, task: TaskSpec, splits: Splits, report: Report, work: Work) -> Report:
        """*report* with a baseline more."""
        from p2m.evaluator import _teacher

        first = dict(islice(self._test_sets(splits).items(), 1))
        if not first or not _teacher.can_answer(self.teacher):
            return report
        [(name, rows)] = first.items()
        with work.bar(len(rows), "answers of the teacher") as bar:
            inputs = [row.input for row in rows]
            answers, asked = _teacher.ask(self.teacher, task, inputs, work, bar)
        _write(work.folder / "predictions.teacher.jsonl", rows, answers, {})
        baselines = report.baselines | {"teacher": self._scores(first, {name: answers})}
        return replace(report, baselines=baselines, asked=asked)

    def _baseline(
        self, name: Baseline, choice: Choice, splits: Splits, student: Student, bar: Bar
    ) -> Answers:
        from p2m.evaluator import _baselines

        if name == "untrained":
            untrained = decode.load_base(choice, student, self.seed)
            return lambda inputs: untrained.answers(inputs, bar.advance)
        baseline = getattr(_baselines, name)
        return lambda inputs: list(baseline(inputs, splits.train))

    def _test_sets(self, splits: Splits) -> dict[str, list[Example]]:
        sets = {"real": self._draw(splits.real), "generated": self._draw(splits.test)}
        return {name: rows for name, rows in sets.items() if rows}

    def _draw(self, rows: Sequence[Example]) -> list[Example]:
        if self.examples is None or len(rows) <= self.examples:
            return list(rows)
        places = random.Random(self.seed).sample(range(len(rows)), self.examples)
        return [rows[place] for place in sorted(places)]

    def _scores(
        self, sets: dict[str, list[Example]], predictions: dict[str, list[str]]
    ) -> dict[str, dict[str, Score]]:
        from p2m.evaluator._bootstrap import Bootstrap

        bootstrap = Bootstrap(self.resamples, self.confidence, self.seed)
        scores: dict[str, dict[str, Score]] = {}
        for name, rows in sets.items():
            accepted = [row.accepted for row in rows]
            scores[name] = {
                label: bootstrap.score(metric, predictions[name], accepted)
                for label, metric in self.metrics.items()
            }
        return scores


def _answer(sets: dict[str, list[Example]], answer: Answers) -> dict[str, list[str]]:
    """Answers by test set, all asked for at once: one pass over the training set."""
    answers = iter(answer([row.input for rows in sets.values() for row in rows]))
    return {name: list(islice(answers, len(rows))) for name, rows in sets.items()}


def _answers_of(
    decoder: Decoder, student: Student, bar: Bar, chances: dict[str, dict[str, float]]
) -> Answers:
    """The decoder's answers; of labels how likely each is goes into *chances*, by input."""

    def answer(inputs: Sequence[str]) -> list[str]:
        if not student.labels or not isinstance(decoder, Chooser):
            return decoder.answers(inputs, bar.advance)
        for text, row in zip(inputs, decoder.probabilities(inputs, bar.advance), strict=True):
            chances[text] = dict(zip(student.labels, row, strict=True))
        return [max(chances[text], key=chances[text].__getitem__) for text in inputs]

    return answer


def _write(
    path: Path,
    rows: Sequence[Example],
    predictions: Sequence[str],
    chances: dict[str, dict[str, float]],
) -> None:
    """correct: equal to an accepted answer, white space aside."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row, prediction in zip(rows, predictions, strict=True):
            record = {
                "input": row.input,
                "outputs": row.accepted,
                "prediction": prediction,
                "correct": normalize_answer(prediction) in map(normalize_answer, row.accepted),
            }
            if row.input in chances:
                likely = {name: round(p, DIGITS) for name, p in chances[row.input].items()}
                record["probabilities"] = likely
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
