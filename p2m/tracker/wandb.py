"""One run of Weights & Biases for each run of p2m, recorded on disk first and sent from there."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt

from p2m.tracker._flat import flat
from p2m.tracker._redact import redacted, scrubbed

LOG = logging.getLogger(__name__)
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "SYSTEMROOT", "SSL_CERT_FILE", "SSL_CERT_DIR",
             "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy")  # fmt: skip


@dataclass(frozen=True)
class WandB:
    """Scores, the training curve, predictions and the redacted configuration, in `<run>/wandb`, and on the server where there is a key.

    W&B works in processes of its own, which see neither the command line nor the environment and are ended after `timeout_s`.
    """

    project: str
    entity: str | None
    group: str | None
    api_key_env: str
    rows: Annotated[int, Ge(1)]
    timeout_s: Annotated[float, Gt(0)]

    def start(self, run: Path, config: Mapping[str, Any]) -> None:
        """Nothing: the run is recorded at its end."""

    def point(self, stage: str, values: Mapping[str, float]) -> None:
        """Nothing: the run is recorded at its end."""

    def end(self, run: Path, config: Mapping[str, Any], error: str | None) -> None:
        """A failure of any kind is one line of warning; the run is complete without W&B."""
        if error is not None:
            return
        deadline = time.monotonic() + self.timeout_s
        try:
            told = json.dumps(scrubbed(self._told(run.resolve(), redacted(config))))
            with tempfile.TemporaryDirectory(
                prefix="p2m-wandb-", ignore_cleanup_errors=True
            ) as home:
                allowed = _environment(Path(home), run.resolve())
                recorded = _bounded(["p2m.tracker._record"], allowed, told, deadline).splitlines()[
                    -1
                ]
                key = os.environ.get(self.api_key_env)
                if key:
                    _bounded(["p2m.tracker._send", recorded], allowed | _account(key), "", deadline)
        except (OSError, ValueError, _FailedError) as error:
            LOG.warning(
                "tracker: W&B has not all of this run (%s); what was recorded can be sent with: wandb sync %s/wandb/*run-*",
                scrubbed(str(error)),
                run,
            )

    def _told(self, run: Path, config: Mapping[str, Any]) -> dict[str, Any]:
        report = json.loads((run / "report.json").read_text(encoding="utf-8"))
        tables = sorted((run / "report").glob("predictions.*.jsonl"))
        return {
            "folder": str(run / "wandb"),
            "settings": {
                "project": self.project,
                "entity": self.entity,
                "group": self.group,
                "name": "/".join(run.parts[-2:]),
            },
            "config": config,
            "summary": _summary(report),
            "curve": list(_lines(run / "student" / "curve.jsonl")),
            "tables": {
                path.name.removesuffix(".jsonl"): list(islice(_lines(path), self.rows))
                for path in tables
            },
        }


class _FailedError(Exception):
    """A process of W&B did not end well."""


def _summary(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report under W&B names: `<stage>/...`; scores and baselines come from the evaluator."""
    measured = ("scores", "generated", "baselines")
    return (
        flat({k: v for k, v in report.items() if k not in {*measured, "stages"}}, "/")
        | flat({k: report[k] for k in measured if k in report}, "/", "evaluator")
        | flat(report.get("stages", {}), "/")
    )


def _lines(path: Path) -> Iterator[Any]:
    """The records of a JSON lines file, none where there is no file."""
    if path.exists():
        with path.open(encoding="utf-8", newline="\n") as file:
            yield from map(json.loads, file)


def _environment(home: Path, run: Path) -> dict[str, str]:
    """What W&B may see.  Its settings, caches and logs go to a folder that is thrown away; what a later sync needs stays."""
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    places = {
        "HOME": home,
        "TMPDIR": home,
        "WANDB_CONFIG_DIR": home,
        "WANDB_CACHE_DIR": home,
        "WANDB_DATA_DIR": run / "wandb" / "data",
    }
    places["PYTHONPATH"] = Path(__file__).parents[2]
    return (
        kept
        | {name: str(place) for name, place in places.items()}
        | {"WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
    )


def _account(key: str) -> dict[str, str]:
    return {"WANDB_API_KEY": key} | {
        name: os.environ[name] for name in ("WANDB_BASE_URL",) if name in os.environ
    }


def _bounded(module: list[str], environment: dict[str, str], stdin: str, deadline: float) -> str:
    """What the module prints.  Raises _FailedError if it fails or is not done by *deadline*; nothing of it outlives this call."""
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    command = [sys.executable, "-m", *module]
    with subprocess.Popen(
        command,
        env=environment,
        cwd=environment["HOME"],
        encoding="utf-8",
        start_new_session=True,
        **pipes,
    ) as process:
        try:
            out, err = process.communicate(stdin, timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise _FailedError("not done within tracker.timeout_s") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(
                    process.pid, signal.SIGKILL
                )  # the group outlives its leader while a service of W&B runs
    if process.returncode:
        said = (err or out).strip() or f"exit code {process.returncode}"
        raise _FailedError(said.splitlines()[-1].strip())
    return str(out)
