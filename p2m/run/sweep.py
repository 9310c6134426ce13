"""One table of all jobs of a sweep, at its end."""

import csv
import json
import os
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig

from p2m import disk
from p2m.errors import UserError
from p2m.run import progress
from p2m.run.report import why_nothing_retrieved

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
    """The comparison of the jobs that are complete, and what became of the others."""
    from p2m.compare import groups, table, text

    title = f"Sweep of {len(rows)} jobs"
    complete = [row for row in rows if "scores" in row]
    try:
        if complete:
            runs = [groups.read(folder / row["job"]) for row in complete]
            text.show(table.compare(runs), f"{title}, scores in per cent with 95 % intervals")
        else:
            progress.show(f"{title}: none is complete")
    except UserError as error:
        progress.say(str(error))
    for row, overrides in zip(rows, _varying_overrides(rows), strict=True):
        if row["status"] != "complete":
            progress.show(f"Job {row['job']} ({overrides}) is {row['status']}")
    place = os.path.relpath(folder) if folder.is_relative_to(Path.cwd()) else str(folder)
    progress.show(place)


def _varying_overrides(rows: list[dict[str, Any]]) -> list[str]:
    """The overrides of each job, less those that all share where there are several."""
    overrides = [row["overrides"] for row in rows]
    shared = set.intersection(*map(set, overrides)) if len(rows) > 1 else set()
    return [" ".join(one for one in each if one not in shared) for each in overrides]
