"""Demonstrations in tags: <input>...</input> <output>...</output>, or other names."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from p2m.parser._blocks import is_announced, is_placeholder
from p2m.parser._pair import Pair
from p2m.parser._words import OUTER, are_sides

_TAG = re.compile(r"<([^\W\d][\w-]{0,40})(?:[ \t][^<>\n]{0,100})?>")
_OUTER = re.compile(OUTER, re.IGNORECASE)
_GAP = re.compile(r"\s*+[,;|]?\s*+(?:->|=>|→)?\s*+")
_LAST_OPEN = re.compile(r"\s*<[\w-]{1,40}>\s*\Z")
_HTML_NAMES = (
    "a abbr b blockquote body br button code dd div dl dt em font footer h1 h2 h3 h4 h5 h6 "
    "head header html i img label li link main meta nav ol option p pre s script section "
    "select small span strong style sub sup table tbody td th thead title tr u ul var"
)
_HTML = frozenset(_HTML_NAMES.split())


@dataclass(frozen=True)
class _Element:
    name: str
    start: int
    end: int
    value: str


def find_tags(text: str) -> Iterator[Pair]:
    elements = list(_elements(text))
    both = _find_both(text, elements)
    for one, other in both:
        if not (is_placeholder(one.value) and is_placeholder(other.value)):
            yield Pair(one.start, other.end, one.value.strip(), other.value.strip())
    last = elements[-1] if both else None
    if last and last.name in {one.name for one, _ in both} and is_placeholder(last.value):
        # the place for an input at the end, with the opening tag of its output
        opened = _LAST_OPEN.match(text, last.end)
        yield Pair(last.start, opened.end() if opened else last.end, "", "")


def _find_both(text: str, elements: list[_Element]) -> list[tuple[_Element, _Element]]:
    """Inputs, each with its output."""
    neighbours = [both for both in pairwise(elements) if _are_together(text, *both)]
    often = Counter((one.name, other.name) for one, other in neighbours)
    found: list[tuple[_Element, _Element]] = []
    for one, other in neighbours:
        is_free = not found or found[-1][1] is not one
        if is_free and _is_pair(text, one, other, often[one.name, other.name] > 1):
            found.append((one, other))
    return found


def _are_together(text: str, one: _Element, other: _Element) -> bool:
    return one.name != other.name and _GAP.fullmatch(text, one.end, other.start) is not None


def _is_pair(text: str, one: _Element, other: _Element, is_repeated: bool) -> bool:
    if are_sides(one.name, other.name, is_repeated or is_announced(text, one.start)):
        return True
    return is_repeated and not {one.name, other.name} <= _HTML


def _elements(text: str) -> Iterator[_Element]:
    """Those that are in no other, in order; an <example> is looked into."""
    at = 0
    while tag := _TAG.search(text, at):
        at = tag.end()
        closing = f"</{tag[1]}>"
        close = text.find(closing, at)
        if close >= 0 and not _OUTER.fullmatch(tag[1]):
            value = text[at:close]
            at = close + len(closing)
            yield _Element(tag[1].casefold(), tag.start(), at, value)
