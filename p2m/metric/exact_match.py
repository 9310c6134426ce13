"""The share of answers that are right to the letter."""

from collections.abc import Sequence
from dataclasses import dataclass

from p2m.stages import Tally


@dataclass(frozen=True)
class ExactMatch:
    """1 for an answer that equals an accepted one once both are stripped of outer white space, else 0."""

    def score(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> float:
        return self.tally(predictions, accepted).score

    def tally(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> Tally:
        from p2m.metric._mean import mean_of

        return mean_of(
            said.strip() in {answer.strip() for answer in answers}
            for said, answers in zip(predictions, accepted, strict=True)
        )
