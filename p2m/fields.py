"""Whether a value fits the type of its field, and the words for it where it does not."""

import dataclasses
import typing
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

KINDS = ("int", "float", "str", "bool", "none", "file-path")  # as pydantic names them


def typed_fields(
    prefix: str, cls: type, values: dict[str, Any], faults: list[str]
) -> dict[str, Any]:
    """*values* of a dataclass's fields, each of its field's type; *faults* tells, after *prefix*, which are left out and why."""
    hints, typed = typing.get_type_hints(cls, include_extras=True), {}
    for name, value in values.items():
        if isinstance(value, str) and value == "???":
            faults.append(
                f"{prefix}{name}: needs a value; give {prefix}{name}=... on the command line"
            )
            continue
        try:
            if (
                isinstance(value, bool)
                and bool not in typing.get_args(hints[name])
                and hints[name] is not bool
                and hints[name] is not Any
            ):
                raise TypeError(f"must be {_spoken(hints[name])}, got {str(value).lower()}")
            typed[name] = _adapter(hints[name]).validate_python(value)
        except TypeError as error:
            faults.append(f"{prefix}{name}: {error}")
        except ValidationError as error:
            faults += [prefix + line for line in _sentences(name, error)]
    return typed


def _adapter(annotation: Any) -> TypeAdapter[Any]:
    if dataclasses.is_dataclass(annotation):
        return TypeAdapter(annotation)
    return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))


def _place(error: Any) -> list[Any]:
    """Where it is inside the field: less pydantic's names of the kinds that a field may be of."""
    return [
        part
        for part in error["loc"]
        if not (
            isinstance(part, str)
            and ("[" in part or part.startswith("constrained-") or part in KINDS)
        )
    ]


def _telling(error: ValidationError) -> list[Any]:
    """The faults less those of None in an optional field: 'must be none' helps nobody."""
    every = error.errors(include_url=False, include_context=True)
    return [e for e in every if e["type"] != "none_required"] or list(every)


def _sentences(name: str, error: ValidationError) -> list[str]:
    """One for each place that is at fault: what a field of several kinds may be is told together."""
    said: dict[str, list[str]] = {}
    got: dict[str, Any] = {}
    for e in _telling(error):
        place = ".".join([name, *map(str, _place(e))])
        text = (
            e["msg"]
            .replace("Input should be", "must be")
            .replace("Path does not point to a", "there is no")
        )
        said.setdefault(place, []).append(text[:1].lower() + text[1:])
        got.setdefault(place, e["input"])
    return [
        f"{place}: {' or '.join(texts)}, got {_shown(got[place])}" for place, texts in said.items()
    ]


def _shown(value: Any) -> str:
    text = repr(str(value) if isinstance(value, Path) else value)
    return text if len(text) <= 80 else text[:77] + "..."


def _spoken(annotation: Any) -> str:
    plain = str(annotation.__name__ if isinstance(annotation, type) else annotation).replace(
        "typing.", ""
    )
    return {"int": "a whole number", "float": "a number", "str": "text"}.get(
        plain.split("[")[-1].split(",")[0].rstrip("]"), plain
    )
