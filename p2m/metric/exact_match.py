"""The share of answers that are right to the letter."""

from collections.abc import Sequence
from dataclasses import dataclass

from p2m.metric._mean import mean_of
from p2m.stages import Tally


@dataclass(frozen=True)
class ExactMatch:
    """1 for an answer that equals an accepted one, outer white space aside, else 0."""

    def score(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> float:
        return self.tally(predictions, accepted).score

    def tally(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> Tally:
        return mean_of(
            prediction.strip() in map(str.strip, answers)
            for prediction, answers in zip(predictions, accepted, strict=True)
        )
