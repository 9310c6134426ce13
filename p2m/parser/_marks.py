"""Which heading words mark the inputs and outputs of a prompt: known ones, or its own."""

import itertools
import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from p2m.parser._words import (
    ANSWER,
    BLANKS,
    COLON,
    EXAMPLE,
    INPUT,
    ITEM,
    OUTPUT,
    QUESTION,
    SOURCE,
    TARGET,
    are_sides,
)

MOST_PARTS = 8  # heading words of one demonstration, such as context, question, answer
_BOLD = r"(?:\*{1,3}|_{1,3})?"
_NUMBER = r"(?:[ \t]*(?:#|\(|n[°º]\.?[ \t]?)?\d{1,4}\)?)?"
_OWN = r"(?P<word>[^\W\d_][^\n:：*#|<>{}\[\]\"`.,;!?()=\d]{0,40}?)"
_BEFORE = rf"{ITEM}(?:#{{1,6}}[ \t]+)?{_BOLD}\[?"
_AFTER = rf"\]?{_BOLD}{BLANKS}{COLON}{_BOLD}{BLANKS}"
_HEADS = re.compile(
    rf"{_BEFORE}{_OWN}{_NUMBER}{_AFTER}|^[ \t]*(?:#{{1,6}}[ \t]+{_BOLD}|\*\*|\[)"
    rf"{_OWN.replace('word', 'alone')}{_NUMBER}(?:\*\*|\])?[ \t]*$",
    re.MULTILINE,
)
_EMPTY_LINE = re.compile(r"\n[ \t]*\n")
_EXAMPLE = re.compile(EXAMPLE, re.IGNORECASE)
_THINKS = re.compile(r"reason|thought|think|explanation|rationale|why|begründ|erklär|analys", re.I)


@dataclass(frozen=True)
class Marks:
    """What an input and an output begin with.

    inline: the output's word in the input's line, as in "Input: a Output: b".
    start: where the first one may stand.
    is_reversed: the output stands first.  is_joined: the input's own heading words are part of it.
    """

    input: re.Pattern[str]
    output: re.Pattern[str]
    inline: re.Pattern[str]
    start: int = 0
    is_reversed: bool = False
    is_joined: bool = False


def _make(first: str, last: str, separator: str = COLON, **more: Any) -> Marks:
    inline = re.compile(
        rf"(?:[ \t]*[,;|/][ \t]*|[ \t]*(?:->|=>|→)[ \t]*|[ \t]+)(?:\*\*)?{last}(?:\*\*)?{BLANKS}"
        rf"{COLON}(?:\*\*)?{BLANKS}",
        re.IGNORECASE,
    )
    return Marks(_mark(first, separator), _mark(last, separator), inline, **more)


def _mark(word: str, separator: str) -> re.Pattern[str]:
    """The word before a colon or its like; in brackets; or alone on its line, as a heading."""
    lead = rf"(?:(?:{EXAMPLE}|sample)s?(?:[ \t]*\d{{0,4}}{COLON})?[ \t]+)?"
    named = rf"{lead}{word}(?:[ \t]*(?:text|{EXAMPLE}))?{_NUMBER}"
    bracketed = rf"{ITEM}(?:\[{named}\]|\({named}\)){BLANKS}{COLON}?{BLANKS}"
    with_colon = rf"{_BEFORE}{named}\]?{_BOLD}{BLANKS}{separator}{_BOLD}{BLANKS}"
    alone = (
        rf"^[ \t]*(?:#{{1,6}}[ \t]+{_BOLD}|\*\*|\[)?{named}(?:\*\*|\])?[ \t]*\n(?:[=-]{{3,}}\n)?"
    )
    return re.compile(f"(?:{with_colon}|{bracketed}|{alone})", re.IGNORECASE | re.MULTILINE)


# "Input - a" and "Q. a" are plain where the words are known
_SEPARATOR = r"(?:[:：]|[.)](?=[ \t])|(?<=[ \t])[-–—=](?=[ \t]))"
IN_OUT = _make(INPUT, OUTPUT, _SEPARATOR)
QUESTIONS = (_make("q", "a", _SEPARATOR), _make(QUESTION, ANSWER))
LIKELY = _make(SOURCE, TARGET)  # they mean it only where they are announced
_OPTION = re.compile(r"^[ \t]*b[ \t]*[:.)]", re.IGNORECASE | re.MULTILINE)


def marks_of(text: str, at: int) -> Iterator[Marks]:
    """Those that may mark the demonstrations from *at* on, the surest first."""
    start, words = _cycle(text, at)
    if any(map(_THINKS.search, words)):
        return  # an input, a chain of thought, an answer: nobody knows to which side that belongs
    yield IN_OUT
    own = _of_words(words, start) if words else None
    if own and own.is_joined:  # a context, its question, its answer
        yield own
    if not _OPTION.search(text, at):  # else A: is an option, not an answer
        yield QUESTIONS[0]
    yield QUESTIONS[1]
    if own and not own.is_joined:
        yield own


def _cycle(text: str, at: int) -> tuple[int, list[str]]:
    """The prompt's own words that stand again and again in the same order, and where they begin.

    Of several such, those that say most of the text.
    """
    heads = [head for head in _HEADS.finditer(text, at) if not _EXAMPLE.search(_word(head))]
    words = [_word(head) for head in heads]
    best = max(_repeats(words), default=None, key=lambda repeat: repeat[0])
    if best is None:
        return 0, []
    size, first, n = best
    first += _turn(text, heads[first : first + size], n)
    return heads[first].start(), words[first : first + n]


def _turn(text: str, heads: list[re.Match[str]], n: int) -> int:
    """How many heads stand before the first round: "Mood: good, bad" may list what follows.

    What makes a round stands together, with an empty line between rounds; where none tells, and
    one round is cut, known words of inputs come first.
    """
    words = [_word(head) for head in heads]
    gaps = []
    for head, following in itertools.pairwise(heads):
        gaps.append(bool(_EMPTY_LINE.search(text, head.end(), following.start())))

    def judge(turn: int) -> tuple[float, bool]:
        inner = [gap for i, gap in enumerate(gaps[turn:], 1) if i % n]
        is_likely = are_sides(words[turn], words[(turn + n - 1) % n], likely=True)
        return statistics.fmean(inner), bool(len(heads) % n) and not is_likely

    return min(range(n), key=judge)


def _repeats(words: list[str]) -> Iterator[tuple[int, int, int]]:
    """Words that keep to a round, the first of them, and how many one round has."""
    for n in range(2, MOST_PARTS + 1):
        run = 0
        for i in range(len(words) - n):
            run = run + 1 if words[i] == words[i + n] else 0
            first = i + 1 - run
            if run >= n and len(set(words[first : first + n])) == n:
                yield run + n, first, n


def _word(head: re.Match[str]) -> str:
    return (head["word"] or head["alone"]).strip().casefold()


def _of_words(words: list[str], start: int) -> Marks | None:
    """Of two, the first is the input; of more, all but the last are."""
    first, last = re.escape(words[0]), re.escape(words[-1])
    if len(words) == 2:
        is_reversed = are_sides(words[1], words[0], likely=True)
        return _make(first, last, start=start, is_reversed=is_reversed)
    if re.fullmatch(TARGET, words[0], re.IGNORECASE):
        return None
    return _make(first, last, start=start, is_joined=True)
