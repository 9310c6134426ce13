"""Which texts fit a query best: BM25 over whatever cards a search has."""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from p2m.artifacts import Candidate

# Chinese and Japanese write no spaces, so that a run of them would be one word that no query repeats: each two neighbours are a word.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(f"[{_UNSPACED}]+|[^\\W_{_UNSPACED}]+")


def tokens(text: str) -> list[str]:
    """The words of *text* in lower case, in order.  snake_case and punctuation part words; nothing is stemmed and no word is left out."""
    return [
        token
        for word in _WORD.findall(text.lower())
        for token in (_pairs(word) if re.match(f"[{_UNSPACED}]", word) else [word])
    ]


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


class Index:
    """Cards by name, ready to be searched.

    k1: how fast a repeated word stops to count.  b: 0 takes no account of a card's length, 1 takes all of it.
    """

    def __init__(self, cards: Mapping[str, str], k1: float, b: float) -> None:
        from rank_bm25 import BM25Okapi

        self._cards, self._k1 = dict(cards), k1
        words = [tokens(card) for card in self._cards.values()]
        self._okapi = BM25Okapi(words, k1=k1, b=b) if any(words) else None
        found_in = Counter(word for card in words for word in set(card))
        # Robertson's weight with 1 added inside the logarithm, as in Lucene: Okapi's own is negative for a word that stands in more than
        # half of the cards, which in a folder of three files is every word that matters.
        self._weights = {word: self._weight(n) for word, n in found_in.items()}
        if self._okapi:
            self._okapi.idf = self._weights

    def ranked(self, query: str) -> list[Candidate]:
        """Every card, best first, ties in the order given.

        A score is the share of the most that the query's words could bring, 0 to 1, so that long and short queries compare.
        """
        words = tokens(query)
        most = sum(self._weights.get(word, self._weight(0)) for word in words) * (self._k1 + 1)
        scores = (
            self._okapi.get_scores(words).tolist()
            if self._okapi and words
            else [0.0] * len(self._cards)
        )
        found = [
            Candidate(name, score / most if most else 0.0, card)
            for (name, card), score in zip(self._cards.items(), scores, strict=True)
        ]
        return sorted(found, key=lambda candidate: -candidate.score)

    def _weight(self, found_in: int) -> float:
        """What a word is worth that stands in *found_in* of the cards (Robertson & Zaragoza 2009, eq. 3.1, plus 1)."""
        return math.log(1 + (len(self._cards) - found_in + 0.5) / (found_in + 0.5))


_NAMES = """
af:Afrikaans am:Amharic ar:Arabic az:Azerbaijani be:Belarusian bg:Bulgarian bn:Bengali bs:Bosnian ca:Catalan cs:Czech cy:Welsh
da:Danish de:German el:Greek en:English es:Spanish et:Estonian eu:Basque fa:Persian fi:Finnish fr:French ga:Irish gl:Galician
gu:Gujarati ha:Hausa he:Hebrew hi:Hindi hr:Croatian hu:Hungarian hy:Armenian id:Indonesian ig:Igbo is:Icelandic it:Italian
ja:Japanese jv:Javanese ka:Georgian kk:Kazakh km:Khmer kn:Kannada ko:Korean ku:Kurdish ky:Kyrgyz la:Latin lo:Lao lt:Lithuanian
lv:Latvian mg:Malagasy mk:Macedonian ml:Malayalam mn:Mongolian mr:Marathi ms:Malay mt:Maltese my:Burmese ne:Nepali nl:Dutch
no:Norwegian pa:Punjabi pl:Polish ps:Pashto pt:Portuguese ro:Romanian ru:Russian sd:Sindhi si:Sinhala sk:Slovak sl:Slovenian
so:Somali sq:Albanian sr:Serbian su:Sundanese sv:Swedish sw:Swahili ta:Tamil te:Telugu tg:Tajik th:Thai tl:Tagalog tr:Turkish
tt:Tatar ug:Uyghur uk:Ukrainian ur:Urdu uz:Uzbek vi:Vietnamese xh:Xhosa yi:Yiddish yo:Yoruba zh:Chinese zu:Zulu
"""
_LANGUAGES = dict(pair.split(":") for pair in _NAMES.split())
_MANY = 12  # languages; a card that lists more is about no one of them


def language_names(codes: Sequence[str]) -> list[str]:
    """English names of ISO 639 codes, as cards hold codes where prompts say "German".  Unknown ones stay; a long list is `multilingual`."""
    return (
        [_LANGUAGES.get(code, code) for code in codes] if len(codes) <= _MANY else ["multilingual"]
    )
