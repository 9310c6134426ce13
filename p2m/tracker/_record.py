"""Records one run of W&B: a program of its own, which reads on standard input what to record.

A line of JSON each: what starts the run (`settings`, `config`), then points, then what
ends it (`summary`, `tables`, `error`).  Standard input that ends before that is a run that was
killed.  Leaves the reason on standard error, with exit code 1, where the server has not all.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from typing import Any

import wandb

# seconds a server has to say anything at all; W&B itself would try a dead one for minutes
ANSWER_S = 3.0


def main() -> None:
    messages = map(json.loads, sys.stdin)
    run, fault = _start(next(messages))
    try:
        _record(run, messages)
    except wandb.errors.Error as error:
        fault = fault or str(error)
    sys.exit(fault)


def _start(message: dict[str, Any]) -> tuple[Any, str | None]:
    """The run, and why it is only kept offline though there is a key."""
    if "WANDB_API_KEY" not in os.environ:
        return _init(message, "offline"), None
    fault = _server_fault()
    if fault is None:
        try:
            return _init(message, "online"), None
        except wandb.errors.Error as error:
            fault = str(error)
    # W&B would look at them offline too
    del os.environ["WANDB_API_KEY"]
    os.environ.pop("WANDB_BASE_URL", None)
    return _init(message, "offline"), fault


def _init(message: dict[str, Any], mode: Any) -> Any:
    """What W&B would find out about this machine, its user and the program stays here."""
    return wandb.init(
        **message["settings"],
        config=message["config"],
        settings=wandb.Settings(
            mode=mode,
            save_code=False,
            disable_code=True,
            disable_git=True,
            disable_job_creation=True,
            console="off",
            x_disable_meta=True,
            x_disable_stats=True,
            x_disable_machine_info=True,
            x_save_requirements=False,
            host="p2m",
            username="p2m",
            email="",
            program="p2m",
            silent=True,
        ),
    )


def _server_fault() -> str | None:
    address = os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")
    if not address.startswith(("https://", "http://")):
        return f"WANDB_BASE_URL must begin with https:// or http://, got {address!r}"
    try:
        urllib.request.urlopen(address, timeout=ANSWER_S).close()  # noqa: S310  # see above
    except urllib.error.HTTPError:
        return None  # it speaks, whatever it says
    except OSError:
        return f"no answer from {address} within {ANSWER_S:.0f} s"
    return None


def _record(run: Any, messages: Iterable[dict[str, Any]]) -> None:
    stages = set()
    for message in messages:
        if "summary" in message:
            _finish(run, message)
            return
        stage = message["stage"]
        if stage not in stages:
            # its own steps are the axis: W&B's count of calls means nothing here
            stages.add(stage)
            run.define_metric(f"{stage}/step")
            run.define_metric(f"{stage}/*", step_metric=f"{stage}/step")
        run.log({f"{stage}/{name}": value for name, value in message["point"].items()})
    run.finish(exit_code=1)


def _finish(run: Any, message: dict[str, Any]) -> None:
    """The run is ended whatever the server says to a table, which it is asked about at once."""
    run.summary.update(message["summary"])
    try:
        for name, records in message["tables"].items():
            run.log({f"evaluator/{name}": _table(records)})
    finally:
        run.finish(exit_code=1 if message["error"] else 0)


def _table(records: list[dict[str, Any]]) -> Any:
    columns = ["input", "outputs", "prediction", "correct"]
    cells = [[r["input"], " | ".join(r["outputs"]), r["prediction"], r["correct"]] for r in records]
    return wandb.Table(columns=columns, data=cells)


if __name__ == "__main__":
    main()
