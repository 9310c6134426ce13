"""A demonstration and the part of a prompt that says it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from p2m.errors import InputError


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
    blank = len(text[at:]) - len(text[at:].lstrip())
    return text.count("\n", 0, at + blank) + 1


def fault_at(text: str, at: int, fault: str) -> InputError:
    return InputError(f"prompt, line {line_of(text, at)}: {fault}")


def unquote(pairs: list[Pair]) -> list[Pair]:
    """The pairs without the quotes around their values, where every value has them."""
    full = [pair for pair in pairs if not pair.is_slot]
    for mark in ('"', "`"):
        if full and all(_is_quoted(v, mark) for pair in full for v in (pair.input, pair.output)):
            return [replace(p, input=p.input[1:-1], output=p.output[1:-1]) for p in pairs]
    return pairs


def _is_quoted(value: str, mark: str) -> bool:
    return len(value) > 2 and value[0] == value[-1] == mark and mark not in value[1:-1]


def overlaps(pair: Pair, others: Iterable[Pair]) -> bool:
    return any(pair.start < other.end and other.start < pair.end for other in others)
