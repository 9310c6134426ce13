"""Demonstrations as lines with an arrow between input and output: sea otter => loutre de mer."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from p2m.parser._blocks import is_announced, is_placeholder
from p2m.parser._pair import Pair, unquote
from p2m.parser._words import COLON, EXAMPLE, INPUT, ITEM, OUTPUT

LONGEST = 2000  # characters of a line; an arrow in a longer one is no form of demonstrations

_ARROW = re.compile(r"[ \t]*(?:-{1,3}>|={1,3}>|→|⇒|⟶|⟹|↦|➔|➜)[ \t]*")
_QUOTED = re.compile(rf"([\"'`])(.*?)\1{_ARROW.pattern}([\"'`])(.*)\3[.,]?")
_ITEM = re.compile(
    rf"{ITEM}(?P<lead>(?:e\.g\.|(?:{EXAMPLE})s?[ \t]*\d{{0,4}}{COLON})[ \t]*)?", re.I
)
_SIDES = (
    re.compile(rf"\A{INPUT}{COLON}?[ \t]*", re.I),
    re.compile(rf"\A{OUTPUT}{COLON}?[ \t]*", re.I),
)
# code, and what only lists which answer belongs to what
_CODE = re.compile(
    r"[ \t]*(?:(?:def|fn|func|function|let|const|var|async|pub)\b|\(|\|).*|.*[{;:][ \t]*"
)
_TELLS = re.compile(r"\b(?:rules?|mappings?|map|formats?|steps?|labels?|categor\w+|legend)\b", re.I)


@dataclass(frozen=True)
class _Line:
    start: int
    end: int
    input: str
    output: str
    is_sure: bool


def find_arrows(text: str) -> list[Pair]:
    """Two lines or more after one another; one where it is announced or both sides are quoted."""
    pairs: list[Pair] = []
    for group in _groups(text):
        sure = is_announced(text, group[0].start) or all(line.is_sure for line in group)
        if sure or (len(group) > 1 and not _is_something_else(text, group)):
            pairs += map(_pair, group)
    return unquote(pairs)


def _groups(text: str) -> Iterator[list[_Line]]:
    """Lines with one arrow each, that stand together but for empty ones."""
    group: list[_Line] = []
    for match in re.finditer(r"^.*$", text, re.MULTILINE):
        if not match[0].strip():
            continue
        line = _read_line(match)
        if line:
            group.append(line)
        elif group:
            yield group
            group = []
    if group:
        yield group


def _read_line(match: re.Match[str]) -> _Line | None:
    if len(match[0]) > LONGEST:
        return None
    item = _ITEM.match(match[0])
    assert item is not None  # it matches nothing, too
    body = match[0][item.end() :].strip()
    quoted = _QUOTED.fullmatch(body)
    if quoted:
        return _Line(match.start(), match.end(), quoted[2], quoted[4], True)
    parts = _ARROW.split(body)
    if len(parts) != 2 or not parts[0]:
        return None
    bare = [side.sub("", part, count=1) for side, part in zip(_SIDES, parts, strict=True)]
    is_sure = bool(item["lead"])
    if bare[0] != parts[0] and bare[1] != parts[1]:  # input "a" -> output "b"
        parts, is_sure = bare, True
    return _Line(match.start(), match.end(), parts[0], parts[1], is_sure)


def _is_something_else(text: str, group: list[_Line]) -> bool:
    before = text[: group[0].start].rstrip()
    if before.count("```") % 2 or _TELLS.search(before.rpartition("\n")[2]):
        return True
    return any(_CODE.fullmatch(text[line.start : line.end]) for line in group)


def _pair(line: _Line) -> Pair:
    if not line.output or (is_placeholder(line.input) and is_placeholder(line.output)):
        return Pair(line.start, line.end, "", "")
    return Pair(line.start, line.end, line.input, line.output)
