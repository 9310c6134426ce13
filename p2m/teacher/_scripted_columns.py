"""Which columns of a data set serve a bundled task, by their values: the scripted teacher's judgement."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

FIT = 0.8  # share of values that must look right: data sets have a few bad cells
TEXT_LIMIT = 400  # characters; a longer mean is a document, not a message
_MOMENT = re.compile(r"([+-]\d+d|\d{4}-\d\d-\d\d)(T\d\d:\d\d)?|[+-]\d+[my]|\d{4}-\d\d|\d{4}|N/A")
_DAY = re.compile(r"([+-]\d+d|\d{4}-\d\d-\d\d)(T\d\d:\d\d)?")
_BRACKETED = re.compile(r"\[\d{4}-\d\d-\d\d( \w{3})?\] ?\S.*", re.DOTALL)
_REFERENCE = re.compile(r"\[\d{4}-\d\d-\d\d( \w{3})?\]")
UNFIT: dict[str, Any] = {"input": [], "output": ""}


def columns_of(
    task: str, records: Sequence[Mapping[str, Any]], labels: Sequence[str]
) -> dict[str, Any]:
    """{"input": [names], "output": name} for the rows shown, empty where none fit.  Rows are the last run of objects with the same keys."""
    rows = _last_table(records)
    columns = {str(name): [str(row[name]) for row in rows] for name in (rows[0] if rows else {})}
    found = _dates(columns) if task == "dates" else _labelled(columns, labels)
    return found or UNFIT


def _last_table(records: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [record for record in records if set(record) == set(records[-1])]


def _share(values: Sequence[str], fits: Callable[[str], object]) -> float:
    return sum(bool(fits(value.strip())) for value in values) / max(len(values), 1)


def _dates(columns: Mapping[str, list[str]]) -> dict[str, Any] | None:
    """The moment that the text means, and the text with its reference date in brackets or in a column beside it."""
    bracketed = [
        name for name, values in columns.items() if _share(values, _BRACKETED.fullmatch) >= FIT
    ]
    moments = [
        name
        for name, values in columns.items()
        if _share(values, _MOMENT.fullmatch) >= FIT and _share(values, _DAY.fullmatch) >= FIT / 2
    ]
    outputs = sorted(
        moments,
        key=lambda name: (
            -_share(columns[name], lambda value: not re.fullmatch(r"\d{4}-\d\d-\d\d", value))
        ),
    )
    if bracketed and outputs:
        return {"input": bracketed[:1], "output": outputs[0]}
    references = [
        name for name, values in columns.items() if _share(values, _REFERENCE.fullmatch) >= FIT
    ]
    others = [name for name in columns if name not in {*references, *moments}]
    texts = [
        name
        for name in others
        if _share(columns[name], lambda value: re.search("[a-z]{3}", value.lower())) >= FIT
    ]
    return (
        {"input": [references[0], texts[0]], "output": outputs[0]}
        if references and texts and outputs
        else None
    )


def _labelled(columns: Mapping[str, list[str]], labels: Sequence[str]) -> dict[str, Any] | None:
    """A column that holds these very labels, and the text beside it: a subject and a body, or the longest."""
    outputs = [
        name
        for name, values in columns.items()
        if _share(values, lambda value: value in labels) >= FIT
    ]
    lengths = {
        name: sum(map(len, values)) / len(values)
        for name, values in columns.items()
        if name not in outputs
    }
    if not outputs or not lengths or not 8 <= max(lengths.values()) <= TEXT_LIMIT:
        return None
    longest = max(lengths, key=lambda name: lengths[name])
    subject = [name for name in lengths if name.lower() in {"subject", "title"} and name != longest]
    return {"input": [*subject, longest], "output": outputs[0]}
