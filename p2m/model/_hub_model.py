"""A model of the hub or of a local folder as a Choice: its commit, and whether p2m trains it."""

import json
from pathlib import Path
from typing import Any

from p2m import hub
from p2m.artifacts import Candidate, Choice
from p2m.errors import ConfigError, InputError, ServiceError
from p2m.student.build import ARCHITECTURES

REMEDY = "go online once so that it is cached, or take model=byt5_nano, which needs no hub"
_WEIGHTS = ", ".join(hub.WEIGHTS)


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
    return Choice(pin.name, pin.commit, kind, candidates=candidates)


def choose_from_folder(folder: Path, kind: str) -> Choice:
    """A model that was saved to *folder*.

    Raises InputError if it is not whole, ConfigError for a wrong architecture.
    """
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
    return Choice(str(folder.resolve()), None, kind)


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
