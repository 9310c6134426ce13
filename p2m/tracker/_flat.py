"""Nested data as one level of names, for tables and for trackers that know no other."""

import json
from collections.abc import Iterator, Mapping
from typing import Any


def flat(nested: Mapping[str, Any], join: str, *path: str) -> dict[str, Any]:
    """`{"a": {"b": 1}}` as `{"a.b": 1}` where join is a dot; a list becomes its JSON text."""
    return {join.join(names): value for names, value in _leaves(nested, path)}


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, str(name)))
    else:
        yield (
            path,
            json.dumps(value, ensure_ascii=False) if isinstance(value, list | tuple) else value,
        )
