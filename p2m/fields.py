"""Whether values fit the types of their fields, and the words for it where they do not."""

import dataclasses
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from p2m.components import build, locate
from p2m.errors import ConfigError, nearest

PYDANTIC_KINDS = ("int", "float", "str", "bool", "none", "file-path")  # in the place of an error
WORDS = {int: "a whole number", float: "a number", str: "text"}


def convert(path: str, node: Any, faults: list[str]) -> Any:
    """*node* with each value of its field's type, that of the components inside it too.

    *faults* grows by a line for each setting that is strange, unset or wrong; those are left out.
    """
    if isinstance(node, list):
        return [convert(f"{path}.{i}", item, faults) for i, item in enumerate(node)]
    if not isinstance(node, dict):
        return node
    if "_target_" not in node:
        return _convert_several(path, node, faults)
    target = str(node["_target_"])
    try:
        cls = locate(target)
    except ConfigError as error:
        faults.append(f"{path}: {error}")
        return node
    settings = {key: value for key, value in node.items() if key != "_target_"}
    converted, _ = _convert_dataclass(path, cls, settings, faults)
    return {"_target_": target, **converted}


def _convert_several(path: str, node: dict[str, Any], faults: list[str]) -> dict[str, Any]:
    """Components side by side, each under its own name."""
    converted = {}
    for key, value in node.items():
        if _holds_component(value):
            converted[key] = convert(f"{path}.{key}", value, faults)
        else:
            faults.append(f"{path}.{key}: is no component: it has no _target_")
    return converted


def _convert_dataclass(
    path: str, cls: Any, values: dict[str, Any], faults: list[str]
) -> tuple[dict[str, Any], Any]:
    """The converted values, and what the constructor makes of them: None where one is at fault."""
    converted = convert_fields(f"{path}.", cls, values, faults)
    made = None
    if len(converted) == len(dataclasses.fields(cls)):
        try:
            made = cls(**build(converted))
        except ValueError as error:
            faults.append(f"{path}: {error}")
    return converted, made


def convert_fields(
    prefix: str, cls: type, values: dict[str, Any], faults: list[str]
) -> dict[str, Any]:
    """*values*, each of its field's type; *prefix* stands before the names in *faults*."""
    hints = typing.get_type_hints(cls, include_extras=True)
    names = [field.name for field in dataclasses.fields(cls)]
    for name in sorted(set(values) - set(names)):
        faults += [f"{prefix}{name}: {_describe_unknown(name, cls)}"]
    converted = {}
    for name in names:
        path, before = f"{prefix}{name}", len(faults)
        if name not in values:
            faults.append(
                f"{path}: is not set; every field of {cls.__name__} is written in its yaml"
            )
            continue
        value = _convert_value(path, hints[name], values[name], faults)
        if len(faults) == before:
            converted[name] = value
    return converted


def _describe_unknown(name: str, cls: type) -> str:
    """That *cls* has no such field, which may be meant, also inside others, and which it has."""
    names = [field.name for field in dataclasses.fields(cls)]
    paths = list(_paths(cls))
    meant = nearest(name, names) or nearest(name, [path.rpartition(".")[2] for path in paths])
    hint = ""
    if meant:
        full = next(path for path in paths if f".{path}".endswith(f".{meant}"))
        hint = f" (did you mean '{full}'?)"
    return f"{cls.__name__} has no such field{hint}; it has {', '.join(names) or 'none'}"


def _paths(cls: Any) -> Iterator[str]:
    """The fields of *cls* and then, after a dot, those of the plain dataclasses in them."""
    hints = typing.get_type_hints(cls, include_extras=True)
    names = [field.name for field in dataclasses.fields(cls)]
    yield from names
    for name in names:
        inner = _plain_dataclass(hints[name])
        if inner:
            yield from (f"{name}.{path}" for path in _paths(inner))


def _convert_value(path: str, annotation: Any, value: Any, faults: list[str]) -> Any:
    if value == "???":
        faults.append(f"{path}: needs a value; give {path}=... on the command line")
        return None
    if _holds_component(value):
        return convert(path, value, faults)
    cls = _plain_dataclass(annotation)
    if cls and isinstance(value, dict):
        return _convert_dataclass(path, cls, value, faults)[1]
    if dataclasses.is_dataclass(annotation):
        names = [field.name for field in dataclasses.fields(annotation)]
        faults.append(
            f"{path}: is a group of settings, got {_shorten(value)}; set {path}.{names[0]}=..., or"
            f" another of {', '.join(names)}"
        )
        return None
    return _validate(path, annotation, value, faults)


def _validate(path: str, annotation: Any, value: Any, faults: list[str]) -> Any:
    kinds = _kinds(annotation)
    if isinstance(value, bool) and bool not in kinds and Any not in kinds:  # else True would be 1
        expected = " or ".join(WORDS[kind] for kind in kinds if kind in WORDS)
        faults.append(f"{path}: must be {expected or 'no truth value'}, got {str(value).lower()}")
        return None
    config = None
    if not dataclasses.is_dataclass(annotation):
        config = ConfigDict(arbitrary_types_allowed=True, allow_inf_nan=False)
    try:
        return TypeAdapter(annotation, config=config).validate_python(value)
    except ValidationError as error:
        faults += _describe(path, error)
        return None


def _holds_component(value: Any) -> bool:
    if isinstance(value, dict):
        return "_target_" in value or any(map(_holds_component, value.values()))
    return isinstance(value, list) and any(map(_holds_component, value))


def _kinds(annotation: Any) -> list[Any]:
    """The types that a value may be of: unions and Annotated taken apart."""
    origin, args = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Annotated:
        return _kinds(args[0])
    if origin in (typing.Union, types.UnionType):
        return [kind for arg in args for kind in _kinds(arg)]
    return [annotation]


def _plain_dataclass(annotation: Any) -> Any:
    """The dataclass whose fields a value of this type gives, if there is one."""
    return next((kind for kind in _kinds(annotation) if dataclasses.is_dataclass(kind)), None)


def _describe(path: str, error: ValidationError) -> list[str]:
    """A line for each place that is at fault, with all that a field of several kinds may be."""
    errors = error.errors(include_url=False)
    helpful = [each for each in errors if each["type"] != "none_required"]  # 'must be none' is not
    texts: dict[str, list[str]] = {}
    values: dict[str, Any] = {}
    for each in helpful or errors:
        place = ".".join([path, *_place_inside(each["loc"])])
        text = each["msg"].replace("Input should be", "must be")
        text = text.replace("Path does not point to a", "there is no")
        texts.setdefault(place, []).append(text[:1].lower() + text[1:])
        values[place] = each["input"]
    return [
        f"{place}: {' or '.join(lines)}, got {_shorten(values[place])}"
        for place, lines in texts.items()
    ]


def _place_inside(parts: tuple[int | str, ...]) -> list[str]:
    """Where it is inside the field: less pydantic's names of the kinds that a field may be of."""
    places = []
    for part in map(str, parts):
        is_kind = "[" in part or part.startswith("constrained-") or part in PYDANTIC_KINDS
        if not is_kind:
            places.append(part)
    return places


def _shorten(value: Any) -> str:
    text = repr(str(value) if isinstance(value, Path) else value)
    return text if len(text) <= 80 else text[:77] + "..."
