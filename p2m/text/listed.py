"""Answers that list examples: read one by one, so that a bad one costs itself and no other."""

from collections.abc import Mapping
from typing import Any

from p2m.schema import mismatch
from p2m.text.json_answer import tolerant_json


def list_name(schema: Mapping[str, Any] | None) -> str | None:
    """The one property that *schema* asks for, where that is a list of objects."""
    properties = (schema or {}).get("properties", {})
    for name, inner in properties.items():
        if len(properties) == 1 and inner.get("items", {}).get("type") == "object":
            return str(name)
    return None


def read_items(text: str, schema: Mapping[str, Any]) -> list[Any] | None:
    """What *text* lists, or None where it has no list.

    Numbers and truth values are texts, as they were written.  Names count without their case, and
    what nobody asked for is left out.  The list may stand alone, under another name, or be one
    object only.
    """
    name = str(list_name(schema))
    known = _item_schema(schema, name)["properties"]
    items = _find_list(tolerant_json(text, verbatim=True), name, known)
    return None if items is None else [_rename(item, known) for item in items]


def find_fault(text: str, schema: Mapping[str, Any]) -> str | None:
    """Why nothing in *text* can be used, in words.

    None where it meets *schema*; of a list, where one of its items does, or it is empty.
    """
    name = list_name(schema)
    items = None if name is None else read_items(text, schema)
    if name is None or items is None:
        value = tolerant_json(text)
        return "no JSON in it" if value is None else mismatch(value, schema)
    item_schema = _item_schema(schema, name)
    faults = [mismatch(item, item_schema) for item in items]
    if not faults or None in faults:
        return None
    return str(faults[0]).replace("answer", f"answer.{name}[0]", 1)


def _item_schema(schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    item: Mapping[str, Any] = schema["properties"][name]["items"]
    return item


def _find_list(value: Any, name: str, known: Mapping[str, Any]) -> list[Any] | None:
    if isinstance(value, list):
        return _join_parts(value, name)
    if not isinstance(value, dict):
        return None
    members = _plain_names(value)
    if name not in members and known.keys() <= members.keys():
        return [value]
    lists = [member for member in members.values() if isinstance(member, list)]
    found = members.get(name, lists[0] if len(lists) == 1 else None)
    return found if isinstance(found, list) else None


def _join_parts(items: list[Any], name: str) -> list[Any]:
    """The items, or what they list, where an answer came in several such lists."""
    joined: list[Any] = []
    for item in items:
        part = _plain_names(item).get(name) if isinstance(item, dict) else None
        if not isinstance(part, list):
            return items
        joined += part
    return joined


def _rename(item: Any, known: Mapping[str, Any]) -> Any:
    """An object's members of the names that are known."""
    if not isinstance(item, dict):
        return item
    members = _plain_names(item) | item  # the name itself, where it stands in several cases
    return {name: members[name] for name in known if name in members}


def _plain_names(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name.strip().casefold(): member for name, member in members.items()}
