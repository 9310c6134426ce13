"""Demonstrations in tags: <input>...</input> <output>...</output>, or others of the prompt's own."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from p2m.parser._blocks import is_announced, is_placeholder
from p2m.parser._pair import Pair
from p2m.parser._words import ANSWER, EXAMPLE, INPUT, OUTPUT, QUESTION, SOURCE, TARGET

_TAG = re.compile(r"<(/?)([^\W\d][\w-]{0,40})(?:[ \t][^<>\n]{0,100})?>")
_GAP = re.compile(r"\s*+[,;|]?\s*+(?:->|=>|→)?\s*+")
_HTML_NAMES = (
    "a abbr b blockquote body br button code dd div dl dt em font footer h1 h2 h3 h4 h5 h6 "
    "head header html i img label li link main meta nav ol option p pre s script section "
    "select small span strong style sub sup table tbody td th thead title tr u ul var"
)
_HTML = frozenset(_HTML_NAMES.split())
_OUTER = rf"(?:{EXAMPLE}|sample|demo|shot|item|pair)s?\d{{0,4}}"
_OPEN = re.compile(rf"<{_OUTER}(?:[ \t][^<>\n]{{0,100}})?>\s*\Z", re.IGNORECASE)
_CLOSE = re.compile(rf"\s*</{_OUTER}>", re.IGNORECASE)
_KNOWN = (
    (re.compile(INPUT, re.I), re.compile(OUTPUT, re.I), True),
    (re.compile(f"q|{QUESTION}", re.I), re.compile(f"a|{ANSWER}", re.I), True),
    (re.compile(SOURCE, re.I), re.compile(TARGET, re.I), False),
)
_LAST_OPEN = re.compile(r"\s*<[\w-]{1,40}>\s*\Z")
_EXAMPLE = re.compile(_OUTER, re.IGNORECASE)


@dataclass(frozen=True)
class _Element:
    name: str
    start: int
    end: int
    value: str


def find_tags(text: str) -> Iterator[Pair]:
    elements = list(_elements(text))
    neighbours = [both for both in pairwise(elements) if _are_together(text, *both)]
    often = Counter((one.name, other.name) for one, other in neighbours)
    taken = 0
    inputs = set()
    for one, other in neighbours:
        if one.start >= taken and _is_pair(text, one, other, often):
            taken = other.end
            inputs.add(one.name)
            yield from _pair(text, one, other)
    for element in elements:
        if element.name in inputs and element.start >= taken:
            yield from _slot(text, element)


def _slot(text: str, element: _Element) -> Iterator[Pair]:
    """The place for an input at the end, with the opening tag of its output."""
    if is_placeholder(element.value):
        opened = _LAST_OPEN.match(text, element.end)
        yield Pair(element.start, opened.end() if opened else element.end, "", "")


def _are_together(text: str, one: _Element, other: _Element) -> bool:
    return one.name != other.name and _GAP.fullmatch(text, one.end, other.start) is not None


def _is_pair(text: str, one: _Element, other: _Element, often: Counter[tuple[str, str]]) -> bool:
    is_repeated = often[one.name, other.name] > 1
    for source, target, is_sure in _KNOWN:
        if source.fullmatch(one.name) and target.fullmatch(other.name):
            within = _OPEN.search(text, max(0, one.start - 200), one.start)
            return is_sure or is_repeated or bool(within) or is_announced(text, one.start)
    return is_repeated and not {one.name, other.name} <= _HTML


def _pair(text: str, one: _Element, other: _Element) -> Iterator[Pair]:
    """With the tag around both, if there is one; none where it only shows a form."""
    if is_placeholder(one.value) and is_placeholder(other.value):
        return
    start, end = one.start, other.end
    opened = _OPEN.search(text, max(0, start - 200), start)
    closed = _CLOSE.match(text, end)
    if opened and closed:
        start, end = opened.start(), closed.end()
    yield Pair(start, end, one.value.strip(), other.value.strip())


def _elements(text: str) -> Iterator[_Element]:
    """Those that are in no other, in order; an <example> is looked into."""
    closings: dict[str, list[re.Match[str]]] = defaultdict(list)
    tags = list(_TAG.finditer(text))
    for tag in reversed(tags):
        if tag[1]:
            closings[tag[2].casefold()].append(tag)
    at = 0
    for tag in tags:
        name = tag[2].casefold()
        if tag[1] or tag.start() < at or _EXAMPLE.fullmatch(name):
            continue
        same = closings[name]
        while same and same[-1].start() < tag.end():
            same.pop()
        if same:
            at = same[-1].end()
            yield _Element(name, tag.start(), at, text[tag.end() : same[-1].start()])
