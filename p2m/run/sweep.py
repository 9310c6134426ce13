"""One table of all jobs of a sweep, at its end."""

import contextlib
import csv
import json
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
from p2m.run.report import per_cent

failed: list[int] = []  # exit codes of the jobs that did not complete, wherever they ran
_under_way: list[DictConfig] = []  # the sweep that this command began and has not told of


class Table(Callback):
    """Hydra calls it when a sweep begins and ends, and where a job begins.

    Single runs write nothing.
    """

    def on_multirun_start(self, config: DictConfig, **_kwargs: Any) -> None:
        _under_way.append(config)

    def on_job_start(self, config: DictConfig, **_kwargs: Any) -> None:
        if config.hydra.mode == RunMode.MULTIRUN and config.mode != "plan":
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
    if config.mode == "plan":
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
    with contextlib.suppress(OSError):  # not empty
        folder.rmdir()
        folder.parent.rmdir()


def _read_row(job: Path) -> dict[str, Any]:
    """job, overrides, status; of a complete job usd, seconds, train and each metric's score."""
    row: dict[str, Any] = {"job": job.name, "overrides": _read(job / "overrides.json")}
    if (job / "report.json").is_file():
        figures = _read(job / "report.json")
        row["status"] = "complete"
        row |= {name: figures[name] for name in ("usd", "seconds")}
        row["train"] = figures["examples"]["train"]
        row |= figures["scores"]
    elif (job / "failed.json").is_file():
        failure = _read(job / "failed.json")
        row["status"] = f"failed: {failure['message'].splitlines()[0]}"
        row["code"] = failure["code"]
    else:
        row["status"] = "not finished"
    return row


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    """sweep.csv: one line a job; each metric's value, low, high and n."""
    lines = []
    for row in rows:
        line: dict[str, Any] = {}
        for name, value in row.items():
            if isinstance(value, dict):
                line |= {f"{name}.{part}": figure for part, figure in value.items()}
            else:
                line[name] = value
        line["overrides"] = " ".join(row["overrides"])
        lines.append(line)
    header = dict.fromkeys(name for line in lines for name in line)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(header))
        writer.writeheader()
        writer.writerows(lines)


def _show(rows: list[dict[str, Any]], folder: Path) -> None:
    metrics: dict[str, None] = {}
    for row in rows:
        metrics |= {name: None for name, value in row.items() if isinstance(value, dict)}
    title = f"Sweep of {len(rows)} jobs, scores in per cent with 95 % intervals"
    table = RichTable(title=title, title_justify="left")
    for name in ("job", "overrides", "train", *metrics, "seconds", "dollars", "status"):
        table.add_column(name, overflow="fold")
    shared = set.intersection(*(set(row["overrides"]) for row in rows)) if len(rows) > 1 else set()
    for row in rows:
        varying = " ".join(override for override in row["overrides"] if override not in shared)
        cells = [row["job"], varying, str(row.get("train", "-"))]
        cells += [per_cent(row[name]) if name in row else "-" for name in metrics]
        cells += [f"{row['seconds']:.1f}", f"{row['usd']:.2f}"] if "usd" in row else ["-", "-"]
        table.add_row(*cells, row["status"])
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    console.print(table, markup=False)
    here = Path.cwd()
    place = folder.relative_to(here) if folder.is_relative_to(here) else folder
    console.print(str(place), markup=False, soft_wrap=True)
