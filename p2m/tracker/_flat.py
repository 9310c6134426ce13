"""Nested data as one level of names, for tables and for trackers that know no other."""

import json
from collections.abc import Mapping
from typing import Any


def flat(nested: Mapping[str, Any], join: str, *path: str) -> dict[str, Any]:
    """`{"a": {"b": 1}}` as `{"a.b": 1}` where join is a dot; a list becomes its JSON text."""
    leaves: dict[str, Any] = {}
    for name, value in nested.items():
        names = (*path, str(name))
        if isinstance(value, Mapping):
            leaves |= flat(value, join, *names)
        elif isinstance(value, list | tuple):
            leaves[join.join(names)] = json.dumps(value, ensure_ascii=False)
        else:
            leaves[join.join(names)] = value
    return leaves
