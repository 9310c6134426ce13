"""What a person sees while a run works: a line a stage, and a bar with rate, time left, dollars."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from p2m.stages import Bar, Meter
from p2m.text.printable import printable

PLAIN_EVERY_S = 10.0  # where there is no terminal to draw on, a line this often
stderr = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f} {task.fields['unit']}/s")


@dataclass
class _DrawnBar:
    """On a terminal."""

    progress: Progress
    meter: Meter
    began: float = field(default_factory=time.monotonic)

    def advance(self, n: float = 1) -> None:
        self.progress.update(
            self.progress.task_ids[0], advance=n, usd=_cost(self.meter, self.began)
        )

    def note(self, text: str) -> None:
        self.progress.update(self.progress.task_ids[0], note=printable(text))


class _PlainBar:
    """As lines, for a log file or a pipe."""

    def __init__(self, stage: str, total: float | None, unit: str, meter: Meter) -> None:
        self.stage, self.total, self.unit, self.meter = stage, total, unit, meter
        self.done, self.text = 0.0, ""
        self.began = self.last_line = time.monotonic()

    def advance(self, n: float = 1) -> None:
        self.done += n
        if time.monotonic() - self.last_line >= PLAIN_EVERY_S:
            self.last_line = time.monotonic()
            say(self.line().rstrip())

    def note(self, text: str) -> None:
        self.text = text

    def line(self) -> str:
        rate = self.done / max(time.monotonic() - self.began, 1e-9)
        of, left = "", ""
        if self.total:
            of = f"/{self.total:,.0f}"
            left = f", {(self.total - self.done) / rate:.0f} s left" if rate else ""
        done = f"{self.done:,.0f}{of} {self.unit}, {rate:,.0f}/s{left}"
        return f"  {self.stage}: {done}, {_cost(self.meter, self.began)}  {self.text}"


def _cost(meter: Meter, began: float) -> str:
    """Dollars, and what a teacher has written a second since *began*."""
    rate = meter.tokens / max(time.monotonic() - began, 1e-9)
    return f"${meter.usd:.2f}" + (f", {rate:,.0f} tokens/s" if meter.tokens else "")


def say(line: str) -> None:
    """A line for the person at the terminal, above any bar.

    Never markup, since data stands in it.
    """
    stderr.print(printable(line))


def show(text: str) -> None:
    """What the command was asked for, on standard output."""
    print(printable(text))  # noqa: T201


@contextmanager
def bar(stage: str, meter: Meter, total: float | None, unit: str) -> Iterator[Bar]:
    """total: None where it is not known."""
    if not sys.stderr.isatty():
        yield _PlainBar(stage, total, unit, meter)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[usd]}"),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=stderr, transient=True, refresh_per_second=4) as progress:
        progress.add_task(stage, total=total, unit=unit, usd="$0.00", note="")
        yield _DrawnBar(progress, meter)
