"""A demonstration and the part of a prompt that says it."""

import re
from dataclasses import dataclass, replace

from p2m.errors import InputError

_QUOTED = [
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r'"""\n*((?:(?!""").)+?)\n*"""',
        r"'''\n*((?:(?!''').)+?)\n*'''",
        r'"([^"]+)"',
        r"`([^`]+)`",
        r"'([^']+)'",
        r"“([^“”]+)”",
        r"„([^„“]+)“",
        r"«([^«»]+)»",
        r"「([^「」]+)」",
    )
]


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
    values = [value for pair in pairs if not pair.is_slot for value in (pair.input, pair.output)]
    for quoted in _QUOTED:
        if all(map(quoted.fullmatch, values)):
            return [
                replace(p, input=quoted.sub(r"\1", p.input), output=quoted.sub(r"\1", p.output))
                for p in pairs
            ]
    return pairs
