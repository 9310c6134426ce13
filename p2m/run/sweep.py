"""One table of all jobs of a sweep, at its end."""

import contextlib
import csv
import json
import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table as Drawn

from p2m.run import progress
from p2m.run.report import shown

failed: list[int] = []  # exit codes of the jobs that did not complete, wherever they ran
_under_way: list[DictConfig] = []  # the sweep that this command began and has not told of


class Table(Callback):
    """Hydra calls it when a sweep begins and when all its jobs have ended, and where a job begins; single runs write nothing."""

    def on_multirun_start(self, config: DictConfig, **_kwargs: Any) -> None:
        _under_way.append(config)

    def on_job_start(self, config: DictConfig, **_kwargs: Any) -> None:
        folder = Path(config.hydra.runtime.output_dir)
        if (
            config.hydra.mode is not None
            and config.hydra.mode.name == "MULTIRUN"
            and config.mode != "plan"
        ):
            overrides = [str(o) for o in config.hydra.overrides.task]
            (folder / "overrides.json").write_text(json.dumps(overrides), encoding="utf-8")

    def on_multirun_end(self, config: DictConfig, **_kwargs: Any) -> None:
        conclude(ended=True)


def conclude(ended: bool = False) -> None:
    """Tells of the sweep that is under way, if one is, as far as its jobs have come: they may have been stopped, or their launcher died.

    ended: every job has come to its end, so each should have left something.
    """
    if not _under_way:
        return
    config = _under_way.pop()
    folder = Path(config.hydra.sweep.dir)
    jobs = sorted(
        (p for p in folder.glob("*/") if (p / "overrides.json").is_file()),
        key=lambda p: (len(p.name), p.name),
    )
    if config.mode == "plan":
        _remove_plan(folder)
    elif jobs:
        rows = [_row(job) for job in jobs]
        failed.extend(row.pop("code") for row in rows if "code" in row)
        _write(folder / "sweep.csv", rows)
        _show(rows, folder)
    elif ended:
        failed.append(1)
        progress.say(
            f"No job of the sweep has left anything in {folder.absolute()}. Where jobs run on other machines, that folder, store= and"
            " calls= must lie on a disk that all of them share, at the same path."
        )


def _remove_plan(folder: Path) -> None:
    """A plan leaves nothing behind."""
    (folder / "multirun.yaml").unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # not empty
        folder.rmdir()
        folder.parent.rmdir()


def _row(job: Path) -> dict[str, Any]:
    overrides = json.loads((job / "overrides.json").read_text(encoding="utf-8"))
    row: dict[str, Any] = {"job": job.name, "overrides": overrides}
    if (job / "report.json").is_file():
        told = json.loads((job / "report.json").read_text(encoding="utf-8"))
        row |= {
            "status": "complete",
            "usd": told["usd"],
            "seconds": told["seconds"],
            "train": told["examples"]["train"],
        }
        return row | dict(told["scores"])
    if (job / "failed.json").is_file():
        told = json.loads((job / "failed.json").read_text(encoding="utf-8"))
        return row | {"status": f"failed: {told['message'].splitlines()[0]}", "code": told["code"]}
    return row | {"status": "not finished"}


def _varying(rows: list[dict[str, Any]]) -> list[list[str]]:
    """The overrides of each job less those that all share."""
    shared = set.intersection(*(set(row["overrides"]) for row in rows)) if len(rows) > 1 else set()
    return [[o for o in row["overrides"] if o not in shared] for row in rows]


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    """sweep.csv: one line a job; each metric's value, low, high and n."""
    flat = []
    for row in rows:
        line: dict[str, Any] = {k: v for k, v in row.items() if not isinstance(v, dict | list)} | {
            "overrides": " ".join(row["overrides"])
        }
        line |= {
            f"{m}.{part}": v[part] for m, v in row.items() if isinstance(v, dict) for part in v
        }
        flat.append(line)
    header = list(dict.fromkeys(key for line in flat for key in line))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        writer.writerows(flat)


def _show(rows: list[dict[str, Any]], folder: Path) -> None:
    metrics = list(dict.fromkeys(k for row in rows for k, v in row.items() if isinstance(v, dict)))
    table = Drawn(
        title=f"Sweep of {len(rows)} jobs, scores in per cent with 95 % intervals",
        title_justify="left",
    )
    for name in ("job", "overrides", "train", *metrics, "seconds", "dollars", "status"):
        table.add_column(name, overflow="fold")
    for row, varying in zip(rows, _varying(rows), strict=True):
        scores = [shown(row[m]) if m in row else "-" for m in metrics]
        figures = [f"{row['seconds']:.1f}", f"{row['usd']:.2f}"] if "usd" in row else ["-", "-"]
        table.add_row(
            row["job"],
            " ".join(varying),
            str(row.get("train", "-")),
            *scores,
            *figures,
            row["status"],
        )
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
    console.print(table, markup=False)
    here = Path.cwd()
    console.print(
        str(folder.relative_to(here) if folder.is_relative_to(here) else folder),
        markup=False,
        soft_wrap=True,
    )
