"""The share of answers that are right as SQuAD reads them."""

from collections.abc import Sequence
from dataclasses import dataclass

from p2m.metric._squad import normalize
from p2m.metric.tally import Tally, mean_of


@dataclass(frozen=True)
class NormalisedExactMatch:
    """1 for an answer that equals an accepted one, else 0.

    Case, punctuation, English articles and white space do not count.
    """

    def score(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> float:
        return self.tally(predictions, accepted).score

    def tally(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> Tally:
        return mean_of(
            normalize(prediction) in map(normalize, answers)
            for prediction, answers in zip(predictions, accepted, strict=True)
        )
