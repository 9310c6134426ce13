"""Whether an answer meets the JSON schema that it was asked for."""

import json
from collections.abc import Mapping
from typing import Any

_KINDS: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "number": (int, float),
    "integer": int,
    "null": type(None),
}


def mismatch(value: Any, schema: Mapping[str, Any]) -> str | None:
    """What first keeps *value* from meeting *schema*, in words; None if it meets it.

    Knows type, enum, properties, required, additionalProperties, items, and the least and largest
    number of items and of characters.
    """
    fault = _fault(value, schema)
    return None if fault is None else f"answer{fault}"


def _fault(value: Any, schema: Mapping[str, Any]) -> str | None:
    """The place and what is wrong there.

    Thousands of answers a second pass here: no text is made unless there is a fault.
    """
    kinds = schema.get("type")
    if kinds is not None and not _is(value, kinds):
        return f" must be {kinds}, got {_shorten(value)}"
    if "enum" in schema and value not in schema["enum"]:
        return f" must be one of {schema['enum']}, got {_shorten(value)}"
    if isinstance(value, str):
        least, most = schema.get("minLength"), schema.get("maxLength")
        return _length_fault(len(value), least, most, "characters")
    if isinstance(value, dict):
        return _object_fault(value, schema)
    if isinstance(value, list):
        return _list_fault(value, schema)
    return None


def _object_fault(value: dict[str, Any], schema: Mapping[str, Any]) -> str | None:
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            return f" has no '{name}'"
    is_closed = schema.get("additionalProperties") is False
    for name, inner in value.items():
        if name in known:
            fault = _fault(inner, known[name])
            if fault is not None:
                return f".{name}{fault}"
        elif is_closed:
            return f" has '{name}', which nobody asked for"
    return None


def _list_fault(value: list[Any], schema: Mapping[str, Any]) -> str | None:
    items = schema.get("items")
    if items is not None:
        for i, item in enumerate(value):
            fault = _fault(item, items)
            if fault is not None:
                return f"[{i}]{fault}"
    return _length_fault(len(value), schema.get("minItems"), schema.get("maxItems"), "items")


def _length_fault(n: int, least: int | None, most: int | None, unit: str) -> str | None:
    if least is not None and n < least:
        return f" has {n} {unit}, fewer than {least}"
    if most is not None and n > most:
        return f" has {n} {unit}, more than {most}"
    return None


def _is(value: Any, kinds: str | list[str]) -> bool:
    """Whether it is of that kind, or of one of them."""
    if not isinstance(kinds, str):
        return any(_is(value, kind) for kind in kinds)
    if isinstance(value, bool):
        return kinds == "boolean"
    return isinstance(value, _KINDS.get(kinds, ()))


def _shorten(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
