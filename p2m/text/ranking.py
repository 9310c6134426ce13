"""Which texts fit a query best: BM25 over whatever cards a search has."""

import math
import re
from collections import Counter
from collections.abc import Mapping

from p2m.artifacts import Candidate
from p2m.text.scripts import join

# Chinese and Japanese write no spaces, so that a run of them would be one word that no query
# repeats: each two neighbours are a word.
_UNSPACED = join("Kana", "Han")
_WORD = re.compile(f"([{_UNSPACED}]+)|[^\\W_{_UNSPACED}]+")


def tokens(text: str) -> list[str]:
    """The words of *text* in lower case, in order.

    snake_case and punctuation part words; nothing is stemmed and no word is left out.
    """
    words = []
    for match in _WORD.finditer(text.lower()):
        run = match[1]
        if run and len(run) > 1:
            words += [run[i : i + 2] for i in range(len(run) - 1)]
        else:
            words.append(match[0])
    return words


class Index:
    """Cards by name, ready to be searched.

    k1: how fast a repeated word stops to count.
    b: 0 takes no account of a card's length, 1 takes all of it.
    """

    def __init__(self, cards: Mapping[str, str], k1: float, b: float) -> None:
        from rank_bm25 import BM25Okapi

        self._cards, self._k1 = dict(cards), k1
        words = [tokens(card) for card in self._cards.values()]
        n_cards = Counter(word for card in words for word in set(card))
        self._weights = {word: self._weight(n) for word, n in n_cards.items()}
        self._okapi = None
        if n_cards:
            self._okapi = BM25Okapi(words, k1=k1, b=b)
            # Okapi's own weight is negative for a word that stands in more than half of the
            # cards, which in a folder of three files is every word that matters
            self._okapi.idf = self._weights

    def rank(self, query: str) -> list[Candidate]:
        """Every card, best first, ties in the order given.

        A score is the share of the most that the query's words could bring, 0 to 1, so that long
        and short queries compare.
        """
        words = tokens(query)
        scores = [0.0] * len(self._cards)
        if self._okapi and words:
            most = sum(self._weights.get(word, self._weight(0)) for word in words)
            most *= self._k1 + 1
            scores = [score / most for score in self._okapi.get_scores(words).tolist()]
        candidates = [
            Candidate(name, score, card)
            for (name, card), score in zip(self._cards.items(), scores, strict=True)
        ]
        return sorted(candidates, key=lambda candidate: -candidate.score)

    def _weight(self, n_cards: int) -> float:
        """What a word is worth that *n_cards* of the cards have.

        Robertson & Zaragoza 2009, eq. 3.1, with 1 added inside the logarithm, as in Lucene.
        """
        return math.log(1 + (len(self._cards) - n_cards + 0.5) / (n_cards + 0.5))
