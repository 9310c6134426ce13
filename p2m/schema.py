"""Whether an answer meets the JSON schema that it was asked for."""

import json
from collections.abc import Mapping
from typing import Any

_KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "number": (int, float), "integer": (int,), "null": (type(None),),
}  # fmt: skip


def mismatch(value: Any, schema: Mapping[str, Any]) -> str | None:
    """What first keeps *value* from meeting *schema*, in words; None if it meets it.

    Knows type, enum, properties, required, additionalProperties, items, minItems, maxItems, minLength, maxLength.
    """
    fault = _fault(value, schema)
    return None if fault is None else f"answer{fault}"


def _fault(value: Any, schema: Mapping[str, Any]) -> str | None:
    """The place and what is wrong there.  Thousands of answers a second pass here: no text is made unless there is a fault."""
    kinds = schema.get("type")
    if kinds is not None and not (
        _is(value, kinds) if isinstance(kinds, str) else any(_is(value, kind) for kind in kinds)
    ):
        return f" must be {kinds}, got {_short(value)}"
    if "enum" in schema and value not in schema["enum"]:
        return f" must be one of {schema['enum']}, got {_short(value)}"
    if isinstance(value, str):
        return _length_fault(
            len(value), schema.get("minLength"), schema.get("maxLength"), "characters"
        )
    if isinstance(value, dict):
        return _object_fault(value, schema)
    return _list_fault(value, schema) if isinstance(value, list) else None


def _object_fault(value: dict[str, Any], schema: Mapping[str, Any]) -> str | None:
    known = schema.get("properties", {})
    for name in schema.get("required", ()):
        if name not in value:
            return f" has no '{name}'"
    closed = schema.get("additionalProperties") is False
    for name, inner in value.items():
        if name in known:
            fault = _fault(inner, known[name])
            if fault is not None:
                return f".{name}{fault}"
        elif closed:
            return f" has '{name}', which nobody asked for"
    return None


def _list_fault(value: list[Any], schema: Mapping[str, Any]) -> str | None:
    items = schema.get("items")
    for i, item in enumerate(value if items is not None else ()):
        fault = _fault(item, items or {})
        if fault is not None:
            return f"[{i}]{fault}"
    return _length_fault(len(value), schema.get("minItems"), schema.get("maxItems"), "items")


def _length_fault(n: int, least: int | None, most: int | None, unit: str) -> str | None:
    if least is not None and n < least:
        return f" has {n} {unit}, fewer than {least}"
    return f" has {n} {unit}, more than {most}" if most is not None and n > most else None


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _KINDS.get(kind, ()))


def _short(value: Any) -> str:
    said = json.dumps(value, ensure_ascii=False)
    return said if len(said) <= 60 else said[:57] + "..."
