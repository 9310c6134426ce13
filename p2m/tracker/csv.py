"""Tables that any spreadsheet opens: all runs, a flat row each, and the points of each run."""

import csv
import io
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock

from p2m.disk import write_text
from p2m.tracker._flat import flat
from p2m.tracker._redact import redact, scrub

LOG = logging.getLogger(__name__)
POINTS = ("stage", "step", "name", "value")


@dataclass(frozen=True)
class Csv:
    """Adds a row of scores, costs, counts and settings to the table at `path` when a run ends.

    A run with names that the table does not have yet adds columns; earlier rows stay empty there.
    Figures of a run under way go to points.csv in its folder, one a row.
    """

    path: Path

    @cached_property
    def _points(self) -> list[Path]:
        """The points.csv of the run under way."""
        return []

    def start(self, run: Path, config: Mapping[str, Any]) -> None:
        self._points[:] = [run / "points.csv"]

    def point(self, stage: str, values: Mapping[str, float]) -> None:
        step = values.get("step", "")
        rows = [(stage, step, name, value) for name, value in values.items() if name != "step"]
        for path in self._points:
            try:
                _append(path, rows)
            except OSError as error:
                LOG.warning("tracker: %s has no points from here on: %s", path, error)
                self._points.clear()

    def end(self, run: Path, config: Mapping[str, Any], error: str | None) -> None:
        """error fills the row's column of that name; a failed run has no scores."""
        try:
            row = {"run": str(run), "error": error}
            if error is None:
                row |= flat(json.loads((run / "report.json").read_text(encoding="utf-8")), ".")
            row = scrub(row) | flat(redact(config), ".", "config")
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.path}.lock"):
                _add(self.path, {k: "" if v is None else str(v) for k, v in row.items()})
        except (OSError, ValueError, csv.Error) as fault:
            LOG.warning("tracker: %s has no row for this run: %s", self.path, fault)


def _append(path: Path, rows: Iterable[tuple[Any, ...]]) -> None:
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        if is_new:
            table.writerow(POINTS)
        table.writerows(rows)


def _add(path: Path, row: dict[str, str]) -> None:
    """The table is written anew and takes the old one's place whole: nobody meets half a row."""
    rows = [*_rows(path), row]
    columns = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(columns), restval="")
    table.writeheader()
    table.writerows(rows)
    write_text(path, text.getvalue())


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        for row in table:
            if None in row:
                raise ValueError(
                    f"line {table.line_num} has more cells than the header has names;"
                    " mend it or give another tracker.path"
                )
            rows.append({name: value or "" for name, value in row.items()})
    return rows
