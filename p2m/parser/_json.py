"""Demonstrations as JSON objects: one a line, indented, or in a list.

With input and output, or with other columns that are known.
"""

import json
import re
from collections.abc import Iterator

from p2m.artifacts import Example
from p2m.parser._pair import Pair, fault_at, line_of
from p2m.text.columns import find_layout
from p2m.text.examples import example_of
from p2m.text.read import Record, decode_as_written

_LIST = r'(?:\{\s*"(?:examples|demonstrations|shots)"\s*:\s*)?\[\s*'
_OPEN = re.compile(rf"(?:^[ \t]*(?:[-*][ \t]+)?(?:{_LIST})?|(?<=[,\[])\s*)(?=\{{)", re.MULTILINE)
_AFTER = re.compile(r"(?:\s*\](?:\s*\})?)?[ \t]*,?")
_LIKELY = re.compile(r'\{\s*"input"\s*:')
_PLACEHOLDER = re.compile(r"[<.…\w{]")  # {"input": <text>, ...} only shows a form


def find_json(text: str) -> Iterator[Pair]:
    """Numbers and booleans are taken as they are written, as in a .jsonl file."""
    at = 0
    while opening := _OPEN.search(text, at):
        begin = opening.end()
        value, end = _decode(text, begin)
        example = _example(value, f"prompt, line {line_of(text, begin)}")
        at = begin + 1  # an object that holds examples is looked into
        if example:
            after = _AFTER.match(text, end)
            at = after.end() if after else end
            yield Pair(opening.start(), at, example.input, example.output)


def _example(value: Record, place: str) -> Example | None:
    layout = find_layout([value])
    if layout:
        return example_of(layout.read(value, place), place, "prompt")
    if "input" in value and "output" in value:
        return example_of(value, place, "prompt")
    return None


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
