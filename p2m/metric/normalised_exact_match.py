"""The share of answers that are right as SQuAD reads them."""

from collections.abc import Sequence
from dataclasses import dataclass

from p2m.metric._squad import normalised
from p2m.stages import Tally


@dataclass(frozen=True)
class NormalisedExactMatch:
    """1 for an answer that equals an accepted one but for case, punctuation, English articles and white space, else 0."""

    def score(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> float:
        return self.tally(predictions, accepted).score

    def tally(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> Tally:
        from p2m.metric._mean import mean_of

        return mean_of(
            normalised(said) in map(normalised, answers)
            for said, answers in zip(predictions, accepted, strict=True)
        )
