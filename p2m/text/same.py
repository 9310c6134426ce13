"""When two texts are the same: but for white space, but for case, or nearly; one rule for all."""

import functools
import hashlib
import re
import unicodedata
from collections.abc import Iterable

# Punctuation of sentences may differ between near-duplicates, except before a digit: 3.4 is not 34,
# nor -5 or "- 5" 5.  Letters, marks and digits always count, and so do symbols and signs that
# calculate or name: + = < $ # % & * @ / \
_COUNTS = set("#%&*@/\\")
_NO_WIDTH = dict.fromkeys((0x200B, 0x2060, 0xFEFF))
_APOSTROPHES = dict.fromkeys(map(ord, "'’‘ʼ"))
_NOT_WORDLIKE = re.compile(r"[\W_]+")


def normalize_space(text: str) -> str:
    """*text* with one blank for each run of white space, none at the ends, letters composed (NFC).

    What has no width at all, such as a byte order mark inside a text, is left out.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(_NO_WIDTH))
    return " ".join(text.split())


def normalize_answer(text: str) -> str:
    """*text* as metrics compare it: where it has several lines, breaks and indents count.

    Code whose lines differ is another program.
    """
    lines = text.strip().splitlines()
    if len(lines) < 2:
        return normalize_space(text)
    return "\n".join(unicodedata.normalize("NFC", line).rstrip() for line in lines)


def fold(text: str) -> str:
    """*text* without case, white space as in `normalize_space`."""
    return normalize_space(text).casefold()


def loosen(text: str) -> str:
    """*text* without what may differ between near-duplicates: case, space, sentences' punctuation.

    Where letters and digits are less than half of the characters, punctuation is the text, and
    only white space is loosened.
    """
    plain = normalize_space(text)
    if 2 * len(_NOT_WORDLIKE.sub("", plain)) < len(plain) - plain.count(" "):
        return plain
    last = 0x7F
    if not plain.isascii():
        last = 0xFFFF
        plain = unicodedata.normalize("NFKC", plain)
    folded = plain.casefold().translate(_APOSTROPHES)
    return " ".join(_loose_signs(last).sub(" ", folded).split())


@functools.cache
def _loose_signs(last: int) -> re.Pattern[str]:
    """Runs of loose punctuation and blanks, for texts of code points up to *last*.

    A small class makes the search twice as fast.
    """
    dashes, others = "", ""
    for sign in map(chr, range(last + 1)):
        category = unicodedata.category(sign)
        if category == "Pd":
            dashes += sign
        elif category[0] == "P" and sign not in _COUNTS:
            others += sign
    return re.compile(f"[ {re.escape(others)}]+(?!\\d)|[{re.escape(dashes)}]+(?! ?\\d)")


def digest(text: str) -> int:
    """Eight bytes of a hash, as a number: two of a million share one with a chance of 3 in 10^8."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest())


def exact(text: str) -> int:
    """Equal for texts that differ in white space only."""
    return digest(normalize_space(text))


def near(text: str) -> int:
    """Equal for near-duplicates, see `loosen`."""
    return digest(loosen(text))


class LabelSet:
    """A closed set of answers, and which of them a text means."""

    def __init__(self, labels: Iterable[str]) -> None:
        self._by_text = {normalize_space(label): label for label in labels}
        by_fold: dict[str, list[str]] = {}
        for label in self._by_text.values():
            by_fold.setdefault(fold(label), []).append(label)
        # where labels differ in case alone, as US and us do, case decides
        self._by_fold = {key: same[0] for key, same in by_fold.items() if len(same) == 1}

    def __bool__(self) -> bool:
        return bool(self._by_text)

    def find(self, text: str) -> str | None:
        """The label that *text* is but for white space and case, as the set writes it."""
        return self._by_text.get(normalize_space(text)) or self._by_fold.get(fold(text))


def contradiction(placed: Iterable[tuple[str, str, str]]) -> str | None:
    """What is wrong where two of (place, input, output) give one input different outputs."""
    first: dict[str, tuple[str, str]] = {}
    for place, source, output in placed:
        first_place, first_output = first.setdefault(normalize_space(source), (place, output))
        if normalize_space(first_output) != normalize_space(output):
            return (
                f"{place} contradicts {first_place}: the input '{source[:60]}' has the outputs"
                f" '{first_output[:60]}' and '{output[:60]}'; keep the right one"
            )
    return None
