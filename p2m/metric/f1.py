"""How much of an answer's words is right, as SQuAD counts them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from p2m.metric._squad import normalize
from p2m.metric.tally import Tally, mean_of


@dataclass(frozen=True)
class F1:
    """Mean over examples of the F1 of normalised words; of several accepted answers the best."""

    def score(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> float:
        return self.tally(predictions, accepted).score

    def tally(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> Tally:
        return mean_of(
            max(_f1(prediction, answer) for answer in answers)
            for prediction, answers in zip(predictions, accepted, strict=True)
        )


def _f1(prediction: str, answer: str) -> float:
    """Harmonic mean of word precision and recall.

    Two answers without a word agree, as in the script for SQuAD 2.0; that for 1.1 gives 0.
    """
    words, right = normalize(prediction).split(), normalize(answer).split()
    if not words or not right:
        return float(words == right)
    common = (Counter(words) & Counter(right)).total()
    return 2 * common / (len(words) + len(right))
