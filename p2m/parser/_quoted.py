"""Demonstrations as input="..." output="...", on one line or several."""

import re
from collections.abc import Iterator

from p2m.parser._pair import Pair, fault_at
from p2m.parser._words import ITEM

_START = re.compile(
    rf"(?:{ITEM}|(?<=[\"'])(?:[ \t]*,)?[ \t]+)input[ \t]*=[ \t]*([\"'])",
    re.IGNORECASE | re.MULTILINE,
)
_MIDDLE = re.compile(r"([\"'])(?:[ \t]*,)?\s*output[ \t]*=[ \t]*([\"'])", re.IGNORECASE)
_AFTER_LAST = re.compile(r"\s*\Z|\n[ \t]*\n|\n#{1,6} ")


def find_quoted(text: str) -> Iterator[Pair]:
    """Quotes and line breaks inside a value are part of it."""
    starts = list(_START.finditer(text))
    for start, following in zip(starts, [*starts[1:], None], strict=False):
        stop = following.start() if following else len(text)
        quote = start[1]
        middle = _find_middle(text, start.end(), stop, quote)
        if middle is None:
            fault = f"input=... is not followed by its output={quote}...{quote}"
            raise fault_at(text, start.start(), fault)
        close = _find_close(text, middle.end(), stop, middle[2])
        if close is None:
            fault = f"output={middle[2]}... is not closed by {middle[2]} at the end of a line"
            raise fault_at(text, middle.end() - 1, fault)
        yield Pair(
            start.start(),
            close.end(),
            _unescape(text[start.end() : middle.start()], quote),
            _unescape(text[middle.end() : close.start()], middle[2]),
        )


def _find_middle(text: str, at: int, stop: int, quote: str) -> re.Match[str] | None:
    """From the quote that closes the input to the one that opens the output."""
    for middle in _MIDDLE.finditer(text, at, stop):
        if middle[1] == quote:
            return middle
    return None


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
