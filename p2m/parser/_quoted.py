"""Demonstrations as input="..." output="...", on one line or several."""

import re
from collections.abc import Iterator
from itertools import pairwise

from p2m.parser._pair import Pair, fault_at
from p2m.parser._words import ITEM

_START = re.compile(
    rf"(?:{ITEM}|(?<=[\"'])(?:[ \t]*,)?[ \t]+)input[ \t]*=[ \t]*([\"'])",
    re.IGNORECASE | re.MULTILINE,
)
_SIDES = re.compile(
    rf"{_START.pattern}(.*?)\1(?:[ \t]*,)?\s*output[ \t]*=[ \t]*([\"'])",
    re.IGNORECASE | re.MULTILINE | re.DOTALL,
)
_AFTER_LAST = re.compile(r"\s*\Z|\n[ \t]*\n|\n#{1,6} ")


def find_quoted(text: str) -> Iterator[Pair]:
    """Quotes and line breaks inside a value are part of it."""
    begins = [start.start() for start in _START.finditer(text)]
    for begin, stop in pairwise([*begins, len(text)]):
        sides = _SIDES.match(text, begin, stop)
        if sides is None:
            raise fault_at(text, begin, 'input=... is not followed by its output="..."')
        quote, source, quote_after = sides.groups()
        close = _find_close(text, sides.end(), stop, quote_after)
        if close is None:
            fault = f"output={quote_after}... is not closed by {quote_after} at the end of a line"
            raise fault_at(text, sides.end() - 1, fault)
        output = _unescape(text[sides.end() : close.start()], quote_after)
        yield Pair(begin, close.end(), _unescape(source, quote), output)


def _find_close(text: str, at: int, stop: int, quote: str) -> re.Match[str] | None:
    """The quote that closes the output, up to the end of its line; None if none does.

    Before another pair it is the last at the end of a line, as all between is the output, unless
    prose follows; then, and in the last pair, it is the first before an empty line, a heading or
    the end.
    """
    pattern = re.compile(rf"{quote}(?:[ \t]*[.,;])?[ \t]*(?=\n|\Z)")
    ends = list(pattern.finditer(text, at, stop))
    if not ends:
        return None
    if stop < len(text) and not text[ends[-1].end() : stop].strip():
        return ends[-1]
    for end in ends:
        if _AFTER_LAST.match(text, end.end(), stop):
            return end
    return ends[0]


def _unescape(value: str, quote: str) -> str:
    r"""\" as " where every quote inside is written so; a mixture is left as it stands."""
    escaped = f"\\{quote}"
    if value.count(quote) != value.count(escaped):
        return value
    return value.replace(escaped, quote)
