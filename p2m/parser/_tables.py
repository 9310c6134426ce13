"""Demonstrations as rows of Markdown tables whose head names an input and an output.

Or that are announced as examples.
"""

import re
from collections.abc import Iterator

from p2m.parser._blocks import is_announced
from p2m.parser._pair import Pair, fault_at, unquote
from p2m.parser._words import ANSWER, INPUT, OUTPUT, QUESTION, SOURCE, TARGET

RULE = re.compile(r"^[ \t]*+\|?[ \t]*+:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)+\|?[ \t]*$")
_NO_SEPARATOR = re.compile(r"(`{1,3})[^`\n]*\1|\\\|")  # a bar in code, or escaped, parts no cells


def find_tables(text: str) -> list[Pair]:
    lines = list(re.finditer(r"^.*$", text, re.MULTILINE))
    pairs: list[Pair] = []
    for i in range(1, len(lines)):
        if RULE.match(lines[i][0]):
            pairs += _rows(text, lines[i - 1], lines[i + 1 :])
    return unquote(pairs)


def _rows(text: str, head: re.Match[str], lines: list[re.Match[str]]) -> Iterator[Pair]:
    names = _cells(head[0])
    columns = _find_columns(names, is_announced(text, head.start()))
    if columns is None:
        return
    source, output = columns
    begin = head.start()  # the head goes with the first row
    for line in lines:
        if "|" not in line[0]:
            return
        cells = _cells(line[0])
        if len(cells) != len(names):
            fault = f"the row has {len(cells)} cells where the table's head has {len(names)}"
            raise fault_at(text, line.start(), f"{fault}; write \\| for a bar inside a cell")
        yield Pair(begin, line.end(), cells[source], cells[output])
        begin = line.end()


def _find_columns(names: list[str], announced: bool) -> tuple[int, int] | None:
    """Of the input and the output; of a table that is announced any two, or likely ones."""
    pairs = [(INPUT, OUTPUT), (f"q|{QUESTION}", f"a|{ANSWER}")]
    if announced:
        pairs.append((SOURCE, TARGET))
    for source_word, output_word in pairs:
        source, output = _find(source_word, names), _find(output_word, names)
        if source is not None and output is not None:
            return source, output
    return (0, 1) if announced and len(names) == 2 else None


def _find(word: str, names: list[str]) -> int | None:
    for i, name in enumerate(names):
        if re.fullmatch(word, name.strip("*_ "), re.IGNORECASE):
            return i
    return None


def _cells(line: str) -> list[str]:
    masked = _NO_SEPARATOR.sub(lambda match: match[0].replace("|", "\0"), line.strip())
    cells = masked.removeprefix("|").removesuffix("|").split("|")
    return [
        cell.strip().replace("\\\0", "|").replace("\0", "|").replace("&#124;", "|")
        for cell in cells
    ]
