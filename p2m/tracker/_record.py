"""Writes one offline run of W&B: a program of its own, told on standard input what to record; prints the folder it wrote."""

import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    import wandb

    told = json.load(sys.stdin)
    folder = Path(told["folder"])
    folder.parent.mkdir(parents=True, exist_ok=True)
    run = wandb.init(
        **told["settings"], config=told["config"], dir=str(folder.parent),
        settings=wandb.Settings(
            mode="offline", save_code=False, disable_code=True, disable_git=True, disable_job_creation=True, console="off",
            x_disable_meta=True, x_disable_stats=True, x_disable_machine_info=True, x_save_requirements=False,
            host="p2m", username="p2m", email="", program="p2m", silent=True,
        ),
    )  # fmt: skip
    _curve(run, told["curve"])
    for name, records in told["tables"].items():
        run.log({f"evaluator/{name}": _table(wandb, records)})
    run.summary.update(told["summary"])
    wrote = Path(run.dir).parent
    run.finish()
    print(wrote)  # noqa: T201  # the one thing that the parent reads


def _curve(run: Any, points: list[dict[str, Any]]) -> None:
    """Training's own steps are the axis; W&B's count of calls means nothing here."""
    run.define_metric("trainer/step")
    run.define_metric("trainer/*", step_metric="trainer/step")
    for point in points:
        run.log(
            {
                f"trainer/{name}": value
                for name, value in point.items()
                if isinstance(value, int | float)
            }
        )


def _table(wandb: Any, records: list[dict[str, Any]]) -> Any:
    columns = ["input", "outputs", "prediction", "correct"]
    cells = [[r["input"], " | ".join(r["outputs"]), r["prediction"], r["correct"]] for r in records]
    return wandb.Table(columns=columns, data=cells)


if __name__ == "__main__":
    main()
