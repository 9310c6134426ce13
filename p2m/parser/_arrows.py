"""Demonstrations as lines with an arrow between input and output: sea otter => loutre de mer."""

import re
from dataclasses import dataclass
from itertools import groupby

from p2m.parser._blocks import is_announced, is_placeholder
from p2m.parser._pair import Pair, unquote
from p2m.parser._words import COLON, EXAMPLE, INPUT, ITEM, OUTPUT

LONGEST = 2000  # characters of a line; an arrow in a longer one is no form of demonstrations

_LINE = re.compile(r"^.*\S.*$", re.MULTILINE)
_ARROW = rf"[ \t]*(?:-{{1,3}}>|={{1,3}}>|→|⇒|⟶|⟹|↦|➔|➜)[ \t]*(?:{OUTPUT}(?!\w){COLON}?[ \t]*)?"
_QUOTED = re.compile(rf"([\"'`])(.*?)\1{_ARROW}([\"'`])(.*)\3[.,]?", re.I)
_SPLIT = re.compile(_ARROW, re.I)
_ITEM = re.compile(
    (
        rf"{ITEM}(?P<lead>(?:e\.g\.|(?:{EXAMPLE})s?[ "
        rf"\t]*\d{{0,4}}{COLON}|{INPUT}(?!\w){COLON}?)[ \t]*)?"
    ),
    re.I,
)
# code, and what only lists which answer belongs to what
_CODE = re.compile(
    r"[ \t]*(?:(?:def|fn|func|function|let|const|var|async|pub)\b|\(|\|).*|.*[{;:][ \t]*"
)
_TELLS = re.compile(r"\b(?:rules?|mappings?|map|formats?|steps?|labels?|categor\w+|legend)\b", re.I)


@dataclass(frozen=True)
class _Line:
    pair: Pair
    is_sure: bool


def find_arrows(text: str) -> list[Pair]:
    """Two lines or more after one another; one where it is announced or both sides are quoted."""
    pairs: list[Pair] = []
    lines = [_read_line(match) for match in _LINE.finditer(text)]
    for _, run in groupby(lines, key=bool):
        group = [line for line in run if line]
        if group and _is_sure(text, group):
            pairs += [line.pair for line in group]
    return unquote(pairs)


def _is_sure(text: str, group: list[_Line]) -> bool:
    if is_announced(text, group[0].pair.start) or all(line.is_sure for line in group):
        return True
    before = text[: group[0].pair.start].rstrip()
    if len(group) < 2 or before.count("```") % 2 or _TELLS.search(before.rpartition("\n")[2]):
        return False
    return not any(_CODE.fullmatch(text, line.pair.start, line.pair.end) for line in group)


def _read_line(match: re.Match[str]) -> _Line | None:
    """The line, if it has one arrow; a pair that only shows a form is a slot."""
    item = _ITEM.match(match[0])
    if item is None or len(match[0]) > LONGEST:
        return None
    body = match[0][item.end() :].strip()
    quoted = _QUOTED.fullmatch(body)
    parts = [quoted[2], quoted[4]] if quoted else _SPLIT.split(body)
    if len(parts) != 2 or not parts[0]:
        return None
    if not parts[1] or all(map(is_placeholder, parts)):
        parts = ["", ""]
    return _Line(Pair(*match.span(), *parts), bool(quoted or item["lead"]))
