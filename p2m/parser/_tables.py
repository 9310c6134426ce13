"""Demonstrations as rows of Markdown tables whose head names an input and an output.

Or that are announced as examples.
"""

import re
from collections.abc import Iterator
from itertools import permutations

from p2m.parser._blocks import is_announced
from p2m.parser._pair import Pair, fault_at, unquote
from p2m.parser._words import TABLE_RULE, are_sides

MOST_COLUMNS = 12  # of a head, in which two are looked for
_TABLE = re.compile(rf"^(.*)\n{TABLE_RULE}((?:\n.*\|.*$)*)", re.MULTILINE)
_ROW = re.compile(r".+")
_NO_SEPARATOR = re.compile(r"(`{1,3})[^`\n]*\1|\\\|")  # a bar in code, or escaped, parts no cells


def find_tables(text: str) -> list[Pair]:
    pairs: list[Pair] = []
    for table in _TABLE.finditer(text):
        pairs += _rows(text, table)
    return unquote(pairs)


def _rows(text: str, table: re.Match[str]) -> Iterator[Pair]:
    names = _cells(table[1])
    columns = _find_columns(names, is_announced(text, table.start()))
    if columns is None:
        return
    source, output = columns
    begin = table.start()  # the head goes with the first row
    for row in _ROW.finditer(text, *table.span(2)):
        cells = _cells(row[0])
        if len(cells) != len(names):
            fault = f"the row has {len(cells)} cells where the table's head has {len(names)}"
            raise fault_at(text, row.start(), f"{fault}; write \\| for a bar inside a cell")
        yield Pair(begin, row.end(), cells[source], cells[output])
        begin = row.end()


def _find_columns(names: list[str], announced: bool) -> tuple[int, int] | None:
    """Of the input and the output; of a table that is announced any two, or likely ones."""
    bare = [name.strip("*_ ") for name in names[:MOST_COLUMNS]]
    for source, output in permutations(range(len(bare)), 2):
        if are_sides(bare[source], bare[output], announced):
            return source, output
    return (0, 1) if announced and len(names) == 2 else None


def _cells(line: str) -> list[str]:
    masked = _NO_SEPARATOR.sub(lambda match: match[0].replace("|", "\0"), line.strip())
    cells = masked.removeprefix("|").removesuffix("|").split("|")
    return [
        cell.strip().replace("\\\0", "|").replace("\0", "|").replace("&#124;", "|")
        for cell in cells
    ]
