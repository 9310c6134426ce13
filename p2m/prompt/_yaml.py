"""A prompt in YAML: a mapping with `instruction`, and `demonstrations` and `labels` if any."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml  # type: ignore[import-untyped]

from p2m.artifacts import Example
from p2m.errors import InputError, near
from p2m.text.examples import example_of
from p2m.text.same import normalize_space

KEYS = ("instruction", "demonstrations", "labels")


@dataclass(frozen=True)
class YamlPrompt:
    """demonstrations: each with its file:line."""

    instruction: str
    demonstrations: list[tuple[str, Example]]
    labels: tuple[str, ...]


def parse_yaml(path: Path, text: str) -> YamlPrompt:
    """What the prompt's file *path* says.  Raises InputError with file:line.

    Scalars stay as they are written: `no` is no boolean and 2024-03-16 no date.
    """
    parts = _Node(path, _compose(path, text)).members()
    for name, node in parts.items():
        if name not in KEYS:
            raise InputError(
                f"{node.place}: no such key '{name}'{near(name, KEYS)}; a prompt has"
                f" {', '.join(KEYS)}"
            )
    if "instruction" not in parts:
        raise InputError(f"{path}: has no key 'instruction'; it has {', '.join(parts) or 'none'}")
    demonstrations = []
    if "demonstrations" in parts:
        demonstrations = [_demonstration(node) for node in parts["demonstrations"].items()]
    labels = _labels(parts["labels"]) if "labels" in parts else ()
    return YamlPrompt(parts["instruction"].text().strip(), demonstrations, labels)


def _compose(path: Path, text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except RecursionError as error:
        raise InputError(f"{path}: broken YAML: nested too deep") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or error
        raise InputError(f"{path}:{line}: broken YAML: {problem}") from error


def _demonstration(node: "_Node") -> tuple[str, Example]:
    fields: dict[str, str | list[str]] = {}
    for name, value in node.members().items():
        if isinstance(value.node, yaml.SequenceNode):
            fields[name] = [item.text() for item in value.items()]
        else:
            fields[name] = value.text()
    return node.place, example_of(fields, node.place, "prompt")


def _labels(node: "_Node") -> tuple[str, ...]:
    labels: dict[str, str] = {}
    for item in node.items():
        label = item.text().strip()
        if not label:
            raise InputError(f"{item.place}: a label is empty")
        if normalize_space(label) in labels:
            raise InputError(f"{item.place}: the label '{label}' stands twice")
        labels[normalize_space(label)] = label
    return tuple(labels.values())


@dataclass(frozen=True)
class _Node:
    """A node of the file *path*, which says where it stands when it is not what was wanted."""

    path: Path
    node: yaml.Node | None

    @property
    def place(self) -> str:
        line = self.node.start_mark.line + 1 if self.node else 1
        return f"{self.path}:{line}"

    def members(self) -> dict[str, "_Node"]:
        if not isinstance(self.node, yaml.MappingNode):
            raise self._unlike("must be a mapping such as 'instruction: ...'")
        members: dict[str, _Node] = {}
        for key, value in self.node.value:
            name = _Node(self.path, key)
            if name.text() in members:
                raise InputError(f"{name.place}: the key '{name.text()}' stands twice")
            members[name.text()] = _Node(self.path, value)
        return members

    def items(self) -> Iterator["_Node"]:
        if not isinstance(self.node, yaml.SequenceNode):
            raise self._unlike("must be a list, one '- ...' each")
        for item in self.node.value:
            yield _Node(self.path, item)

    def text(self) -> str:
        if not isinstance(self.node, yaml.ScalarNode):
            raise self._unlike("must be text")
        return str(self.node.value)

    def _unlike(self, wanted: str) -> InputError:
        if self.node is None:
            what = "nothing"
        elif isinstance(self.node, yaml.MappingNode):
            what = "a mapping"
        elif isinstance(self.node, yaml.SequenceNode):
            what = "a list"
        else:
            what = repr(str(self.node.value)[:60])
        return InputError(f"{self.place}: {wanted}, got {what}")
