"""Demonstrations as blocks: "Input:" and, after it, "Output:", with lines or paragraphs each.

The words may be others: Q and A, or the prompt's own.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

from p2m.parser._marks import LIKELY, Marks, marks_of
from p2m.parser._pair import Pair, fault_at, unquote
from p2m.parser._words import COLON, EXAMPLE, PLACEHOLDER, RULE, SERIAL

_EMPTY_LINE = re.compile(r"\n[ \t]*\n")
_FENCED = re.compile(r"\s*(`{3,}+)[^\n`]*\n(.*?)\n?[ \t]{0,8}\1[ \t]*(?:\n|\Z)", re.DOTALL)
_LEAD_IN = re.compile(rf"\n[ \t]*\n[^\n]*{COLON}[ \t]*\Z")
_BLOCK_END = re.compile(
    rf"^(?:#{{1,6}} |{RULE}$|{SERIAL}$|[ \t]*(?:\*\*)?(?:{EXAMPLE})[^\n]{{0,12}}$"
    r"|(?<=\n\n)[ \t]*+(?:\(?\d{1,3}[.)]|#\d{1,3})[ \t]*$"
    r"|[ \t]*</?(?:example|sample|demo)[^\n]{0,20}>[ \t]*$)",
    re.IGNORECASE | re.MULTILINE,
)
_HEADING = re.compile(rf"^(?:#{{1,6}} |\*\*)[^\n]*(?:{EXAMPLE})", re.IGNORECASE | re.MULTILINE)
_ANNOUNCED = re.compile(rf"(?:{EXAMPLE})[^\n]{{0,60}}[\n>]\s*\Z", re.IGNORECASE)
_PLACEHOLDER = re.compile(rf"\s*[\"'`]?{PLACEHOLDER}[\"'`]?\s*")


def find_blocks(text: str) -> list[Pair]:
    """Where some stand under a heading that says examples, only those.

    Above it, "Input: a question" only describes.
    """
    heading = _HEADING.search(text)
    pairs = _first_found(text, heading.start(), True) if heading else []
    if all(pair.is_slot for pair in pairs):
        pairs = _first_found(text, 0, False)
    return unquote(pairs)


def _first_found(text: str, at: int, under_heading: bool) -> list[Pair]:
    """What the first words mark that mark any; else slots, if there are some."""
    slots: list[Pair] = []
    for marks in (*marks_of(text, at), LIKELY):
        blocks = _split(text, max(at, marks.start), marks)
        announced = under_heading or (bool(blocks) and is_announced(text, blocks[0][0].start()))
        pairs = list(_pairs(text, blocks, announced, marks))
        if any(not pair.is_slot for pair in pairs):
            return pairs if announced or len(pairs) > 1 or marks is not LIKELY else slots
        slots = slots or pairs
    return slots


def is_announced(text: str, at: int) -> bool:
    """Whether the line or tag before *at*, blanks aside, says that an example follows."""
    return _ANNOUNCED.search(text, max(0, at - 200), at) is not None


def is_placeholder(text: str) -> bool:
    return _PLACEHOLDER.fullmatch(text) is not None


def _split(text: str, at: int, marks: Marks) -> list[tuple[re.Match[str], int]]:
    """The heading word of each input, and where its block ends."""
    starts = list(marks.input.finditer(text, at))
    stops = [*(start.start() for start in starts[1:]), len(text)]
    return list(zip(starts, stops, strict=False))


def _pairs(
    text: str, blocks: list[tuple[re.Match[str], int]], announced: bool, marks: Marks
) -> Iterator[Pair]:
    long_outputs = False  # whether an output so far holds an empty line
    for start, stop in blocks:
        is_last = stop == len(text)
        output = find_output(text, start.end(), stop, marks)
        one_paragraph = is_last and not (announced and long_outputs)
        pair = _read_pair(text, start, output, stop, one_paragraph, marks)
        long_outputs = long_outputs or bool(_EMPTY_LINE.search(pair.output))
        if output and (pair.output or not is_last):
            yield from _complete(pair, marks)
        elif is_last:
            yield from _open(text, pair, marks, is_marked=output is not None)
        elif marks is not LIKELY:
            raise fault_at(text, start.start(), f"'{start[0].strip()}' has no output after it")


def _read_pair(
    text: str,
    start: re.Match[str],
    output: re.Match[str] | None,
    stop: int,
    one_paragraph: bool,
    marks: Marks,
) -> Pair:
    """As it stands there; all up to *stop* is the input where no output follows."""
    source_begin = start.start() if marks.is_joined else start.end()
    if output is None:
        return Pair(start.start(), stop, _strip_fence(text[source_begin:stop]), "")
    value, end = _read_output(text, output.end(), stop, one_paragraph)
    return Pair(start.start(), end, _strip_fence(text[source_begin : output.start()]), value)


def _complete(pair: Pair, marks: Marks) -> Iterator[Pair]:
    """As it is meant; none where it only shows a form."""
    if marks.is_reversed:
        pair = replace(pair, input=pair.output, output=pair.input)
    if not (is_placeholder(pair.input) and is_placeholder(pair.output)):
        yield pair


def _open(text: str, pair: Pair, marks: Marks, is_marked: bool) -> Iterator[Pair]:
    """A slot, where the last input or output is left open; else it is prose.

    is_marked: the output's heading word stands there.
    """
    is_slot = not pair.input or is_placeholder(pair.input)
    if is_marked and not is_slot:
        if text[pair.end :].strip():
            raise fault_at(text, pair.start, "a demonstration has an empty output")
        is_slot = marks is not LIKELY
    if is_slot:
        yield replace(pair, input="")


def find_output(text: str, at: int, stop: int, marks: Marks) -> re.Match[str] | None:
    output = marks.output.search(text, at, stop)
    if output:
        return output
    line_end = text.find("\n", at, stop)
    return marks.inline.search(text, at, stop if line_end < 0 else line_end)


def _read_output(text: str, at: int, stop: int, one_paragraph: bool) -> tuple[str, int]:
    """The output that begins at *at* and where it ends: a fence, else all up to *stop*.

    one_paragraph: nobody can tell what follows an empty line from prose, so the output ends there.
    """
    fenced = _FENCED.match(text, at, stop)
    if fenced:
        return fenced[2], fenced.end()
    if text.count("```", 0, at) % 2:  # the pair itself stands in a fence
        closing = text.find("```", at, stop)
        stop = stop if closing < 0 else closing
    block_end = _BLOCK_END.search(text, at, stop)
    body = text[at : block_end.start() if block_end else stop]
    value = _LEAD_IN.sub("", body.rstrip()).strip()
    if one_paragraph:
        value = _EMPTY_LINE.split(body.lstrip(), maxsplit=1)[0].strip()
    return value, text.index(value, at) + len(value)


def _strip_fence(value: str) -> str:
    fenced = _FENCED.fullmatch(value.rstrip())
    return fenced[2] if fenced else value.strip()
