"""What a prompt's file says: its text, and demonstrations with the place where each stands."""

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from p2m.artifacts import Example
from p2m.errors import InputError, near
from p2m.prompt._sets import example_of
from p2m.text.read import records_of
from p2m.text.same import contradiction

Placed = tuple[str, Example]  # file:line, demonstration
KEYS = ("instruction", "demonstrations", "labels")
MOST = 200  # demonstrations: all of them go into every request to the teacher, so a training set here would be paid for again and again


@dataclass(frozen=True)
class Written:
    text: str
    demonstrations: list[Placed]


def from_table(path: Path) -> list[Placed]:
    rows = islice(records_of(path), MOST + 1)  # one more than may be is enough to tell
    return [
        (f"{path}:{line}", example_of(record, f"{path}:{line}", "prompt")) for line, record in rows
    ]


def from_yaml(path: Path, text: str) -> Written:
    """A mapping with `instruction` and, if any, `demonstrations` (each with input and output) and `labels`.

    Scalars stay as they are written: `no` is no boolean and 2024-03-16 no date.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise InputError(
            f"{path}:{mark.line + 1 if mark else 1}: broken YAML: {getattr(error, 'problem', None) or error}"
        ) from error
    parts = _mapping(path, root)
    for name, node in parts.items():
        if name not in KEYS:
            raise InputError(
                f"{_at(path, node)}: no such key '{name}'{near(name, KEYS)}; a prompt has {', '.join(KEYS)}"
            )
    if "instruction" not in parts:
        raise InputError(f"{path}: has no key 'instruction'; it has {', '.join(parts) or 'none'}")
    demonstrations = [
        _demonstration(path, node) for node in _items(path, parts.get("demonstrations"))
    ]
    labels = [_scalar(path, node) for node in _items(path, parts.get("labels"))]
    listed = "\n\n## Labels\n\n" + "\n".join(f"- {label}" for label in labels) if labels else ""
    return Written(_scalar(path, parts["instruction"]).strip() + listed, demonstrations)


def agreeing(placed: list[Placed]) -> list[Example]:
    """The demonstrations.  Raises InputError where two give one input different outputs, or where there are too many."""
    if len(placed) > MOST:
        raise InputError(
            f"{placed[MOST][0]}: a prompt has at most {MOST} demonstrations, as all go into each request to the teacher; give a labelled"
            " set as prompt.train=... and keep it under another name than the prompt's"
        )
    if said := contradiction((place, example.input, example.output) for place, example in placed):
        raise InputError(said)
    return [example for _, example in placed]


def _demonstration(path: Path, node: yaml.Node) -> Placed:
    place = _at(path, node)
    fields = {name: _value(path, value) for name, value in _mapping(path, node).items()}
    return place, example_of(fields, place, "prompt")


def _value(path: Path, node: yaml.Node) -> str | list[str]:
    return (
        [_scalar(path, item) for item in node.value]
        if isinstance(node, yaml.SequenceNode)
        else _scalar(path, node)
    )


def _mapping(path: Path, node: yaml.Node | None) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise InputError(
            f"{_at(path, node)}: must be a mapping such as 'instruction: ...', got {_shown(node)}"
        )
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if found.setdefault(_scalar(path, key), value) is not value:
            raise InputError(f"{_at(path, key)}: the key '{key.value}' stands twice")
    return found


def _items(path: Path, node: yaml.Node | None) -> list[yaml.Node]:
    if node is None:
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise InputError(f"{_at(path, node)}: must be a list, one '- ...' each, got {_shown(node)}")
    return list(node.value)


def _scalar(path: Path, node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise InputError(f"{_at(path, node)}: must be text, got {_shown(node)}")
    return str(node.value)


def _shown(node: yaml.Node | None) -> str:
    kinds = {yaml.MappingNode: "a mapping", yaml.SequenceNode: "a list"}
    return "nothing" if node is None else kinds.get(type(node)) or repr(str(node.value)[:60])


def _at(path: Path, node: yaml.Node | None) -> str:
    return f"{path}:{node.start_mark.line + 1 if node else 1}"
