"""How people's typing differs from clean text: slips of the finger, case, and the choice among
forms of unequal frequency."""

import random
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, product

_NEAR = {
    "a": "sq",
    "b": "vn",
    "c": "xv",
    "d": "sf",
    "e": "wr",
    "f": "dg",
    "g": "fh",
    "h": "gj",
    "i": "uo",
    "j": "hk",
    "k": "jl",
    "l": "k",
    "m": "n",
    "n": "bm",
    "o": "ip",
    "p": "o",
    "q": "wa",
    "r": "et",
    "s": "ad",
    "t": "ry",
    "u": "yi",
    "v": "cb",
    "w": "qe",
    "x": "zc",
    "y": "tu",
    "z": "x",
}
_WORD = re.compile(
    r"[a-zA-Z]{5,}"
)  # a slip in a shorter word makes another word too easily (tue, thu; ten, tea)
_GROUP = re.compile(r"\(([^()]*)\)")


def sharpened(weights: Sequence[float], spread: float) -> list[float]:
    """Cumulative weights; spread 1 leaves them, 0 raises the frequent ones (to the fourth power),
    above 1 evens them out."""
    power = 1 / (0.25 + 0.75 * max(0.0, spread))
    return list(accumulate(weight**power for weight in weights))


@lru_cache(maxsize=512)
def weighted(text: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Reads "a^5; b; (c|d) e": forms with their frequency, where alternatives in brackets share
    one."""
    forms: list[str] = []
    weights: list[float] = []
    for item in filter(None, (part.strip() for part in text.split(";"))):
        body, _, weight = item.partition("^")
        found = expanded(body)
        forms += found
        weights += [float(weight or 1) / len(found)] * len(found)
    return tuple(forms), tuple(weights)


def listed(text: str) -> tuple[str, ...]:
    """Reads "a; b; a": entries as they stand, twice where frequent."""
    return tuple(filter(None, (part.strip() for part in text.split(";"))))


def expanded(body: str) -> list[str]:
    """Every text that "(a|b|) c" stands for, without doubled spaces."""
    parts = [part.split("|") if i % 2 else [part] for i, part in enumerate(_GROUP.split(body))]
    return [" ".join("".join(choice).split()) for choice in product(*parts)]


def slip(rng: random.Random, text: str, names: re.Pattern[str] | None = None) -> str:
    """*text* with one letter dropped, doubled, swapped or missed in one of its longer words, if it
    has one, more often one of *names*."""
    words = [match.span() for match in _WORD.finditer(text)]
    if not words:
        return text
    words += [
        (start, end) for start, end in words if names and names.match(text[start:end].lower())
    ] * 2
    start, end = rng.choice(words)
    i = rng.randrange(start + 1, end - 1)
    letter, how = text[i], rng.random()
    if how < 0.35:
        return text[:i] + text[i + 1 :]
    if how < 0.7:
        return text[:i] + text[i + 1] + letter + text[i + 2 :]
    if how < 0.85:
        return text[:i] + letter + text[i:]
    return text[:i] + rng.choice(_NEAR.get(letter.lower(), letter)) + text[i + 1 :]


def cased(rng: random.Random, text: str, names: re.Pattern[str]) -> str:
    """Mostly as it stands (lower case), else with a capital first letter, capital *names*, both, or
    all in capitals."""
    how = rng.random()
    if how < 0.58:
        return text
    if how < 0.74:
        return names.sub(lambda match: match[0].capitalize(), text)
    if how < 0.94:
        text = names.sub(lambda match: match[0].capitalize(), text) if how < 0.88 else text
        return text[:1].upper() + text[1:]
    return text.upper() if how < 0.97 else text.title().replace("'S", "'s")
