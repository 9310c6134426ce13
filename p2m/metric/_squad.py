"""How SQuAD reads an answer before it compares (Rajpurkar et al. 2016).

Case, punctuation and articles do not count.
"""

import re
import string

# ASCII only, as there: a Chinese full stop stays
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalize(text: str) -> str:
    """*text* in lower case, less punctuation and English articles, words one space apart."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())
