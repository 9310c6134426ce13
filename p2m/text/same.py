"""When two texts are the same: exactly but for white space, or nearly, but for case and punctuation."""

import functools
import hashlib
import re
import unicodedata
from collections.abc import Iterable

# Punctuation of sentences may differ between near-duplicates, except before a digit: 3.4 is not 34, nor -5 or "- 5" 5.
# Letters, marks and digits always count, and so do symbols and signs that calculate or name: + = < $ # % & * @ / \
_COUNTS = set("#%&*@/\\")
_APOSTROPHES = dict.fromkeys(map(ord, "'’‘ʼ"))
_NOT_WORDLIKE = re.compile(r"[\W_]+")


@functools.cache
def _loose(last: int) -> re.Pattern[str]:
    """Runs of loose punctuation and blanks, for texts of code points up to *last*: a small class makes the search twice as fast."""
    loose = [
        c
        for c in map(chr, range(last + 1))
        if unicodedata.category(c)[0] == "P" and c not in _COUNTS
    ]
    dashes = "".join(c for c in loose if unicodedata.category(c) == "Pd")
    others = "".join(c for c in loose if unicodedata.category(c) != "Pd")
    return re.compile(f"[ {re.escape(others)}]+(?!\\d)|[{re.escape(dashes)}]+(?! ?\\d)")


def normalize_space(text: str) -> str:
    """*text* with each run of white space as one blank, none at the ends, letters composed (NFC)."""
    text = " ".join(text.split())
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def loosened(text: str) -> str:
    """*text* without what may differ between near-duplicates: case, white space, the punctuation of sentences.

    Where letters and digits are less than half of the characters, punctuation is the text, and only white space is loosened.
    """
    plain = normalize_space(text)
    if 2 * len(_NOT_WORDLIKE.sub("", plain)) < len(plain) - plain.count(" "):
        return plain
    last = 0x7F if plain.isascii() else 0xFFFF
    folded = (
        (plain if last == 0x7F else unicodedata.normalize("NFKC", plain))
        .casefold()
        .translate(_APOSTROPHES)
    )
    return " ".join(_loose(last).sub(" ", folded).split())


def digest(text: str) -> int:
    """Eight bytes of a hash, as a number: among a million texts two share one with a chance of 3 in 10^8."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def exact(text: str) -> int:
    """Equal for texts that differ in white space only."""
    return digest(normalize_space(text))


def near(text: str) -> int:
    """Equal for near-duplicates, see `loosened`."""
    return digest(loosened(text))


def contradiction(placed: Iterable[tuple[str, str, str]]) -> str | None:
    """What is wrong where two of (place, input, output) give one input different outputs, in words; None if none do."""
    seen: dict[str, tuple[str, str]] = {}
    for place, source, output in placed:
        before, first = seen.setdefault(normalize_space(source), (place, output))
        if normalize_space(first) != normalize_space(output):
            said = f"the input '{source[:60]}' has the outputs '{first[:60]}' and '{output[:60]}'"
            return f"{place} contradicts {before}: {said}; keep the right one"
    return None
