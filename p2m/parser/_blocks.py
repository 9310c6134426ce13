"""Demonstrations as blocks: "Input:" and, after it, "Output:", with lines or paragraphs each."""

import re
from collections.abc import Iterator

from p2m.parser._pair import Pair, fault_at, unquote
from p2m.parser._words import BLANKS, COLON, EXAMPLE, INPUT, ITEM, OUTPUT

_BOLD = r"(?:\*\*|__)?"
_EMPTY_LINE = re.compile(r"\n[ \t]*\n")
_FENCED = re.compile(r"\s*(`{3,})[^\n`]*\n(.*?)\n?[ \t]*\1[ \t]*(?:\n|\Z)", re.DOTALL)
_LEAD_IN = re.compile(rf"\n[ \t]*\n[^\n]*{COLON}[ \t]*\Z")
_BLOCK_END = re.compile(
    r"^(?:#{1,6} |[-*_=]{3,}[ \t]*$"
    r"|[ \t]*(?:\*\*)?(?:example|beispiel|exemple|ejemplo|例)[^\n]{0,12}$)",
    re.IGNORECASE | re.MULTILINE,
)
_HEADING = re.compile(rf"^(?:#{{1,6}} |\*\*)[^\n]*(?:{EXAMPLE})", re.IGNORECASE | re.MULTILINE)


def _mark(word: str) -> re.Pattern[str]:
    pattern = rf"{ITEM}{_BOLD}{word}(?:[ \t]*\d+)?{_BOLD}{BLANKS}{COLON}{_BOLD}{BLANKS}"
    return re.compile(pattern, re.IGNORECASE | re.MULTILINE)


_INPUT, _OUTPUT = _mark(INPUT), _mark(OUTPUT)


def find_blocks(text: str) -> list[Pair]:
    """Where some stand under a heading that says examples, only those.

    Above it, "Input: a question" only describes.
    """
    heading = _HEADING.search(text)
    if heading:
        pairs = list(_blocks(text, heading.end(), True))
        if pairs:
            return unquote(pairs)
    return unquote(list(_blocks(text, 0, False)))


def _blocks(text: str, at: int, under_heading: bool) -> Iterator[Pair]:
    inputs = list(_INPUT.finditer(text, at))
    long_outputs = False  # whether an output so far holds an empty line
    for start, following in zip(inputs, [*inputs[1:], None], strict=False):
        stop = following.start() if following else len(text)
        output = _OUTPUT.search(text, start.end(), stop)
        if output is None:
            if following:
                raise fault_at(text, start.start(), f"'{start[0].strip()}' has no output after it")
            return  # a slot for the input, or prose
        one_paragraph = following is None and not (under_heading and long_outputs)
        value, end = _read_output(text, output.end(), stop, one_paragraph)
        long_outputs = long_outputs or bool(_EMPTY_LINE.search(value))
        is_slot = following is None and not value
        source = _strip_fence(text[start.end() : output.start()])
        yield Pair(start.start(), end, "" if is_slot else source, value)


def _read_output(text: str, at: int, stop: int, one_paragraph: bool) -> tuple[str, int]:
    """The output that begins at *at* and where it ends: a fence, else all up to *stop*.

    one_paragraph: nobody can tell what follows an empty line from prose, so the output ends there.
    """
    fenced = _FENCED.match(text, at, stop)
    if fenced:
        return fenced[2], fenced.end()
    block_end = _BLOCK_END.search(text, at, stop)
    body = text[at : block_end.start() if block_end else stop]
    value = _LEAD_IN.sub("", body.rstrip()).strip()
    if one_paragraph:
        value = _EMPTY_LINE.split(body.lstrip(), maxsplit=1)[0].strip()
    return value, text.index(value, at) + len(value)


def _strip_fence(value: str) -> str:
    fenced = _FENCED.fullmatch(value.rstrip())
    return fenced[2] if fenced else value.strip()
