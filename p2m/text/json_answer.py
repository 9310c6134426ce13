"""How an answer is read: JSON out of what a model wrote."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

MAX_TEXT = 8 << 20  # characters; no answer that was bounded by max_tokens comes near
MAX_DEPTH = 32  # nesting; what p2m asks for is 3 deep
MAX_STARTS = 64  # brackets tried in prose before giving up, so that hostile text costs linear time
MAX_INTEGER = 2**63  # beyond it parquet and most readers overflow

_FENCE = re.compile(r"```[\w+-]*[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORDS = {"true": True, "false": False, "null": None, "True": True, "False": False, "None": None}
_WORD = re.compile(r"[A-Za-z_]+")
_SPACE = re.compile(r"\s*")
_PLAIN = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}
_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "b": "\b",
    "f": "\f",
    "/": "/",
    "\\": "\\",
    '"': '"',
    "'": "'",
}
_HEX = re.compile(r"[0-9a-fA-F]{4}")


class _BrokenError(Exception):
    """No value can be read from here."""


class _RefusedError(Exception):
    """A value is there, and it is one that must not be taken: NaN, too deep, a key twice, half a surrogate pair."""


def tolerant_json(text: str) -> Any | None:
    """The JSON object or list that *text* holds, or None.  Never raises.

    Read around: fences, prose, a <think> part, single quotes, Python's literals, trailing commas, raw line breaks in strings.  A text cut
    off in the middle gives what was complete.  Refused: NaN, infinities, numbers past 64 bits, nesting past MAX_DEPTH, lone surrogates,
    duplicate keys.
    """
    if len(text) > MAX_TEXT or not _encodable(text):
        return None
    try:
        return strict_json(text)
    except _RefusedError:
        return None
    except (ValueError, RecursionError):
        pass
    after = text.rpartition("</think>")[2]
    try:
        return _longest(iter((*(m[1] for m in _FENCE.finditer(after)), after, text)))
    except _RefusedError:
        return None


def strict_json(text: str | bytes) -> Any:
    """*text* as JSON, of an object or a list.  Raises ValueError if it is not JSON or holds what `tolerant_json` refuses."""
    value = json.loads(
        text,
        object_pairs_hook=_unique,
        parse_constant=_no_constant,
        parse_float=_finite,
        parse_int=_bounded,
    )
    if not isinstance(value, dict | list):
        raise ValueError("neither an object nor a list")
    written = text.decode() if isinstance(text, bytes) else text
    if (
        "\\u" in written or written.count("{") + written.count("[") > MAX_DEPTH
    ):  # else there is nothing to find
        _inspect(value, MAX_DEPTH)
    return value


def _longest(parts: Iterator[str]) -> Any | None:
    """The value that spans most text in the first part that has one: prose may hold small brackets of its own."""
    for part in parts:
        found = list(_values(part))
        if found:
            return max(found, key=lambda pair: pair[0])[1]
    return None


def _values(text: str) -> Iterator[tuple[int, Any]]:
    """(span, value) of each object or list in *text* that is not inside another."""
    at = 0
    for _ in range(MAX_STARTS):
        start = min((i for i in (text.find("{", at), text.find("[", at)) if i >= 0), default=-1)
        if start < 0:
            return
        reader = _Reader(text, start)
        try:
            value, _ = reader.value(MAX_DEPTH)
        except _BrokenError:
            at = start + 1
            continue
        at = reader.at
        if value:
            yield at - start, value


class _Reader:
    """Reads a value from *at* on.  Each method gives (value, whole): whole is False if the text ended inside the value."""

    def __init__(self, text: str, at: int) -> None:
        self.text, self.at = text, at

    def value(self, depth: int) -> tuple[Any, bool]:
        if depth == 0:
            raise _RefusedError("too deep")
        head = self._peek()
        if head == "{":
            return self._object(depth)
        if head == "[":
            return self._list(depth)
        return self._string(head) if head in {'"', "'"} else self._scalar()

    def _object(self, depth: int) -> tuple[dict[str, Any], bool]:
        self.at += 1
        found: dict[str, Any] = {}
        while (head := self._peek()) != "}":
            if head not in {'"', "'", ""}:
                raise _BrokenError
            name, whole = self._string(head) if head else ("", False)
            if not whole or not self._take(":", needed=True) or not self._peek():
                return found, False
            value, whole = self.value(depth - 1)
            if name in found:
                raise _RefusedError("a key twice")
            if whole or (value and isinstance(value, dict | list)):
                found[name] = value
            if not whole:
                return found, False
            self._separate("}")
        self.at += 1
        return found, True

    def _list(self, depth: int) -> tuple[list[Any], bool]:
        self.at += 1
        found: list[Any] = []
        while self._peek() != "]":
            if not self._peek():
                return found, False
            value, whole = self.value(depth - 1)
            if not whole:
                return found, False
            found.append(value)
            self._separate("]")
        self.at += 1
        return found, True

    def _string(self, quote: str) -> tuple[str, bool]:
        self.at += 1
        parts = []
        while True:
            run = _PLAIN[quote].match(self.text, self.at)
            assert run is not None  # the pattern also matches nothing
            parts.append(run[0])
            self.at = run.end()
            if self.at >= len(self.text):
                return "", False
            self.at += 1
            if self.text[self.at - 1] == quote:
                return _joined("".join(parts)), True
            if self.at >= len(self.text):
                return "", False
            parts.append(self._escape())

    def _escape(self) -> str:
        mark = self.text[self.at]
        self.at += 1
        if mark != "u":
            return _ESCAPES.get(
                mark, "\\" + mark
            )  # \d or \alpha: written by one who forgot to double the backslash
        digits = _HEX.match(self.text, self.at)
        if digits is None:
            return "\\u"
        self.at = digits.end()
        return chr(int(digits[0], 16))

    def _scalar(self) -> tuple[Any, bool]:
        if number := _NUMBER.match(self.text, self.at):
            self.at = number.end()
            digits = number[0]
            return (_finite if any(c in digits for c in ".eE") else _bounded)(
                digits
            ), self.at < len(self.text)
        word = _WORD.match(self.text, self.at + (self.text[self.at : self.at + 1] in {"-", "+"}))
        if word is None:
            raise _BrokenError
        if word[0] in {"NaN", "Infinity", "nan", "inf"}:
            raise _RefusedError(word[0])
        if word[0] not in _WORDS:
            raise _BrokenError
        self.at = word.end()
        return _WORDS[word[0]], True

    def _peek(self) -> str:
        """The next character that is no white space, which it leaves; empty at the end."""
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at
        return self.text[self.at : self.at + 1]

    def _take(self, mark: str, *, needed: bool = False) -> bool:
        head = self._peek()
        if head == mark:
            self.at += 1
        elif needed and head:
            raise _BrokenError
        return head == mark

    def _separate(self, close: str) -> None:
        if not self._take(",") and self._peek() not in {close, ""}:
            raise _BrokenError


def _joined(text: str) -> str:
    """*text* with surrogate pairs from \\u escapes made one character; half a pair is refused."""
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            raise _RefusedError("half a surrogate pair") from None
    return text


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RefusedError("a key twice")
    return found


def _no_constant(word: str) -> Any:
    raise _RefusedError(word)


def _finite(digits: str) -> float:
    if len(digits) > 400 or not math.isfinite(number := float(digits)):
        raise _RefusedError("a number too large")
    return number


def _bounded(digits: str) -> int:
    if len(digits) > 20 or not -MAX_INTEGER <= (number := int(digits)) < MAX_INTEGER:
        raise _RefusedError("a number too large")
    return number


def _inspect(value: Any, depth: int) -> None:
    if depth == 0:
        raise _RefusedError("too deep")
    if isinstance(value, str):
        _joined(value)
    elif isinstance(value, dict | list):
        for inner in (*value.keys(), *value.values()) if isinstance(value, dict) else value:
            _inspect(inner, depth - 1)
