"""How an answer is read: JSON out of what a model wrote."""

import math
import re
from collections.abc import Iterator
from typing import Any

MAX_TEXT = 8 << 20  # characters; no answer that was bounded by max_tokens comes near
MAX_DEPTH = 32  # nesting; what p2m asks for is 3 deep
MAX_STARTS = 64  # brackets tried in prose before giving up, so that hostile text costs linear time
MAX_INTEGER = 2**63  # beyond it parquet and most readers overflow

_FENCE = re.compile(r"^[ \t]*```[\w+-]*[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL | re.MULTILINE)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_WORD = re.compile(r"[-+]?([A-Za-z_]+)")
_WORDS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_NOT_FINITE = {"NaN", "Infinity", "nan", "inf"}
_SPACE = re.compile(r"\s*")
_STRINGS = {
    '"': re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL),
    "'": re.compile(r"'((?:[^'\\]++|\\.)*+)'", re.DOTALL),
}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"} | {c: c for c in "/\\\"'"}


class _BrokenError(Exception):
    """No value can be read from here."""


class _RefusedError(Exception):
    """A value that must not be taken: NaN, too deep, a key twice, half a surrogate pair."""


def tolerant_json(text: str, *, verbatim: bool = False) -> Any | None:
    """The JSON object or list that *text* holds, or None.  Never raises.

    Read around: fences, prose, a <think> part, single quotes, Python's literals, trailing commas,
    raw line breaks in strings.  A text cut off in the middle gives what was complete.  Refused:
    NaN, infinities, numbers past 64 bits, nesting past MAX_DEPTH, lone surrogates, duplicate keys.
    verbatim: numbers and truth values are texts as they were written; what is refused is None
    alone, and the rest is taken; objects of the same keys, one after the other, are a list.
    """
    if len(text) > MAX_TEXT or not _is_encodable(text):
        return None
    try:
        return _whole(text, verbatim)
    except _BrokenError:
        pass  # it is not the whole text: it is looked for inside
    except _RefusedError:
        return None
    answer = text.rpartition("</think>")[2]
    try:
        for part in (*_FENCE.findall(answer), answer, text):
            values = list(_values(part, verbatim))
            if values:  # prose may hold small brackets of its own: the longest is meant
                longest = max(values, key=lambda pair: pair[0])[1]
                return _series(longest, values) if verbatim else longest
    except _RefusedError:
        pass
    return None


def _whole(text: str, verbatim: bool) -> Any:
    """The object or list that *text* is, with nothing beside it."""
    reader = _Reader(text, 0, verbatim)
    value = reader.value(MAX_DEPTH)
    if reader.cut or reader.peek() or not isinstance(value, dict | list):
        raise _BrokenError
    return value


def _series(longest: Any, values: list[tuple[int, Any]]) -> Any:
    """All that have the keys of *longest*, where it is an object and not the only one."""
    if not isinstance(longest, dict):
        return longest
    alike = [
        value for _, value in values if isinstance(value, dict) and value.keys() == longest.keys()
    ]
    return alike if len(alike) > 1 else longest


def _values(text: str, verbatim: bool) -> Iterator[tuple[int, Any]]:
    """(span, value) of each object or list in *text* that is not inside another."""
    at = 0
    for _ in range(MAX_STARTS):
        starts = [i for i in (text.find("{", at), text.find("[", at)) if i >= 0]
        if not starts:
            return
        start = min(starts)
        reader = _Reader(text, start, verbatim)
        try:
            value = reader.value(MAX_DEPTH)
        except _BrokenError:
            at = start + 1
            continue
        at = reader.at
        if value:
            yield at - start, value


class _Reader:
    """Reads a value from *at* on.  cut: the text ended inside the value that was read last."""

    def __init__(self, text: str, at: int, verbatim: bool) -> None:
        self.text, self.at, self.cut = text, at, False
        self.verbatim = verbatim

    def value(self, depth: int) -> Any:
        if depth == 0:
            raise _RefusedError("too deep")
        head = self.peek()
        if head == "{":
            return self._object(depth)
        if head == "[":
            return self._list(depth)
        if head in _STRINGS:
            return self._string(head)
        return self._scalar()

    def _object(self, depth: int) -> dict[str, Any] | None:
        self.at += 1
        members: dict[str, Any] = {}
        is_refused = False
        while self.peek() != "}":
            name = self._name()
            if self.cut:
                return members
            if name in members:
                self._refuse("a key twice")
                is_refused = True
            value = self.value(depth - 1)
            if not self.cut or (value and isinstance(value, dict | list)):
                members[name] = value
            if self.cut:
                return members
            self._separate("}")
        self.at += 1
        return None if is_refused else members

    def _name(self) -> str:
        """A member's name, and past its colon; cut if nothing follows."""
        quote = self.peek()
        if not quote:
            self.cut = True
            return ""
        if quote not in _STRINGS:
            raise _BrokenError
        name = self._string(quote) or ""
        if self.peek() not in {":", ""}:
            raise _BrokenError
        self.at += 1
        self.cut = not self.peek()
        return name

    def _list(self, depth: int) -> list[Any]:
        self.at += 1
        items: list[Any] = []
        while self.peek() != "]":
            self.cut = not self.peek()
            if self.cut:
                return items
            item = self.value(depth - 1)
            if self.cut:
                return items
            items.append(item)
            self._separate("]")
        self.at += 1
        return items

    def _refuse(self, what: str) -> None:
        """For what must not be taken; where it is read verbatim, the rest still is."""
        if not self.verbatim:
            raise _RefusedError(what)

    def _string(self, quote: str) -> str | None:
        string = _STRINGS[quote].match(self.text, self.at)
        if string is None:
            self.cut, self.at = True, len(self.text)
            return ""
        self.at = string.end()
        joined = _join_surrogates(_ESCAPE.sub(_unescape, string[1]))
        if joined is None:
            self._refuse("half a surrogate pair")
        return joined

    def _scalar(self) -> Any:
        number = _NUMBER.match(self.text, self.at)
        if number:
            self.at = number.end()
            self.cut = self.at == len(self.text)  # more digits may have followed
            if self.verbatim:
                return number[0]
            return _parse_float(number[0]) if number[1] or number[2] else _parse_int(number[0])
        word = _WORD.match(self.text, self.at)
        if word is None or word[1] not in _WORDS.keys() | _NOT_FINITE:
            raise _BrokenError
        self.at = word.end()
        if word[1] in _NOT_FINITE:
            self._refuse(word[1])
            return None
        value = _WORDS[word[1]]
        return word[1] if self.verbatim and value is not None else value

    def peek(self) -> str:
        """The next character that is no white space, which it leaves; empty at the end."""
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at
        return self.text[self.at : self.at + 1]

    def _separate(self, close: str) -> None:
        """Past a comma, or up to the closing bracket or the end of the text."""
        mark = self.peek()
        if mark == ",":
            self.at += 1
        elif mark not in {close, ""}:
            raise _BrokenError


def _unescape(escape: re.Match[str]) -> str:
    mark = escape[1]
    if len(mark) > 1:
        return chr(int(mark[1:], 16))
    # \d or \alpha: written by one who forgot to double the backslash
    return _ESCAPED.get(mark, escape[0])


def _join_surrogates(text: str) -> str | None:
    """*text* with surrogate pairs from \\u escapes made one character; None for half a pair."""
    if _is_encodable(text):
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return None


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parse_float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _RefusedError("a number too large")
    return number


def _parse_int(digits: str) -> int:
    # 20 characters hold every 64 bit number, and int() of thousands of digits raises
    number = int(digits) if len(digits) <= 20 else MAX_INTEGER
    if not -MAX_INTEGER <= number < MAX_INTEGER:
        raise _RefusedError("a number too large")
    return number
