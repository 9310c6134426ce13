"""How SQuAD reads an answer before it compares (Rajpurkar et al. 2016): case, punctuation and articles do not count."""

import re
import string

_PUNCTUATION = str.maketrans(
    "", "", string.punctuation
)  # ASCII only, as there: a Chinese full stop stays
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalised(text: str) -> str:
    """*text* in lower case, less punctuation and English articles, words one space apart."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())
