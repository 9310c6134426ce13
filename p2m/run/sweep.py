"""One table of all jobs of a sweep, at its end."""

import csv
import json
import os
import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table as RichTable

from p2m import disk
from p2m.run import progress
from p2m.run.report import per_cent, why_nothing_retrieved
from p2m.text.printable import printable

failed: list[int] = []  # exit codes of the jobs that did not complete, wherever they ran
_under_way: list[DictConfig] = []  # the sweep that this command began and has not told of


class Table(Callback):
    """Hydra calls it when a sweep begins and ends, and where a job begins.

    Single runs write nothing.
    """

    def on_multirun_start(self, config: DictConfig, **_kwargs: Any) -> None:
        _under_way.append(config)

    def on_job_start(self, config: DictConfig, **_kwargs: Any) -> None:
        if config.hydra.mode == RunMode.MULTIRUN and config.mode == "run":
            overrides = json.dumps([str(override) for override in config.hydra.overrides.task])
            disk.write_text(Path(config.hydra.runtime.output_dir) / "overrides.json", overrides)

    def on_multirun_end(self, config: DictConfig, **_kwargs: Any) -> None:
        conclude(ended=True)


def conclude(ended: bool = False) -> None:
    """Tells of the sweep that is under way, if one is, as far as its jobs have come.

    They may have been stopped, or their launcher died.  ended: every job has come to its end, so
    each should have left something.
    """
    if not _under_way:
        return
    config = _under_way.pop()
    folder = Path(config.hydra.sweep.dir)
    jobs = [path.parent for path in folder.glob("*/overrides.json")]
    if config.mode != "run":
        _remove_plan(folder)
    elif jobs:
        jobs.sort(key=lambda job: (len(job.name), job.name))
        rows = [_read_row(job) for job in jobs]
        failed.extend(row.pop("code") for row in rows if "code" in row)
        _write(folder / "sweep.csv", rows)
        _show(rows, folder)
    elif ended:
        failed.append(1)
        progress.say(
            f"No job of the sweep has left anything in {folder.absolute()}. Where jobs run on"
            " other machines, that folder, store= and calls= must lie on a disk that all of them"
            " share, at the same path."
        )


def _remove_plan(folder: Path) -> None:
    """A plan leaves nothing behind."""
    (folder / "multirun.yaml").unlink(missing_ok=True)
    disk.remove_if_empty(folder)


def _read_row(job: Path) -> dict[str, Any]:
    """job, overrides, status; of a complete job usd, seconds, train and the scores by metric."""
    row: dict[str, Any] = {"job": job.name, "overrides": _read(job / "overrides.json")}
    if (job / "report.json").is_file():
        figures = _read(job / "report.json")
        nothing = why_nothing_retrieved(figures)
        row["status"] = f"complete; nothing retrieved: {nothing}" if nothing else "complete"
        row["train"] = figures["examples"]["train"]
        return row | {name: figures[name] for name in ("usd", "seconds", "scores")}
    if (job / "failed.json").is_file():
        failure = _read(job / "failed.json")
        row["status"] = f"failed: {failure['message'].splitlines()[0]}"
        return row | {"code": failure["code"]}
    return row | {"status": "not finished"}


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    """sweep.csv: one line a job; each metric's value, low, high and n."""
    lines = []
    for row in rows:
        line = row | {"overrides": " ".join(row["overrides"])}
        for metric, score in line.pop("scores", {}).items():
            line |= {f"{metric}.{part}": figure for part, figure in score.items()}
        lines.append(line)
    header = dict.fromkeys(name for line in lines for name in line)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(header))
        writer.writeheader()
        writer.writerows(lines)


def _show(rows: list[dict[str, Any]], folder: Path) -> None:
    title = f"Sweep of {len(rows)} jobs, scores in per cent with 95 % intervals"
    table = RichTable(title=title, title_justify="left")
    metrics = dict.fromkeys(name for row in rows for name in row.get("scores", {}))
    for name in ("job", "overrides", "train", *metrics, "seconds", "dollars", "status"):
        table.add_column(name, overflow="fold")
    for row, overrides in zip(rows, _varying_overrides(rows), strict=True):
        scores = row.get("scores", {})
        table.add_row(
            row["job"],
            printable(overrides),
            _format(row.get("train"), "d"),
            *(per_cent(scores[name]) if name in scores else "-" for name in metrics),
            _format(row.get("seconds"), ".1f"),
            _format(row.get("usd"), ".2f"),
            printable(row["status"]),
        )
    width = None if sys.stdout.isatty() else 160
    console = Console(highlight=False, markup=False, emoji=False, width=width)
    console.print(table)
    place = os.path.relpath(folder) if folder.is_relative_to(Path.cwd()) else str(folder)
    console.print(printable(place), soft_wrap=True)


def _varying_overrides(rows: list[dict[str, Any]]) -> list[str]:
    """The overrides of each job, less those that all share where there are several."""
    overrides = [row["overrides"] for row in rows]
    shared = set.intersection(*map(set, overrides)) if len(rows) > 1 else set()
    return [" ".join(one for one in each if one not in shared) for each in overrides]


def _format(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
