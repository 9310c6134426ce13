"""One table of all runs: a flat row each, in a file that any spreadsheet opens."""

import csv
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from p2m.tracker._flat import flat
from p2m.tracker._redact import redacted, scrubbed

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Csv:
    """Adds a row of scores, costs, counts and settings to the table at `path`.

    A run with names that the table does not have yet adds columns; earlier rows stay empty there.
    """

    path: Path

    def start(self, run: Path, config: Mapping[str, Any]) -> None:
        """Nothing: the run is recorded at its end."""

    def point(self, stage: str, values: Mapping[str, float]) -> None:
        """Nothing: the run is recorded at its end."""

    def end(self, run: Path, config: Mapping[str, Any], error: str | None) -> None:
        if error is not None:
            return
        try:
            report = json.loads((run / "report.json").read_text(encoding="utf-8"))
            row = (
                {"run": str(run)}
                | flat(scrubbed(report), ".")
                | flat(redacted(config), ".", "config")
            )
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.path}.lock"):
                _add(
                    self.path,
                    {name: "" if value is None else str(value) for name, value in row.items()},
                )
        except (OSError, ValueError, csv.Error) as error:
            LOG.warning("tracker: %s has no row for this run: %s", self.path, error)


def _add(path: Path, row: dict[str, str]) -> None:
    """The table is written anew beside the old one and takes its place whole, so that no reader and no crash meets half a row."""
    rows = _rows(path)
    columns = list(dict.fromkeys(name for known in [*rows, row] for name in known))
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns, restval="")
        table.writeheader()
        table.writerows([*rows, row])
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        rows = []
        for row in table:
            if None in row:
                raise ValueError(
                    f"line {table.line_num} has more cells than the header has names; mend it or give another tracker.path"
                )
            rows.append({name: value or "" for name, value in row.items()})
    return rows
