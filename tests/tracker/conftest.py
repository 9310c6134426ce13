"""A run's folder as the pipeline leaves it, small."""

import json
from pathlib import Path

import pytest

REPORT = {
    "on": "real",
    "scores": {"exact_match": {"value": 0.9, "low": 0.8, "high": 0.95, "n": 2}},
    "baselines": {"untrained": {"exact_match": {"value": 0.0, "low": 0.0, "high": 0.0, "n": 2}}},
    "usd": 0.5,
    "stages": {"trainer": {"key": "abc123", "kept": False, "seconds": 2.5}},
    "examples": {"train": 10, "dropped": {"processor: twice": 3}},
}
CURVE = [
    {"step": 10, "loss": 3.5, "lr": 0.001},
    {"step": 20, "loss": 1.5, "valid_loss": 2.5, "note": "x"},
]
PREDICTIONS = [
    {"input": "tomorrow", "outputs": ["a", "b"], "prediction": "a", "correct": True},
    {"input": "a question", "outputs": ["c"], "prediction": "d", "correct": False},
]


@pytest.fixture(scope="session")
def run_folder():
    """Makes one under the folder given, with the report given."""
    return _run_folder


def _run_folder(root: Path, report: dict | None = None) -> Path:
    run = root / "runs" / "2026-01-31" / "10-00-00"
    for name in ("report", "student"):
        (run / name).mkdir(parents=True)
    (run / "report.json").write_text(json.dumps(report or REPORT))
    (run / "student" / "curve.jsonl").write_text(
        "".join(json.dumps(point) + "\n" for point in CURVE)
    )
    (run / "report" / "predictions.real.jsonl").write_text(
        "".join(json.dumps(record) + "\n" for record in PREDICTIONS)
    )
    return run
