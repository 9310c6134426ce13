"""chrF++: agreement of character and word n-grams over the whole test set (Popović 2017).

As sacrebleu computes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from p2m.metric.tally import Tally

BETA = 2  # recall counts twice as much as precision: sacrebleu's default, the 2 of chrF2++
WORD_ORDER = 2  # the ++ of chrF++


@dataclass(frozen=True)
class ChrF:
    """chrF++ of the corpus, in [0, 1].

    Where several answers are accepted, an example counts against the one it is nearest to.
    """

    def score(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> float:
        return self.tally(predictions, accepted).score

    def tally(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> Tally:
        """Rows of 24: n-grams in the prediction, in the answer and in both.

        For 6 orders of characters and 2 of words each.
        """
        import numpy as np
        from sacrebleu.metrics import CHRF

        # every example's first answer, then every second one, ...: None where there is none
        streams = list(zip_longest(*accepted))
        chrf = CHRF(word_order=WORD_ORDER, beta=BETA)
        counts = chrf._extract_corpus_statistics(predictions, streams)
        return Tally(np.array(counts, dtype=np.float64), _f_score)


def _f_score(totals: Any) -> Any:
    """sacrebleu's last step: precision and recall over the orders that both sides have."""
    import numpy as np

    predicted, right, common = totals[:, 0::3], totals[:, 1::3], totals[:, 2::3]
    both_have = (predicted > 0) & (right > 0)
    orders = np.maximum(both_have.sum(axis=1), 1)
    precision = (common / np.where(both_have, predicted, 1) * both_have).sum(axis=1) / orders
    recall = (common / np.where(both_have, right, 1) * both_have).sum(axis=1) / orders
    weighed = BETA**2 * precision + recall
    return (1 + BETA**2) * precision * recall / np.where(weighed > 0, weighed, 1)
