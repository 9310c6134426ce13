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
_ANNOUNCED = re.compile(rf"(?:{EXAMPLE})[^\n]{{0,60}}\n\s*\Z", re.IGNORECASE)
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
        first = marks.input.search(text, max(at, marks.start))
        announced = under_heading or (first is not None and is_announced(text, first.start()))
        pairs = list(_blocks(text, max(at, marks.start), announced, marks))
        if any(not pair.is_slot for pair in pairs):
            return pairs if announced or len(pairs) > 1 or marks is not LIKELY else slots
        slots = slots or pairs
    return slots


def is_announced(text: str, at: int) -> bool:
    """Whether the line before *at*, blank ones aside, says that an example follows."""
    return _ANNOUNCED.search(text, max(0, at - 200), at) is not None


def is_placeholder(text: str) -> bool:
    return _PLACEHOLDER.fullmatch(text) is not None


def _blocks(text: str, at: int, announced: bool, marks: Marks) -> Iterator[Pair]:
    inputs = list(marks.input.finditer(text, at))
    long_outputs = False  # whether an output so far holds an empty line
    for start, following in zip(inputs, [*inputs[1:], None], strict=False):
        stop = following.start() if following else len(text)
        output = _find_output(text, start.end(), stop, marks)
        if output is None:
            yield from _without_output(text, start, following is None, marks)
            continue
        one_paragraph = following is None and not (announced and long_outputs)
        value, end = _read_output(text, output.end(), stop, one_paragraph)
        long_outputs = long_outputs or bool(_EMPTY_LINE.search(value))
        source_begin = start.start() if marks.is_joined else start.end()
        source = _strip_fence(text[source_begin : output.start()])
        read = _pair if following or value else _open_pair
        yield from read(text, Pair(start.start(), end, source, value), marks)


def _without_output(text: str, start: re.Match[str], is_last: bool, marks: Marks) -> Iterator[Pair]:
    """At the end, if an input is only a place for one, a slot; else it is prose."""
    rest = text[start.end() :].rstrip() if is_last else ""
    if is_last and (not rest or is_placeholder(rest)):
        yield Pair(start.start(), len(text), "", "")
    elif not is_last and marks is not LIKELY:
        raise fault_at(text, start.start(), f"'{start[0].strip()}' has no output after it")


def _pair(_text: str, pair: Pair, marks: Marks) -> Iterator[Pair]:
    """As it is meant; none where it only shows a form."""
    if is_placeholder(pair.input) and is_placeholder(pair.output):
        return
    if marks.is_reversed:
        pair = replace(pair, input=pair.output, output=pair.input)
    yield pair


def _open_pair(text: str, pair: Pair, marks: Marks) -> Iterator[Pair]:
    """A slot, where the last output is left open for the answer."""
    if is_placeholder(pair.input):
        yield replace(pair, input="")
    elif text[pair.end :].strip():
        raise fault_at(text, pair.start, "a demonstration has an empty output")
    elif marks is not LIKELY:
        yield replace(pair, input="")


def _find_output(text: str, at: int, stop: int, marks: Marks) -> re.Match[str] | None:
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
