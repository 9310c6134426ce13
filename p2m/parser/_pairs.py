"""Demonstrations in a prompt's text: quoted pairs, Input:/Output: blocks, JSON lines and tables, each with its place."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from p2m.errors import InputError

_IN = r"(?:inputs?|eingabe|entrée|entrada|ingresso|入力|输入|輸入)"
_OUT = r"(?:outputs?|expected output|ausgabe|sortie|salida|saída|uscita|出力|输出|輸出)"
_ITEM = r"^[ \t]*(?:(?:[-*>]|\d+[.)])[ \t]*)?"
_START = re.compile(
    rf"(?:{_ITEM}|(?<=[\"'])(?:[ \t]*,)?[ \t]+)input[ \t]*=[ \t]*([\"'])",
    re.IGNORECASE | re.MULTILINE,
)
_MIDDLE = re.compile(r"([\"'])(?:[ \t]*,)?\s*output[ \t]*=[ \t]*([\"'])", re.IGNORECASE)
_BOLD = r"(?:\*\*|__)?"
_INPUT = re.compile(
    rf"{_ITEM}{_BOLD}{_IN}(?:[ \t]*\d+)?{_BOLD}[ \t]*[:：]{_BOLD}[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
_OUTPUT = re.compile(
    rf"{_ITEM}{_BOLD}{_OUT}(?:[ \t]*\d+)?{_BOLD}[ \t]*[:：]{_BOLD}[ \t]*",
    re.IGNORECASE | re.MULTILINE,
)
_BLOCK_END = re.compile(
    r"^(?:#{1,6} |[-*_=]{3,}[ \t]*$|[ \t]*(?:\*\*)?(?:example|beispiel|exemple|ejemplo|例)[^\n]{0,12}$)",
    re.IGNORECASE | re.MULTILINE,
)
_EXAMPLES = re.compile(
    r"^(?:#{1,6} |\*\*)[^\n]*(?:example|demonstration|beispiel|exemple|ejemplo|esempi|例)",
    re.IGNORECASE | re.MULTILINE,
)
_FENCED = re.compile(r"\s*(`{3,})[^\n`]*\n(.*?)\n?[ \t]*\1[ \t]*(?:\n|\Z)", re.DOTALL)
_LEAD_IN = re.compile(r"\n[ \t]*\n[^\n]*[:：][ \t]*\Z")
_RULE = re.compile(r"^[ \t]*\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)+\|?[ \t]*$")
_BAR = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class Pair:
    """input and output, and the part of the text, from start to end, that says them.

    Both are empty for a slot: "Input: {text}" and "Output:" at the end, where other tools put the input in.
    """

    start: int
    end: int
    input: str
    output: str


def pairs_in(text: str) -> list[Pair]:
    """Every demonstration in the order of the text.  Raises InputError with the line of an input that has no output."""
    found: list[Pair] = []
    for form in (_quoted, _json_lines, _tables, _blocks):
        found += [
            p
            for p in form(text)
            if not any(p.start < other.end and other.start < p.end for other in found)
        ]
    found.sort(key=lambda pair: pair.start)
    for pair in found:
        if (pair.input or pair.output) and not (pair.input.strip() and pair.output.strip()):
            empty = "output" if pair.input.strip() else "input"
            raise InputError(
                f"prompt, line {line_of(text, pair.start)}: a demonstration has an empty {empty}"
            )
    return found


def line_of(text: str, at: int) -> int:
    """The line, from 1, on which the first character that is no white space stands, at *at* or after it."""
    return text.count("\n", 0, at + len(text[at:]) - len(text[at:].lstrip())) + 1


def _quoted(text: str) -> Iterator[Pair]:
    """input="..." output="...", on one line or several; quotes and line breaks inside a value are part of it."""
    starts = list(_START.finditer(text))
    for i, start in enumerate(starts):
        last = i + 1 == len(starts)
        block = text[: len(text) if last else starts[i + 1].start()]
        middle = next((m for m in _MIDDLE.finditer(block, start.end()) if m[1] == start[1]), None)
        if middle is None:
            place = line_of(text, start.start())
            raise InputError(
                f"prompt, line {place}: input=... is not followed by its output={start[1]}...{start[1]}"
            )
        close, end = _closing(block, middle.end(), middle[2], last)
        if close < 0:
            place = line_of(text, middle.end() - 1)
            raise InputError(
                f"prompt, line {place}: output={middle[2]}... is not closed by {middle[2]} at the end of a line"
            )
        values = (
            _unescaped(text[start.end() : middle.start()], start[1]),
            _unescaped(text[middle.end() : close], middle[2]),
        )
        yield Pair(start.start(), end, *values)


def _closing(block: str, at: int, quote: str, last: bool) -> tuple[int, int]:
    """(place of the quote that closes the output, end of the pair); -1 if none does.

    A quote at the end of a line may close it.  Before another pair the last one does, as all between is the output, unless prose follows;
    then, and in the last pair, it is the first that an empty line, a heading or the end follows.
    """
    ends = [
        (m.start(), m.end())
        for m in re.finditer(rf"{quote}(?:[ \t]*[.,;])?[ \t]*(?=\n|\Z)", block[at:])
    ]
    if not ends:
        return -1, -1
    settled = [e for e in ends if re.match(r"\s*\Z|\n[ \t]*\n|\n#{1,6} ", block[at + e[1] :])]
    whole = not last and not block[at + ends[-1][1] :].strip()
    close, end = ends[-1] if whole else (settled or ends)[0]
    return at + close, at + end


def _unescaped(value: str, quote: str) -> str:
    r"""\" as " where every quote inside is written so; a mixture is left as it stands."""
    inside = value.count(quote)
    return (
        value.replace(f"\\{quote}", quote)
        if inside and inside == value.count(f"\\{quote}")
        else value
    )


def _blocks(text: str) -> Iterator[Pair]:
    inputs = list(_INPUT.finditer(text))
    found = []
    for i, start in enumerate(inputs):
        stop = inputs[i + 1].start() if i + 1 < len(inputs) else len(text)
        if output := _OUTPUT.search(text, start.end(), stop):
            last = i + 1 == len(inputs)
            value, end = _value(text, output.end(), stop, last)
            slot = last and not value
            found.append(
                Pair(
                    start.start(),
                    end,
                    "" if slot else _unfenced(text[start.end() : output.start()]),
                    value,
                )
            )
    yield from _unquoted(_exampled(text, found))


def _value(text: str, at: int, stop: int, last: bool) -> tuple[str, int]:
    """The output that begins at *at* and where it ends: a fence, else all up to the next input; in the last block up to an empty line."""
    if fenced := _FENCED.match(text, at, stop):
        return fenced[2], fenced.end()
    if end := _BLOCK_END.search(text, at, stop):
        stop = end.start()
    body = text[at:stop]
    body = (
        re.split(r"\n[ \t]*\n", body.lstrip(), maxsplit=1)[0]
        if last
        else _LEAD_IN.sub("", body.rstrip())
    )
    return body.strip(), text.index(body.strip(), at) + len(body.strip())


def _unfenced(value: str) -> str:
    fenced = _FENCED.fullmatch(value.rstrip())
    return fenced[2] if fenced else value.strip()


def _exampled(text: str, found: list[Pair]) -> list[Pair]:
    """Those under a heading that says examples, where some stand there: above it, "Input: a question" only describes."""
    heading = _EXAMPLES.search(text)
    under = [p for p in found if heading and p.start > heading.start()]
    return under or found


def _unquoted(found: list[Pair]) -> Iterator[Pair]:
    """Values without the quotes around them, where every value has them."""
    values = [v for p in found if p.input for v in (p.input, p.output)]
    for mark in ('"', "`"):
        if values and all(
            len(v) > 2 and v[0] == v[-1] == mark and mark not in v[1:-1] for v in values
        ):
            yield from (
                Pair(p.start, p.end, p.input[1:-1], p.output[1:-1]) for p in found
            )  # a slot's emptiness stays
            return
    yield from found


def _json_lines(text: str) -> Iterator[Pair]:
    for line in re.finditer(r"^[ \t]*(?:[-*][ \t]+)?(\{.*\}),?[ \t]*$", text, re.MULTILINE):
        try:
            value = json.loads(line[1])
        except (ValueError, RecursionError):
            continue  # braces in prose
        if isinstance(value.get("input"), str) and isinstance(value.get("output"), str):
            yield Pair(line.start(), line.end(), value["input"], value["output"])


def _tables(text: str) -> Iterator[Pair]:
    """Rows of tables whose head names an input and an output."""
    lines = [(m.start(), m.end(), m[0]) for m in re.finditer(r"^.*$", text, re.MULTILINE)]
    found: list[Pair] = []
    for i in range(1, len(lines)):
        if _RULE.match(lines[i][2]):
            found += _table(lines, i)
    yield from _unquoted(found)


def _table(lines: list[tuple[int, int, str]], rule: int) -> Iterator[Pair]:
    names = _cells(lines[rule - 1][2])
    i, o = (
        next(
            (
                n
                for n, name in enumerate(names)
                if re.fullmatch(word, name.strip("*_ "), re.IGNORECASE)
            ),
            -1,
        )
        for word in (_IN, _OUT)
    )
    if i < 0 or o < 0:
        return
    begin = lines[rule - 1][0]  # the head goes with the first row
    for start, end, line in lines[rule + 1 :]:
        cells = _cells(line)
        if "|" not in line or len(cells) <= max(i, o):
            return
        yield Pair(min(begin, start), end, cells[i], cells[o])
        begin = start + len(line)


def _cells(line: str) -> list[str]:
    line = line.strip().removeprefix("|")
    line = line[:-1] if line.endswith("|") and not line.endswith("\\|") else line
    return [cell.strip().replace("\\|", "|") for cell in _BAR.split(line)]
