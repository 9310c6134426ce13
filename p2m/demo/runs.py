"""Complete runs under outputs/, and what the page says about one."""

import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from p2m import artifacts, disk
from p2m.artifacts import Example, Splits, TaskSpec
from p2m.disk import name_run
from p2m.errors import InputError, UsageError, listed, near

RUNS = (Path("outputs/runs"), Path("outputs/sweeps"))
NONE_YET = "under outputs/ yet; make one with: p2m experiment=tickets"
LISTED = 5  # latest runs in an error
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


def find(name: str) -> Path:
    """The folder of the run: a path, a name as `p2m demo` lists them, or `latest`.

    It must hold a student; UsageError where it does not, or where there is no such run.
    """
    runs = _complete_runs()
    if name == "latest":
        if not runs:
            raise UsageError(f"p2m demo latest: there is no complete run {NONE_YET}")
        return runs[0]
    for run in (Path(name), *(root / name for root in RUNS)):
        if (run / "student" / "value.json").is_file():
            return run
        if run.is_dir():
            fault = f"{run} holds no student: not a run, or one that did not complete"
            break
    else:
        known = [*map(str, runs), *map(_short_name, runs)]
        fault = f"there is no such run{near(name, known)}"
    raise UsageError(listed(f"p2m demo {name}: {fault}", _latest(runs)))


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


def _complete_runs() -> list[Path]:
    """The latest first."""
    students = [path for root in RUNS for path in root.glob("*/*/**/student/value.json")]
    runs = [path.parents[1] for path in students]
    return sorted(runs, key=_began, reverse=True)


def _began(run: Path) -> tuple[str, float]:
    """`date/time` from its name, which a copy keeps, else when its student was linked."""
    linked = (run / "student").lstat().st_mtime
    date, begun = run.parts[2:4]
    if re.fullmatch(r"\d{4}-\d\d-\d\d", date):
        return f"{date}/{begun}", linked
    return time.strftime("%Y-%m-%d/%H-%M-%S", time.localtime(linked)), linked


def _short_name(run: Path) -> str:
    """The name less outputs/runs or outputs/sweeps."""
    return "/".join(run.parts[2:])


def _latest(runs: list[Path]) -> list[str]:
    if not runs:
        return [f"there is none {NONE_YET}"]
    return ["the latest are:", *(f"p2m demo {run}" for run in runs[:LISTED])]
