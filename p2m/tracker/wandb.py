"""One run of Weights & Biases for each run of p2m: there from its start, whatever its end."""

import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt

from p2m.disk import name_run
from p2m.text.secrets import check_variable
from p2m.tracker._flat import flat
from p2m.tracker._recorder import Recorder
from p2m.tracker._redact import redact, scrub

LOG = logging.getLogger(__name__)
LONGEST = 128  # characters of a name; this and the forbidden ones as W&B's own settings have it
FORBIDDEN = "/\\#?%:"
MEASURED = ("scores", "generated", "baselines")  # what the report has from the evaluator


@dataclass(frozen=True)
class WandB:
    """Scores, the training curve, predictions and the redacted configuration.

    In `<run>/wandb`, and on the server where there is a key.  W&B works in a process of its own,
    which sees neither the command line nor the environment; it has `timeout_s` after a run's end.
    A failure of any kind is one line of warning.
    """

    project: str
    entity: str | None
    group: str | None
    api_key_env: str
    rows: Annotated[int, Ge(1)]
    timeout_s: Annotated[float, Gt(0)]

    def __post_init__(self) -> None:
        _check_name("project", self.project)
        if self.entity is not None:
            _check_name("entity", self.entity)
        check_variable(self.api_key_env)

    @cached_property
    def _recorders(self) -> dict[Path, Recorder]:
        """That of the run under way, by its folder."""
        return {}

    def start(self, run: Path, config: Mapping[str, Any]) -> None:
        folder = run.resolve()
        settings = {
            "project": self.project,
            "entity": self.entity,
            "group": self.group,
            "name": name_run(run),
            "dir": str(folder),
        }
        try:
            recorder = Recorder(folder / "wandb", os.environ.get(self.api_key_env))
        except OSError as error:
            _warn(run, str(error))
            return
        self._recorders[run] = recorder
        recorder.send({"settings": settings, "config": redact(config)})

    def point(self, stage: str, values: Mapping[str, float]) -> None:
        for recorder in self._recorders.values():
            recorder.stages.add(stage)
            recorder.send({"stage": stage, "point": dict(values)})

    def end(self, run: Path, config: Mapping[str, Any], error: str | None) -> None:
        recorder = self._recorders.pop(run, None)
        if recorder is None:
            return
        fault = None
        try:
            message: dict[str, Any] = {"summary": {"error": error}, "tables": {}, "error": error}
            if error is None:
                self._send_curve(run, recorder)
                message |= {"summary": _summary(run), "tables": self._tables(run)}
            recorder.send(scrub(message))
        except (OSError, ValueError) as unreadable:
            fault = str(unreadable)
        fault = recorder.close(self.timeout_s) or fault
        if fault:
            _warn(run, fault)

    def _send_curve(self, run: Path, recorder: Recorder) -> None:
        """Of a student that was kept, and gave no points."""
        if "trainer" in recorder.stages:
            return
        for record in _records(run / "student" / "curve.jsonl"):
            numbers = {name: v for name, v in record.items() if isinstance(v, int | float)}
            recorder.send({"stage": "trainer", "point": numbers})

    def _tables(self, run: Path) -> dict[str, Any]:
        paths = sorted((run / "report").glob("predictions.*.jsonl"))
        return {p.name.removesuffix(".jsonl"): [*islice(_records(p), self.rows)] for p in paths}


def _check_name(field: str, name: str) -> None:
    """ValueError for what W&B refuses, which would be known after training only."""
    is_usual = bool(name.strip()) and name.isprintable() and not {*FORBIDDEN} & {*name}
    if not is_usual or len(name) > LONGEST:
        raise ValueError(
            f"{field} must be a name of 1 to {LONGEST} characters without any of"
            f" {' '.join(FORBIDDEN)}, got {name[:80]!r}"
        )


def _summary(run: Path) -> dict[str, Any]:
    """The report under W&B names: `<stage>/...`."""
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    measured = {name: report.pop(name) for name in MEASURED if name in report}
    stages = report.pop("stages", {})
    return flat(report, "/") | flat(measured, "/", "evaluator") | flat(stages, "/")


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """Of a JSON lines file; none where there is no file."""
    if path.exists():
        with path.open(encoding="utf-8", newline="\n") as file:
            yield from map(json.loads, file)


def _warn(run: Path, fault: str) -> None:
    line = f"tracker: W&B has not all of this run ({scrub(fault)})"
    if any((run / "wandb").glob("*run-*")):
        line += f"; what was recorded can be sent with: wandb sync {run}/wandb/*run-*"
    LOG.warning(line)
