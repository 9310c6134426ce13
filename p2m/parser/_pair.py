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
    """The pairs without the quotes around their values, where all of a side have them.

    Those of outputs alone may belong to them, as in JSON, and those of one input, and stay.
    """
    source = _quotes_around([pair.input for pair in pairs])
    output = _quotes_around([pair.output for pair in pairs])
    n = sum(not pair.is_slot for pair in pairs)
    if not source or (not output and n == 1):
        return pairs
    unquoted = [replace(pair, input=source.sub(r"\1", pair.input)) for pair in pairs]
    if output:
        unquoted = [replace(pair, output=output.sub(r"\1", pair.output)) for pair in unquoted]
    return unquoted


def _quotes_around(values: list[str]) -> re.Pattern[str] | None:
    """The form of quotes that all the values have, those of slots apart."""
    for quoted in _QUOTED:
        if all(map(quoted.fullmatch, filter(None, values))):
            return quoted
    return None
