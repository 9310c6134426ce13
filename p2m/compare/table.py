"""Scores of runs by configuration, seeds folded, and which differences are more than chance."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from omegaconf import OmegaConf

from p2m import disk
from p2m.compare import _statistics
from p2m.compare.groups import Run, group
from p2m.components import build
from p2m.errors import InputError, near

PARTED = 10  # examples shown on which two configurations part


@dataclass(frozen=True)
class Difference:
    """A score less that of the first configuration.

    p holds for all differences together.  detectable: what so many examples and seeds would show
    8 times in 10.
    """

    value: float
    low: float
    high: float
    p: float
    detectable: float


@dataclass(frozen=True)
class Row:
    """A configuration: means over its runs.  low, high: of the metric that is compared."""

    label: str
    runs: tuple[str, ...]  # their folders
    seeds: int
    value: float
    low: float
    high: float
    others: dict[str, float]
    train: float
    seconds: float
    usd: float
    difference: Difference | None = None


@dataclass(frozen=True)
class Parting:
    """An example that scores unlike; predictions are those of each configuration's first run."""

    input: str
    outputs: tuple[str, ...]
    predictions: dict[str, str]


@dataclass(frozen=True)
class Comparison:
    """fault: why there are no differences, as where runs were measured on unlike tests."""

    metric: str
    n: int
    rows: tuple[Row, ...]
    parted: tuple[Parting, ...] = ()
    fault: str = ""

    @property
    def best(self) -> Row:
        """Of those beside the first."""
        return max(self.rows[1:], key=lambda row: row.value)


Answers = tuple[list[tuple[str, tuple[str, ...]]], list[str]]  # examples, predictions


def compare(runs: Sequence[Run], metric: str | None = None, by: str | None = None) -> Comparison:
    """Every configuration beside the first, by *metric* or the first that the first run has.

    InputError where a run has no such score.
    """
    name = metric or next(iter(runs[0].report["scores"]), "")
    for run in runs:
        _check_metric(run, name)
    groups = group(runs, by)
    n = runs[0].report["scores"][name]["n"]
    try:
        answers = {
            str(run.folder): _read_answers(run) for members in groups.values() for run in members
        }
        _refuse_other_test(answers)
    except InputError as error:
        rows = [_summarize(label, members, name, None) for label, members in groups.items()]
        return Comparison(name, n, tuple(rows), fault=str(error))
    config = OmegaConf.load(runs[0].folder / "config.yaml")
    scorer = build(OmegaConf.to_container(config.metric[name], resolve=True))
    accepted = [outputs for _, outputs in answers[str(runs[0].folder)][0]]
    rows, values = [], []
    for label, members in groups.items():
        predictions = [answers[str(run.folder)][1] for run in members]
        values.append(_statistics.stack(scorer, predictions, accepted))
        rows.append(_summarize(label, members, name, values[-1]))
    comparison = Comparison(name, n, tuple(_add_differences(rows, values)))
    return replace(comparison, parted=_find_parting(comparison, values, answers))


def _check_metric(run: Run, name: str) -> None:
    scores = run.report["scores"]
    if name not in scores:
        known = ", ".join(scores) or "none, for want of a test set"
        raise InputError(
            f"p2m compare: {run.folder} has no score {name or 'at all'}{near(name, scores)}, but"
            f" {known}; its command with metric=[...] measures without training again"
        )


def _read_answers(run: Run) -> Answers:
    """On the test set that its scores are of.  InputError where they are not there, or damaged."""
    path = run.folder / "report" / f"predictions.{run.report['on']}.jsonl"
    if not path.is_file():
        raise InputError(f"{run.folder} holds no predictions ({path.name})")
    damage = disk.find_damage(path.parent, [path.name])
    if damage:
        raise InputError(
            f"{path.parent} is damaged ({damage}); the command that made the run makes it again"
        )
    lines = path.read_text(encoding="utf-8").split("\n")
    records = [json.loads(line) for line in lines if line]
    examples = [(record["input"], tuple(record["outputs"])) for record in records]
    return examples, [record["prediction"] for record in records]


def _refuse_other_test(answers: dict[str, Answers]) -> None:
    first, *others = answers
    examples = answers[first][0]
    for other in others:
        if answers[other][0] != examples:
            shared = len(set(answers[other][0]) & set(examples))
            raise InputError(
                f"{other} was measured on another test set than {first} ({shared} of"
                f" {len(examples)} examples are the same), so differences cannot be told from"
                " those of the tests; give all runs the same, prompt.test=FILE"
            )


def _summarize(label: str, runs: list[Run], metric: str, values: Any) -> Row:
    """values: (runs, examples), or None where the runs were measured on different examples."""
    reports = [run.report for run in runs]
    scores = [report["scores"][metric] for report in reports]
    means = _average([report["scores"] for report in reports])
    low, high = _interval(scores, values)
    return Row(
        label=label,
        runs=tuple(str(run.folder) for run in runs),
        seeds=len({report["seed"] for report in reports}),
        value=means.pop(metric),
        low=low,
        high=high,
        others=means,
        train=fmean(report["examples"]["train"] for report in reports),
        seconds=fmean(report["seconds"] for report in reports),
        usd=fmean(report["usd"] for report in reports),
    )


def _average(scores: list[dict[str, dict[str, float]]]) -> dict[str, float]:
    """Of each metric that all have."""
    shared = [name for name in scores[0] if all(name in each for each in scores)]
    return {name: fmean(each[name]["value"] for each in scores) for name in shared}


def _interval(scores: list[dict[str, float]], values: Any) -> tuple[float, float]:
    if len(scores) > 1:
        low, high = _statistics.mean_interval([score["value"] for score in scores], values)
        if low < high:
            return max(low, 0.0), min(high, 1.0)
    return scores[0]["low"], scores[0]["high"]  # also where no example differs


def _add_differences(rows: list[Row], values: list[Any]) -> list[Row]:
    found = [_statistics.difference(each, values[0]) for each in values[1:]]
    adjusted = _statistics.holm([p for _, _, p in found])
    result = rows[:1]
    for row, of_row, (low, high, _), p in zip(rows[1:], values[1:], found, adjusted, strict=True):
        value = float(of_row.mean() - values[0].mean())
        detectable = _statistics.smallest_shown(low, high, of_row.shape[1])
        result.append(replace(row, difference=Difference(value, low, high, p, detectable)))
    return result


def _find_parting(
    comparison: Comparison, values: list[Any], answers: dict[str, Answers]
) -> tuple[Parting, ...]:
    """Of the first configuration and the best other; those furthest apart come first."""
    rows = comparison.rows
    if len(rows) == 1:
        return ()
    best = rows.index(comparison.best)
    gaps = abs(values[best].mean(axis=0) - values[0].mean(axis=0))
    pair = {row.label: answers[row.runs[0]] for row in (rows[0], rows[best])}
    examples = answers[rows[0].runs[0]][0]
    parted = []
    for place in (-gaps).argsort(kind="stable")[:PARTED]:
        if gaps[place]:
            text, outputs = examples[place]
            predictions = {label: each[1][place] for label, each in pair.items()}
            parted.append(Parting(text, outputs, predictions))
    return tuple(parted)
