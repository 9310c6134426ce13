"""The share of labels that are right."""

from collections.abc import Sequence
from dataclasses import dataclass

from p2m.metric.tally import Tally, mean_of
from p2m.text.same import fold


@dataclass(frozen=True)
class Accuracy:
    """1 for an answer that is an accepted label, else 0; case and outer blanks do not count."""

    def score(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> float:
        return self.tally(predictions, accepted).score

    def tally(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> Tally:
        return mean_of(
            fold(prediction) in map(fold, answers)
            for prediction, answers in zip(predictions, accepted, strict=True)
        )
