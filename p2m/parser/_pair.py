"""A demonstration and the part of a prompt that says it."""

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from p2m.errors import InputError

_QUOTES = [(mark, mark) for mark in ('"""', "'''", '"', "`", "'")]
_QUOTES += [("“", "”"), ("„", "“"), ("«", "»"), ("「", "」")]


@dataclass(frozen=True)
class Pair:
    """input and output, and the part of the text, from start to end, that says them.

    Both are empty for a slot: "Input: {text}" and "Output:" at the end, where other tools put the
    input in.
    """

    start: int
    end: int
    input: str
    output: str

    @property
    def is_slot(self) -> bool:
        return not self.input and not self.output


def line_of(text: str, at: int) -> int:
    """The line, from 1, of the first character at *at* or after it that is no white space."""
    while at < len(text) and text[at].isspace():
        at += 1
    return text.count("\n", 0, at) + 1


def fault_at(text: str, at: int, fault: str) -> InputError:
    return InputError(f"prompt, line {line_of(text, at)}: {fault}")


def unquote(pairs: list[Pair]) -> list[Pair]:
    """The pairs without the quotes around their values, where every value has them."""
    slots = [pair for pair in pairs if pair.is_slot]
    full = [pair for pair in pairs if not pair.is_slot]
    for opening, closing in _QUOTES:
        bare = [_strip_quotes(pair, opening, closing) for pair in full]
        if all(pair.input and pair.output for pair in bare):
            return bare + slots
    return pairs


def _strip_quotes(pair: Pair, opening: str, closing: str) -> Pair:
    source, output = (_inside(value, opening, closing) for value in (pair.input, pair.output))
    return replace(pair, input=source, output=output)


def _inside(value: str, opening: str, closing: str) -> str:
    """What stands between the quotes; empty where the whole value does not."""
    inner = value[len(opening) : -len(closing)]
    if value != opening + inner + closing or opening in inner or closing in inner:
        return ""
    return inner.strip("\n") if len(opening) > 1 else inner


def add_apart(pairs: Sequence[Pair], more: Iterable[Pair]) -> list[Pair]:
    """*pairs*, ordered and apart, with those of *more* that overlap none of them, in order."""
    starts = [pair.start for pair in pairs]
    result = list(pairs)
    for pair in more:
        i = bisect.bisect(starts, pair.start)
        before_ends = i == 0 or pairs[i - 1].end <= pair.start
        if before_ends and (i == len(pairs) or pair.end <= pairs[i].start):
            result.append(pair)
    return sorted(result, key=lambda pair: pair.start)
