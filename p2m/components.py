"""What a `_target_` may name, and how a node of settings becomes that component."""

import dataclasses
import importlib
from importlib.metadata import entry_points
from typing import Any

from p2m.errors import ConfigError, near

HOUSE = "p2m"
OUTSIDE = "p2m.components"  # the entry point group in which an installed package names itself


def build(node: Any) -> Any:
    """The component that a checked node describes, and those inside it.

    Constructors only check and store, so this is cheap and safe.
    """
    if isinstance(node, list):
        return [build(item) for item in node]
    if not isinstance(node, dict):
        return node
    values = {key: build(value) for key, value in node.items() if key != "_target_"}
    return locate(node["_target_"])(**values) if "_target_" in node else values


def locate(target: str) -> Any:
    """The dataclass that a _target_ names.

    A _target_ is code, and configs are shared: ConfigError if it is neither of p2m nor of a package
    that declares itself, is not there, or is no dataclass of that very module.
    """
    _refuse_strangers(target)
    name_of_module, _, name = target.rpartition(".")
    try:
        module = importlib.import_module(name_of_module)
    except ModuleNotFoundError as error:
        raise ConfigError(f"_target_ '{target}': {error}") from error
    cls = vars(module).get(name)
    if not _is_component(cls, name_of_module):
        known = [
            name for name, value in vars(module).items() if _is_component(value, name_of_module)
        ]
        raise ConfigError(
            f"_target_ '{target}': {name_of_module} has no component '{name}'{near(name, known)}"
        )
    return cls


def class_of(node: Any) -> Any:
    """The class of a component's node; None for what is none, which is told elsewhere."""
    try:
        return locate(str(node["_target_"])) if "_target_" in node else None
    except ConfigError:
        return None


def _refuse_strangers(target: str) -> None:
    if target.startswith(f"{HOUSE}."):
        return
    packages = [entry.value for entry in entry_points(group=OUTSIDE)]
    if any(target.startswith(f"{package}.") for package in packages):
        return
    known = " or ".join(f"'{package}.'" for package in [HOUSE, *packages])
    raise ConfigError(
        f"_target_ '{target}' is not allowed; it must start with {known}"
        f" (an installed package may declare itself in the entry point group {OUTSIDE})"
    )


def _is_component(value: Any, module: str) -> bool:
    """Whether it is a dataclass of *module* itself: what that imports from elsewhere does not count."""
    return (
        isinstance(value, type) and dataclasses.is_dataclass(value) and value.__module__ == module
    )
