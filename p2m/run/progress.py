"""What a person sees while a run works: a line a stage, and a bar with rate, time left and dollars."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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

PLAIN_EVERY_S = 10.0  # where there is no terminal to draw on, a line this often
stderr = Console(stderr=True, highlight=False, soft_wrap=True)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f} {task.fields['unit']}/s")


@dataclass
class _Drawn:
    progress: Progress
    meter: Meter

    def advance(self, n: float = 1) -> None:
        self.progress.update(self.progress.task_ids[0], advance=n, usd=f"${self.meter.usd:.2f}")

    def note(self, text: str) -> None:
        self.progress.update(self.progress.task_ids[0], note=text)


class _Lines:
    """The bar as plain lines, for a log file or a pipe."""

    def __init__(self, stage: str, total: float | None, unit: str, meter: Meter) -> None:
        self.stage, self.total, self.unit, self.meter = stage, total, unit, meter
        self.done, self.text = 0.0, ""
        self.began = self.told = time.monotonic()

    def advance(self, n: float = 1) -> None:
        self.done += n
        if time.monotonic() - self.told >= PLAIN_EVERY_S:
            self.tell()

    def note(self, text: str) -> None:
        self.text = text

    def tell(self) -> None:
        self.told = now = time.monotonic()
        rate = self.done / max(now - self.began, 1e-9)
        left = f", {(self.total - self.done) / rate:.0f} s left" if self.total and rate else ""
        of = f"/{self.total:,.0f}" if self.total else ""
        say(
            f"  {self.stage}: {self.done:,.0f}{of} {self.unit}, {rate:,.0f}/s{left}, ${self.meter.usd:.2f}  {self.text}".rstrip()
        )


def say(line: str) -> None:
    """A line for the person at the terminal, above any bar; never markup, since data stands in it."""
    stderr.print(line, markup=False)


@contextmanager
def bar(stage: str, meter: Meter, total: float | None, unit: str) -> Iterator[Bar]:
    """total: None where it is not known."""
    if not sys.stderr.isatty():
        yield _Lines(stage, total, unit, meter)
        return
    columns = (
        SpinnerColumn(), TextColumn("{task.description:<10}"), BarColumn(bar_width=24), MofNCompleteColumn(), _Rate(),
        TimeRemainingColumn(compact=True), TextColumn("{task.fields[usd]}"), TextColumn("{task.fields[note]}", markup=False),
    )  # fmt: skip
    with Progress(*columns, console=stderr, transient=True, refresh_per_second=4) as progress:
        progress.add_task(stage, total=total, unit=unit, usd="$0.00", note="")
        yield _Drawn(progress, meter)
