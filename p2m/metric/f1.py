"""How much of an answer's words is right, as SQuAD counts them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from p2m.metric._squad import normalised
from p2m.stages import Tally


@dataclass(frozen=True)
class F1:
    """Mean over examples of the F1 of normalised words; of several accepted answers the best counts."""

    def score(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> float:
        return self.tally(predictions, accepted).score

    def tally(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> Tally:
        from p2m.metric._mean import mean_of

        return mean_of(
            max(_f1(said, answer) for answer in answers)
            for said, answers in zip(predictions, accepted, strict=True)
        )


def _f1(prediction: str, answer: str) -> float:
    """Harmonic mean of word precision and recall.  Two answers without a word agree (the script for SQuAD 2.0; that for 1.1 gives 0)."""
    said, right = normalised(prediction).split(), normalised(answer).split()
    if not said or not right:
        return float(said == right)
    common = (Counter(said) & Counter(right)).total()
    return 2 * common / (len(said) + len(right))
