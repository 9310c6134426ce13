"""Folders as complete runs leave them, with the answers that a test gives."""

import json
from pathlib import Path

import yaml

from p2m import disk
from p2m.evaluator._bootstrap import Bootstrap
from p2m.metric.exact_match import ExactMatch
from p2m.metric.f1 import F1

METRICS = {"exact_match": ExactMatch(), "f1": F1()}


def leave_run(folder, predictions, wanted="y", seed=0, metrics=("exact_match",), settings=None):
    """The folder; input i is `input i`, its only right answer *wanted*."""
    folder = Path(folder)
    accepted = [[wanted]] * len(predictions)
    part = folder / "part"
    part.mkdir(parents=True)
    records = []
    for i, prediction in enumerate(predictions):
        row = {"input": f"input {i}", "outputs": accepted[i], "prediction": prediction}
        records.append(json.dumps(row))
    (part / "predictions.real.jsonl").write_text("\n".join(records) + "\n")
    disk.publish(part, folder / "report")
    (folder / "student").mkdir()
    (folder / "student/value.json").touch()
    scores = {}
    targets = {}
    for name in metrics:
        score = Bootstrap(200, 0.95, 0).score(METRICS[name], predictions, accepted)
        scores[name] = vars(score)
        targets[name] = {
            "_target_": f"{type(METRICS[name]).__module__}.{type(METRICS[name]).__name__}"
        }
    report = {"on": "real", "scores": scores, "seed": seed, "usd": 0.5, "seconds": 10.0}
    report["examples"] = {"train": 100, "retrieved": 1}
    report["stages"] = {"trainer": {"key": f"{folder.name}-{seed}"}}
    (folder / "report.json").write_text(json.dumps(report))
    config = {"seed": seed, "store": str(folder), "metric": targets} | (settings or {})
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def answers(right: int, n: int, start: int = 0) -> list[str]:
    """n answers, *right* of which are right from number *start* on."""
    return ["y" if start <= i < start + right else f"n{i}" for i in range(n)]
