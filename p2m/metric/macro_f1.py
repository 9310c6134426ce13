"""How well each label is found, rare ones as much as common ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from p2m.metric.tally import Tally
from p2m.text.same import fold


@dataclass(frozen=True)
class MacroF1:
    """Mean of the F1 of each label that is right, or is answered, anywhere; as scikit-learn has it.

    Where several labels are accepted, the right one is that answered, or else the first.
    """

    def score(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> float:
        return self.tally(predictions, accepted).score

    def tally(self, predictions: Sequence[str], accepted: Sequence[Sequence[str]]) -> Tally:
        """Rows of two for each label: 1 if found; 1 if answered, and 1 if right."""
        import numpy as np

        places: dict[str, int] = {}
        pairs = []
        for prediction, answers in zip(predictions, accepted, strict=True):
            answered, known = fold(prediction), list(map(fold, answers))
            right = answered if answered in known else known[0]
            pairs.append([places.setdefault(each, len(places)) for each in (answered, right)])
        rows = np.zeros((len(pairs), len(places), 2))
        for row, (answered_at, right_at) in zip(rows, pairs, strict=True):
            row[answered_at, 0] = answered_at == right_at
            row[answered_at, 1] += 1
            row[right_at, 1] += 1
        return Tally(rows.reshape(len(pairs), -1), _mean_f1)


def _mean_f1(totals: Any) -> Any:
    """F1 is twice what is found over what is answered plus what is right."""
    import numpy as np

    found, either = totals[:, 0::2], totals[:, 1::2]
    occurs = either > 0
    f1 = 2 * found / np.where(occurs, either, 1)
    return f1.sum(axis=1) / occurs.sum(axis=1)
