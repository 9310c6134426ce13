"""The metrics against answers that a large model and published students really gave, where those
files lie beside the project."""

import gzip
import json
from pathlib import Path

import pytest

from p2m.metric.chrf import ChrF
from p2m.metric.exact_match import ExactMatch
from p2m.metric.normalised_exact_match import NormalisedExactMatch

DATA = Path(__file__).parents[3] / "shared" / "data" / "paper"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(),
    reason="the measuring data (shared/data beside the project) is not on this machine",
)
METRICS = {"em": ExactMatch(), "norm": NormalisedExactMatch(), "chrf": ChrF()}


def rows(name: str) -> list[dict]:
    with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8", newline="\n") as file:
        return [json.loads(line) for line in file]


@pytest.mark.parametrize(
    ("task", "metric", "per_cent"),
    [
        ("temporal", "em", 50.00), ("temporal", "norm", 50.12), ("temporal", "chrf", 30.66),
        ("mconala_ja", "em", 14.76), ("mconala_ja", "norm", 17.62), ("mconala_ja", "chrf", 37.30),
        ("squad", "em", 33.45), ("squad", "norm", 42.54),
    ],
)  # fmt: skip
def test_a_large_models_answers_score_as_published(task, metric, per_cent):
    said = [row["prediction"] for row in rows(f"predictions/{task}.gpt-3.5-turbo")]
    accepted = [row["outputs"] for row in rows(f"test/{task}")]
    assert round(100 * METRICS[metric].score(said, accepted), 2) == per_cent


@pytest.mark.parametrize(
    ("name", "metric", "per_cent"),
    [
        ("flan-t5-base_normalization_1.4_1.4_with_filtering", "em", 55.23),
        ("flan-t5-base_normalization_1.4_1.4_with_filtering", "chrf", 63.52),
        ("flan-t5-base_normalization_0.3_1.4_with_filtering", "em", 13.37),
        ("flan-t5-base_normalization_0.3_1.4_with_filtering", "chrf", 36.13),
        ("bart-large-cnn_jp2python", "em", 0.00),
        ("bart-large-cnn_jp2python", "chrf", 19.94),
    ],
)
def test_a_students_answers_score_as_published(name, metric, per_cent):
    answered = rows(f"student_predictions/{name}_real")
    score = METRICS[metric].score(
        [row["prediction"] for row in answered], [[row["output"]] for row in answered]
    )
    assert round(100 * score, 2) == per_cent


@pytest.mark.parametrize(("metric", "per_cent"), [("em", 42.9), ("chrf", 11.0)])
def test_always_answering_not_available_scores_as_published(metric, per_cent):
    accepted = [row["outputs"] for row in rows("test/temporal")]
    assert round(100 * METRICS[metric].score(["N/A"] * len(accepted), accepted), 1) == per_cent
