"""A published model as a Choice: which one exactly, whether p2m trains it, its chat template."""

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from p2m import hub
from p2m.artifacts import Candidate, Choice
from p2m.components import deciding_settings, digest
from p2m.errors import ConfigError, InputError, ServiceError, UserError
from p2m.student.base import GGUF, PACKAGE, package_folder
from p2m.student.build import ARCHITECTURES

REMEDY = "go online once so that it is cached, or take model=byt5_nano, which needs no hub"
_WEIGHTS = ", ".join(hub.WEIGHTS)


def choose(name: Path | str, revision: str | None, kind: str, revisions: Path) -> Choice:
    """The model of that name, wherever it lies; UserError where it cannot be had or trained."""
    if isinstance(name, str) and name.startswith(PACKAGE):
        _check_folder(package_folder(name), kind)
        return with_chat(Choice(name, None, kind))
    if isinstance(name, str):
        return choose_from_hub(name, revision, kind, revisions)
    why = ""
    if name.suffix == GGUF:
        why = "its weights are turned back from a GGUF file, as roundly as that holds them"
    else:
        _check_folder(name, kind)
    contents = digest(deciding_settings(name))
    return with_chat(Choice(str(name.resolve()), contents, kind, why=why))


def with_chat(choice: Choice) -> Choice:
    """With what its chat template says, where the model writes and was tuned to chat."""
    if choice.kind != "decoder-only":
        return choice
    from p2m.student.hub_tokenizer import HubTokenizer

    return replace(choice, chat=HubTokenizer.load(choice.base, choice.revision).chat())


def find_lack(name: Path | str, revision: str | None, revisions: Path) -> str:
    """Why the model of that name cannot be had now; empty where it can."""
    if isinstance(name, Path):
        return _find_gguf_lack(name)
    if name.startswith(PACKAGE):
        try:
            package_folder(name)
        except UserError as error:
            return str(error).removeprefix("student: ")
    elif not is_cached(name, revision, revisions) and not hub.reachable():
        return (
            f"{name} is not in the local cache and the hub does not answer"
            f" ({hub.endpoint()}); {REMEDY}"
        )
    return ""


def _find_gguf_lack(path: Path) -> str:
    if path.suffix == GGUF and find_spec("gguf") is None:
        return f"{path} needs gguf, which is not installed; pip install 'p2m[gguf]'"
    return ""


def choose_from_hub(
    name: str,
    revision: str | None,
    kind: str,
    revisions: Path,
    candidates: tuple[Candidate, ...] = (),
) -> Choice:
    """The hub's model at *revision*, or at the commit that is remembered, or at the newest one.

    revisions: the file that remembers commits.
    Raises ServiceError if the hub is needed and does not give it, ConfigError for an architecture
    that p2m does not train and for weights that are no safetensors.
    """
    try:
        pin = hub.pin("model", name, revisions, revision)
        config = hub.config_of(pin.name, pin.commit)
        has_weights = hub.has_weights(pin.name, pin.commit)
    except ServiceError as error:
        raise ServiceError(f"{error}; {REMEDY}") from error
    _check_architecture(name, config, kind)
    if not has_weights:
        raise ConfigError(
            f"model.name: {name} at {pin.commit} has no weights as safetensors ({_WEIGHTS}), the"
            " only form that p2m reads; set model.revision to a commit that has them (a proposed"
            " conversion often does), or take another model"
        )
    return with_chat(Choice(pin.name, pin.commit, kind, candidates=candidates))


def _check_folder(folder: Path, kind: str) -> None:
    """InputError where *folder* holds no whole model, ConfigError for a wrong architecture."""
    path = folder / "config.json"
    has_weights = any((folder / file).is_file() for file in hub.WEIGHTS)
    if not path.is_file() or not has_weights:
        raise InputError(
            f"model.name: {folder} is no saved model; it must hold config.json and weights"
            f" ({_WEIGHTS})"
        )
    try:
        config = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: is no JSON object ({error})") from error
    _check_architecture(str(folder), config, kind)


def _check_architecture(name: str, config: dict[str, Any], kind: str) -> None:
    architecture = config.get("model_type")
    if architecture not in ARCHITECTURES[kind]:
        raise ConfigError(
            f"model.name: {name} is of architecture {architecture!r}; as {kind} p2m trains"
            f" {', '.join(ARCHITECTURES[kind])}"
        )


def is_cached(name: str, revision: str | None, revisions: Path) -> bool:
    """Whether the commit that would be used lies in the local cache."""
    if revision:
        return hub.is_cached(name, revision)
    pin = hub.recall("model", name, revisions)
    return hub.is_cached(pin.name, pin.commit) if pin else hub.is_cached(name, None)
