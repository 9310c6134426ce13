"""The share of answers that are right to the letter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from p2m.metric.tally import Tally, mean_of
from p2m.text.same import normalize_answer


@dataclass(frozen=True)
class ExactMatch:
    """1 for an answer that equals an accepted one, see `normalize_answer`, else 0."""

    VERSION: ClassVar = 2

    def score(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> float:
        return self.tally(predictions, accepted).score

    def tally(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> Tally:
        return mean_of(
            normalize_answer(prediction) in map(normalize_answer, answers)
            for prediction, answers in zip(predictions, accepted, strict=True)
        )
