"""What looks like demonstrations and was not read as such, which the user is told."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from p2m.parser._blocks import find_output
from p2m.parser._marks import IN_OUT, LIKELY, QUESTIONS
from p2m.parser._pair import Pair
from p2m.parser._words import EXAMPLE, INPUT, PLACEHOLDER, QUESTION, TABLE_RULE

MOST = 3  # shown; the form of one is that of the others
_LONGEST = 500  # characters of a line that are looked at
_PAIR = "\0"  # stands for one that was read
_LINES = (
    TABLE_RULE,
    r"[ \t]*+[\[{][ \t]*+\{?[ \t]*+[\"']\w+[\"'][ \t]*:.*[\"']\w+[\"'][ \t]*:.*",  # JSON, Python
    r".*</?(?:inputs?|outputs?|q|question|answer|labels?|user|assistant|human|text)>.*",
    r".*(?:\[/?INST\]|<\|\w{1,20}\|>).*",  # a chat in a model's own marks
    r"[ \t]*(?:[-*][ \t]+)?(?:input|output|text|question)[ \t]*=.*",
    r"[ \t]*\"?(?:input|text|question)\"?[,;\t]\"?(?:output|label|answer)\"?[ \t]*",
    r"[ \t]*[-*][ \t]+\S.*?[ \t](?:-{1,2}>|=>|→|⇒)[ \t]\S.*",
    rf".*(?:{EXAMPLE}).*(?:->|=>|→|⇒).*",
    r".*\binput\b.*[\"“].*\boutput\b.*[\"“].*",
    rf"[ \t]*(?:--|//|#|%)[ \t]*(?:{INPUT}|{QUESTION})[ \t]*:.*",  # in code
    r"[ \t]*[✗✘❌☒✖].*",
)
# two lines or more that say one thing each of two: cheese = fromage
_LISTED = (
    r"[^=\n]*[^=<>!\s][ \t]+=[ \t]+[^=\n]+",
    r"[^\t\n]+\t+[^\t\n]+",
    r"(?-i:[^\W\d_A-Z])[\w' -]{0,30}[:：][ \t]*[^:\n]{1,40}",
    r"[ \t]*\|?[^|\n]*\w[^|\n]*\|[^|\n]*\w[^|\n]*\|?[ \t]*",
)
# a line says that examples follow: as a heading, or before a colon at its end
_HEADING = r"[ \t]*#{1,6}[ \t]"
_ANNOUNCES = rf"(?:{_HEADING}[^\n]*(?:{EXAMPLE})[^\n]*|[^\n]*(?:{EXAMPLE})[^\n]*[:：][* \t]*)"
_AROUND = r"(?:\s*+(?:```.*|<[^>\n]{1,60}>))*+"
_UNKEPT = rf"{_ANNOUNCES}\n{_AROUND}\s*+(?!{_ANNOUNCES}$|{_HEADING}|{_PAIR}|\Z).+"
_FORMS = [re.compile(f"^{form}$", re.I | re.M) for form in (*_LINES, _UNKEPT)]
_FORMS += [re.compile(f"^{form}\n{form}$", re.I | re.M) for form in _LISTED]
_MARKS = (IN_OUT, *QUESTIONS, LIKELY)
_NEAR = re.compile(r"(?:.*\n?){12}")  # lines from an input's heading word to that of its output
_EMPTY = re.compile(rf"[ \t]*+(?:[\"'`]?{PLACEHOLDER}[\"'`]?[ \t]*)$", re.M)
_TAIL = re.compile(rf"{_PAIR}\s*+(?!{_HEADING})(?=\S)")


def doubts_in(text: str, pairs: Sequence[Pair]) -> tuple[str, ...]:
    """A line for each place, at most MOST."""
    rest = _without(text, pairs)
    places = set(islice(_open_pairs(rest), MOST))
    for form in _FORMS:
        places |= {found.start() for found in islice(form.finditer(rest), MOST)}
    if any("\n\n" in pair.output for pair in pairs[:-1]) and "\n\n" not in pairs[-1].output:
        tail = _TAIL.match(rest, rest.rindex(_PAIR))  # it may be of the last output
        places |= {tail.end()} if tail else set()
    lines = rest.split("\n")
    numbers = sorted({rest.count("\n", 0, place) for place in places})[:MOST]
    return tuple(
        f"line {number + 1}, '{lines[number].strip()[:60]}', looks like a demonstration and "
        f"is read as"
        " instruction"
        for number in numbers
    )


def _without(text: str, pairs: Sequence[Pair]) -> str:
    """*text*, each pair replaced by a sign and its line breaks."""
    rest = ""
    at = 0
    for pair in pairs:
        rest += text[at : pair.start] + _PAIR + "\n" * text.count("\n", pair.start, pair.end)
        at = pair.end
    rest += text[at:]
    return "\n".join(line[:_LONGEST] for line in rest.split("\n"))


def _open_pairs(rest: str) -> Iterator[int]:
    """Where heading words of an input and, after it, of an output stand, with values."""
    for marks in _MARKS:
        for start in marks.input.finditer(rest):
            near = _NEAR.match(rest, start.end())
            if near is None or _EMPTY.match(rest, start.end()):
                continue
            output = find_output(rest, start.end(), near.end(), marks)
            if output and not _EMPTY.match(rest, output.end()):
                yield start.start()
