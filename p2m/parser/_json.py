"""Demonstrations as JSON objects with input and output: one a line, indented, or in a list."""

import json
import re
from collections.abc import Iterator

from p2m.parser._pair import Pair, fault_at, line_of
from p2m.text.examples import example_of
from p2m.text.read import decode_as_written

_OPEN = re.compile(r"(?:^[ \t]*(?:[-*][ \t]+)?(?:\[\s*)?|(?<=[,\[])\s*)(?=\{)", re.MULTILINE)
_AFTER = re.compile(r"(?:\s*\])?[ \t]*,?")
_LIKELY = re.compile(r'\{\s*"input"\s*:')
_PLACEHOLDER = re.compile(r"[<.…\w{]")  # {"input": <text>, ...} only shows a form


def find_json(text: str) -> Iterator[Pair]:
    """Numbers and booleans are taken as they are written, as in a .jsonl file."""
    at = 0
    while opening := _OPEN.search(text, at):
        begin = opening.end()
        at = begin + 1
        try:
            value, end = decode_as_written(text, begin)
        except json.JSONDecodeError as error:
            if _LIKELY.match(text, begin) and not _PLACEHOLDER.match(text, error.pos):
                raise fault_at(text, error.pos, f"broken JSON: {error.msg}") from error
            continue  # braces in prose
        except (ValueError, RecursionError):
            continue
        at = end
        if "input" in value and "output" in value:
            place = f"prompt, line {line_of(text, begin)}"
            example = example_of(value, place, "prompt")
            after = _AFTER.match(text, end)
            at = after.end() if after else end
            yield Pair(opening.start(), at, example.input, example.output)
