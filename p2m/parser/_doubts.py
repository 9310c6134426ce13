"""What looks like demonstrations and was not read as such: it stays in the instruction, and is told."""

import re
from collections.abc import Iterator, Sequence

from p2m.parser._blocks import is_placeholder
from p2m.parser._marks import IN_OUT, LIKELY, QUESTIONS
from p2m.parser._pair import Pair
from p2m.parser._tables import RULE
from p2m.parser._words import EXAMPLE, INPUT, QUESTION

MOST = 3  # shown; the form of one is that of the others
NEAR = 12  # lines from an input's heading word to that of its output
_EXAMPLE = re.compile(EXAMPLE, re.IGNORECASE)
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]")
_FORMS = (
    RULE,
    re.compile(r"[ \t]*+[\[{][ \t]*+\{?[ \t]*+\"\w+\"[ \t]*:.*\"\w+\"[ \t]*:.*"),  # JSON
    re.compile(
        r".*</?(?:inputs?|outputs?|q|question|answer|labels?|user|assistant|human|text)>.*", re.I
    ),
    re.compile(r".*(?:\[/?INST\]|<\|\w{1,20}\|>).*"),  # a chat in a model's own marks
    re.compile(r"[ \t]*(?:[-*][ \t]+)?(?:input|output|text|question)[ \t]*=.*", re.I),
    re.compile(
        r"[ \t]*\"?(?:input|text|question)\"?[,;\t]\"?(?:output|label|answer)\"?[ \t]*", re.I
    ),
    re.compile(r"[ \t]*[-*][ \t]+\S.*?[ \t](?:-{1,2}>|=>|→|⇒)[ \t]\S.*"),
    re.compile(rf".*(?:{EXAMPLE}).*(?:->|=>|→|⇒).*", re.I),
    re.compile(r".*\binput\b.*[\"“].*\boutput\b.*[\"“].*", re.I),
    re.compile(rf"[ \t]*(?:--|//|#|%)[ \t]*(?:{INPUT}|{QUESTION})[ \t]*:.*", re.I),  # in code
    re.compile(r"[ \t]*[✗✘❌☒✖].*"),
)
# two lines or more that say one thing each of two: cheese = fromage
_LISTED = (
    re.compile(r"[^=\n]*[^=<>!\s][ \t]+=[ \t]+[^=\n]+"),
    re.compile(r"[^\t\n]+\t+[^\t\n]+"),
    re.compile(r"[^\W\d_A-Z][\w' -]{0,30}[:：][ \t]*[^:\n]{1,40}"),
    re.compile(r"[ \t]*\|?[^|\n]*\w[^|\n]*\|[^|\n]*\w[^|\n]*\|?[ \t]*"),
)
_LONGEST = 500  # characters of a line that are looked at
_MARKS = (IN_OUT, *QUESTIONS, LIKELY)


def doubts_in(text: str, pairs: Sequence[Pair]) -> tuple[str, ...]:
    """A line for each place, at most MOST."""
    places: dict[int, str] = {}
    lines = list(_rest(text, pairs))
    places |= _tail(lines, pairs)
    for i, (number, line) in enumerate(lines):
        is_telling = (
            _announces_nothing(lines, i) or _is_form(line) or _begins_a_list(lines[i : i + 2])
        )
        if is_telling or _begins_a_pair([following for _, following in lines[i : i + NEAR]]):
            places[number] = line.strip()
    return tuple(
        f"line {number}, '{line[:60]}', looks like a demonstration and is read as instruction"
        for number, line in list(places.items())[:MOST]
    )


def _tail(lines: Sequence[tuple[int, str]], pairs: Sequence[Pair]) -> dict[int, str]:
    """The paragraph after the last pair, which may be of its output, as earlier ones have several."""
    if not any("\n\n" in pair.output for pair in pairs[:-1]) or "\n\n" in pairs[-1].output:
        return {}
    last = max(i for i, (number, _) in enumerate(lines) if number == 0)
    for number, line in lines[last + 1 :]:
        if line.strip():
            return {} if _HEADING.match(line) else {number: line.strip()}
    return {}


def _rest(text: str, pairs: Sequence[Pair]) -> Iterator[tuple[int, str]]:
    """(number, line) of what is in no pair; an empty line with number 0 where a pair stood."""
    at, number = 0, 1
    for pair in [*pairs, None]:
        part = text[at : pair.start if pair else len(text)]
        for i, line in enumerate(part.split("\n")):
            yield number + i, line
        if pair:
            yield 0, ""
            number += text.count("\n", at, pair.end)
            at = pair.end


def _announces_nothing(lines: Sequence[tuple[int, str]], i: int) -> bool:
    """Whether a line says that examples follow and neither a pair nor nothing does."""
    if not _announces(lines[i][1]):
        return False
    for number, line in lines[i + 1 :]:
        if number == 0 or _announces(line) or _HEADING.match(line):
            return False
        if line.strip() and not line.lstrip().startswith("```"):
            return True
    return False


def _is_form(line: str) -> bool:
    return any(form.fullmatch(line[:_LONGEST]) for form in _FORMS)


def _begins_a_list(lines: Sequence[tuple[int, str]]) -> bool:
    """Whether two lines stand there that part two sides by the same sign."""
    if len(lines) < 2:
        return False
    one, other = (line[:_LONGEST] for _, line in lines)
    return any(form.fullmatch(one) and form.fullmatch(other) for form in _LISTED)


def _announces(line: str) -> bool:
    """Whether it says that examples follow: as a heading, or before a colon at its end."""
    is_lead = bool(_HEADING.match(line)) or line.rstrip("* \t").endswith((":", "："))
    return is_lead and bool(_EXAMPLE.search(line))


def _begins_a_pair(lines: Sequence[str]) -> bool:
    """Whether heading words of an input and, after it, of an output stand there, with values."""
    for marks in _MARKS:
        start = marks.input.match(f"{lines[0]}\n")
        if not start or is_placeholder(lines[0][start.end() :]):
            continue
        if marks.inline.search(lines[0], start.end()):
            return True
        for line in lines[1:]:
            output = marks.output.match(f"{line}\n")
            if output and not is_placeholder(line[output.end() :]):
                return True
    return False
