"""What the page says about a run."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from p2m import artifacts, disk
from p2m.artifacts import Example, Splits, TaskSpec
from p2m.disk import name_run
from p2m.errors import InputError

EXAMPLES = 6  # inputs to click on
PARTS = ("student", "task", "splits", "report")  # of a run that are read
MAX_CHARS = 300  # of an example on the page; longer inputs would fill it


@dataclass(frozen=True)
class Summary:
    """A run's name, its task, a few inputs to try, and one line of scores."""

    name: str
    instruction: str
    inputs: tuple[str, ...]
    scores: str


def check_whole(run: Path) -> None:
    """InputError where what the page reads of *run* is not what was written."""
    for part in PARTS:
        if not (run / part).exists():
            continue  # a run without a report
        damage = disk.find_damage(run / part, [artifacts.VALUE])
        if damage:
            raise InputError(
                f"p2m demo: {run / part} is damaged ({damage}); the command that made the run makes"
                " it again"
            )


def describe(run: Path) -> Summary:
    """What the page says about *run*."""
    task: TaskSpec = artifacts.load(TaskSpec, run / "task")
    splits: Splits = artifacts.load(Splits, run / "splits")
    return Summary(name_run(run), task.instruction, inputs_to_try(task, splits), _scores(run))


def inputs_to_try(task: TaskSpec, splits: Splits) -> tuple[str, ...]:
    """Different ones: from the user's test set where there is one, else the generated one.

    The demonstrations' inputs fill up.
    """
    examples = [*_spread(splits.real or splits.test), *task.demonstrations]
    texts = dict.fromkeys(row.input for row in examples if len(row.input) <= MAX_CHARS)
    return tuple(texts)[:EXAMPLES]


def _spread(rows: Sequence[Example]) -> Iterator[Example]:
    """A few of *rows*, evenly spaced, since neighbours in a test set are often alike."""
    n = min(len(rows), EXAMPLES)
    return (rows[i * len(rows) // n] for i in range(n))


def _scores(run: Path) -> str:
    """`exact match 93.1 %, chrf 97.0 %`, or nothing where the run has no report."""
    path = run / "report.json"
    if not path.is_file():
        return ""
    scores = json.loads(path.read_text(encoding="utf-8")).get("scores", {})
    return ", ".join(
        f"{name.replace('_', ' ')} {100 * score['value']:.1f}\u00a0%"
        for name, score in scores.items()
    )
