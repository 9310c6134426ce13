"""A user's examples: columns `input` and `output`, or `outputs` where several count as right.

Or others, which the user names or which are known (see columns.py).
"""

import logging
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from p2m.artifacts import Example
from p2m.errors import InputError, near
from p2m.text.columns import COLUMNS, Layout, find_layout
from p2m.text.read import Record, records_of

LOOKED_AT = 200  # rows; whether Alpaca's instructions differ shows in fewer
_log = logging.getLogger(__name__)


def examples_of(
    path: Path, origin: str, layout: Layout | None = None
) -> Iterator[tuple[str, Example]]:
    """(file:line, example) as it is read.  Raises InputError with the place of the first fault.

    layout: the columns that the user names; None for those that are known.
    """
    records = records_of(path)
    first = list(islice(records, LOOKED_AT))
    if layout is None:
        layout = find_layout([record for _, record in first])
        if layout:
            _log.info("%s: %s", path, layout)
    for line, record in chain(first, records):
        place = f"{path}:{line}"
        yield place, example_of(layout.read(record, place) if layout else record, place, origin)


def example_of(record: Record, place: str, origin: str) -> Example:
    """The example that *record* says.  Raises InputError that begins with *place*."""
    for column in ("input", "output"):
        if column not in record and not (column == "output" and "outputs" in record):
            raise InputError(f"{place}: has no column '{column}'; {_columns(column, record)}")
    accepted = []
    if "output" in record:
        accepted.append(_text(record["output"], "output", place))
    if "outputs" in record:
        accepted += [_text(value, "output", place) for value in _list(record["outputs"], place)]
    output, *others = dict.fromkeys(accepted)
    return Example(_text(record["input"], "input", place), output, origin, tuple(others))


def _columns(missing: str, record: Record) -> str:
    """What columns there are, and which may be the missing one under another name."""
    names = ", ".join(f"'{name}'" for name in record) or "none"
    hint = near(missing, [name for name in record if name not in COLUMNS])
    hint = hint.replace("did you mean", "is it")
    remedy = "; prompt.columns={input: ..., output: ...} names others"
    return f"it has {names}{hint or remedy}"


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise InputError(
            f"{place}: 'outputs' must list the accepted answers, one at least, got"
            f" {str(value)[:60]!r}; a single one goes into 'output'"
        )
    return value


def _text(value: Any, column: str, place: str) -> str:
    if isinstance(value, list | dict):
        hint = "; several accepted answers go into 'outputs'" if column == "output" else ""
        raise InputError(f"{place}: '{column}' must be text, got {str(value)[:60]}{hint}")
    if value is None or not str(value).strip():
        raise InputError(
            f"{place}: '{column}' is empty; give it a text (such as N/A, where there is no answer)"
            " or leave the line out"
        )
    return str(value)
