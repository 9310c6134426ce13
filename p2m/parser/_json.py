"""Demonstrations as JSON objects: one a line, indented, or in a list.

With input and output, or with other columns that are known.
"""

import json
import re
from collections.abc import Iterator

from p2m.parser._pair import Pair, fault_at, line_of
from p2m.text.columns import find_layout
from p2m.text.examples import example_of
from p2m.text.read import Record, decode_as_written

_OPEN = re.compile(r"(?:^[ \t]*(?:[-*][ \t]+)?(?:\[\s*)?|(?<=[,\[])\s*)(?=\{)", re.MULTILINE)
_AFTER = re.compile(r"(?:\s*\])?[ \t]*,?")
_LIKELY = re.compile(r'\{\s*"input"\s*:')
_PLACEHOLDER = re.compile(r"[<.…\w{]")  # {"input": <text>, ...} only shows a form


def find_json(text: str) -> Iterator[Pair]:
    """Numbers and booleans are taken as they are written, as in a .jsonl file."""
    at = 0
    while opening := _OPEN.search(text, at):
        begin = opening.end()
        value, at = _decode(text, begin)
        layout = find_layout([value])
        if layout or ("input" in value and "output" in value):
            place = f"prompt, line {line_of(text, begin)}"
            record = layout.read(value, place) if layout else value
            example = example_of(record, place, "prompt")
            after = _AFTER.match(text, at)
            at = after.end() if after else at
            yield Pair(opening.start(), at, example.input, example.output)


def _decode(text: str, begin: int) -> tuple[Record, int]:
    """The object that begins there and its end; an empty one for braces in prose."""
    try:
        return decode_as_written(text, begin)
    except json.JSONDecodeError as error:
        if _LIKELY.match(text, begin) and not _PLACEHOLDER.match(text, error.pos):
            raise fault_at(text, error.pos, f"broken JSON: {error.msg}") from error
    except (ValueError, RecursionError):
        pass
    return {}, begin + 1
