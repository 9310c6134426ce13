"""What a `_target_` may name, how a node becomes that component, and what decides its result."""

import dataclasses
import hashlib
import importlib
import json
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from p2m import disk
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


def describe(component: Any) -> dict[str, Any]:
    """The node that `build` makes this component from, in another process too."""
    settings = {
        field.name: getattr(component, field.name) for field in dataclasses.fields(component)
    }
    cls = type(component)
    return {"_target_": f"{cls.__module__}.{cls.__qualname__}", **settings}


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


def identity(node: Any) -> str:
    """A component's settings, those that decide its result, as twelve hex digits."""
    return digest(deciding_settings(node))


def deciding_settings(node: Any) -> Any:
    """What decides the result: every setting however deep, the contents of files, and VERSION.

    The fields that RUNTIME lists do not.
    """
    if isinstance(node, list):
        return [deciding_settings(item) for item in node]
    if isinstance(node, Path):
        return _contents(node)
    cls: Any = None
    if dataclasses.is_dataclass(node):  # a group of settings
        cls, node = type(node), vars(node)
    elif not isinstance(node, dict):
        return node
    elif "_target_" in node:
        cls = locate(node["_target_"])
    runtime = getattr(cls, "RUNTIME", ())
    deciding = {key: deciding_settings(node[key]) for key in node if key not in runtime}
    if hasattr(cls, "VERSION"):
        deciding["_version_"] = cls.VERSION
    return deciding


def digest(what: Any) -> str:
    """Twelve hex digits of plain data."""
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]


def _contents(path: Path) -> dict[str, str]:
    """Where a file lies does not decide a result; what is in it does.  A folder is its files."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.is_file())
        return {file.relative_to(path).as_posix(): disk.digest(file) for file in files}
    return {"suffix": path.suffix, "sha256": disk.digest(path) if path.is_file() else "absent"}


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
    """Whether it is a dataclass of *module* itself, and not one that this imports."""
    return (
        isinstance(value, type) and dataclasses.is_dataclass(value) and value.__module__ == module
    )
