"""`p2m demo`: a page on this machine where a run's student answers."""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NoReturn

from p2m import artifacts
from p2m.artifacts import Splits, Student, TaskSpec
from p2m.errors import UsageError, listed, near

RUNS = (Path("outputs/runs"), Path("outputs/sweeps"))
SHOWN = 5  # latest runs in an error
EXAMPLES = 6  # inputs to click on
LONGEST = 300  # characters of an example on the page; longer inputs would fill it


@dataclass(frozen=True)
class Shown:
    """What the page says about a run: its name, the task, a few inputs to try, and one line of scores."""

    name: str
    instruction: str
    inputs: tuple[str, ...]
    scores: str


def main(argv: list[str]) -> int:
    """Serves the page until it is stopped.  UsageError for a run that is not there or not complete, and where Gradio is not installed."""
    args = _parser().parse_args(argv)
    run = found(args.run)
    if find_spec("gradio") is None:
        raise UsageError("p2m demo: needs Gradio, which is not installed; pip install 'p2m[demo]'")
    from p2m.demo.page import serve

    serve(shown(run), artifacts.load(Student, run / "student"), run / "report", args.port)
    return 0


def found(name: str) -> Path:
    """The folder of the run: a path, a name as `p2m demo` lists them, or `latest`.  It must hold a student."""
    runs = _runs()
    if name == "latest":
        if not runs:
            raise UsageError(
                "p2m demo latest: there is no complete run under outputs/ yet; make one with: p2m experiment=quickstart"
            )
        return runs[0]
    run = next(
        (place for place in (Path(name), *(root / name for root in RUNS)) if place.is_dir()), None
    )
    if run is None:
        known = [*map(str, runs), *map(_short, runs)]
        raise UsageError(
            listed(f"p2m demo {name}: there is no such run{near(name, known)}", _latest(runs))
        )
    if not (run / "student" / "value.json").is_file():
        raise UsageError(
            listed(
                f"p2m demo {name}: {run} holds no student: not a run, or one that did not complete",
                _latest(runs),
            )
        )
    return run


def shown(run: Path) -> Shown:
    task: TaskSpec = artifacts.load(TaskSpec, run / "task")
    return Shown(
        "/".join(run.resolve().parts[-2:]),
        task.instruction,
        _inputs(task, artifacts.load(Splits, run / "splits")),
        _scores(run),
    )


def _inputs(task: TaskSpec, splits: Splits) -> tuple[str, ...]:
    """Different inputs to try: from the user's test set where there is one, else the generated one, then the demonstrations."""
    every = [*_spread(splits.real or splits.test), *task.demonstrations]
    texts = dict.fromkeys(example.input for example in every if len(example.input) <= LONGEST)
    return tuple(texts)[:EXAMPLES]


def _spread(rows: Sequence[Any]) -> Iterator[Any]:
    """A few of *rows*, evenly spaced, since neighbours in a test set are often alike."""
    n = min(len(rows), EXAMPLES)
    return (rows[i * len(rows) // n] for i in range(n))


def _scores(run: Path) -> str:
    """`exact match 93.1 %, chrf 97.0 %`, or nothing where the run has no report."""
    if not (run / "report.json").is_file():
        return ""
    scores = json.loads((run / "report.json").read_text(encoding="utf-8")).get("scores", {})
    return ", ".join(
        f"{name.replace('_', ' ')} {100 * score['value']:.1f}\u00a0%"
        for name, score in scores.items()
    )


def _runs() -> list[Path]:
    """Complete runs, the latest first."""
    students = [
        path
        for root in RUNS
        for path in root.glob("*/*/**/student")
        if (path / "value.json").is_file()
    ]
    return [
        path.parent
        for path in sorted(students, key=lambda path: path.lstat().st_mtime, reverse=True)
    ]


def _short(run: Path) -> str:
    return str(run.relative_to(next(root for root in RUNS if run.is_relative_to(root))))


def _latest(runs: list[Path]) -> list[str]:
    if not runs:
        return ["there is none under outputs/ yet; make one with: p2m experiment=quickstart"]
    return ["the latest are:", *(f"p2m demo {run}" for run in runs[:SHOWN])]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"p2m demo: {message}; usage: p2m demo RUN|latest [--port N]")


def _parser() -> _Parser:
    parser = _Parser(
        prog="p2m demo",
        description="A page on 127.0.0.1 where a run's student answers.",
        allow_abbrev=False,
    )
    parser.add_argument("run", metavar="RUN", help="folder of a run, or latest")
    parser.add_argument(
        "--port",
        type=_port,
        default=None,
        help="port of the page; without it the first free one from 7860 on",
    )
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to 65535, got {text!r}")
    return int(text)
