"""A model of the hub or of a local folder as a Choice: its commit, and whether its architecture is one that p2m trains."""

import json
from pathlib import Path
from typing import Any

from p2m import hub
from p2m.artifacts import Candidate, Choice
from p2m.errors import ConfigError, InputError, ServiceError
from p2m.student.build import ARCHITECTURES

REMEDY = "go online once so that it is cached, or take model=byt5_nano, which needs no hub"


def chosen(
    name: str, revision: str | None, kind: str, met: Path, candidates: tuple[Candidate, ...] = ()
) -> Choice:
    """The hub's model at *revision*, or at the commit that *met* remembers, or at the newest one, which *met* then remembers.

    Raises ServiceError if the hub is needed and does not give it, ConfigError for an architecture that p2m does not train
    and for weights that are no safetensors.
    """
    try:
        pin = hub.Pin(name, revision) if revision else hub.pinned("model", name, met)
        config, weighted = hub.config_of(pin.name, pin.commit), hub.weighted(pin.name, pin.commit)
    except ServiceError as error:
        raise ServiceError(f"{error}; {REMEDY}") from error
    trainable(name, config, kind)
    if not weighted:
        raise ConfigError(
            f"model.name: {name} at {pin.commit} has no weights as safetensors ({', '.join(hub.WEIGHTS)}), the only form that p2m reads;"
            " set model.revision to a commit that has them (a proposed conversion often does), or take another model"
        )
    return Choice(pin.name, pin.commit, kind, candidates=candidates)


def in_folder(folder: Path, kind: str) -> Choice:
    """A model that was saved to *folder*.  Raises InputError if it is not whole, ConfigError for a wrong architecture."""
    if not (folder / "config.json").is_file() or not any(
        (folder / file).is_file() for file in hub.WEIGHTS
    ):
        raise InputError(
            f"model.name: {folder} is no saved model; it must hold config.json and weights ({', '.join(hub.WEIGHTS)})"
        )
    try:
        config = dict(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise InputError(f"{folder / 'config.json'}: is no JSON object ({error})") from error
    trainable(str(folder), config, kind)
    return Choice(str(folder.resolve()), None, kind)


def trainable(name: str, config: dict[str, Any], kind: str) -> None:
    """Raises ConfigError, with the list of architectures, unless p2m trains that of *config* as *kind*."""
    has = config.get("model_type")
    if has not in ARCHITECTURES[kind]:
        raise ConfigError(
            f"model.name: {name} is of architecture {has!r}; as {kind} p2m trains {', '.join(ARCHITECTURES[kind])}"
        )


def cached(name: str, revision: str | None, met: Path) -> bool:
    """Whether the commit that would be used lies in the local cache."""
    pin = hub.Pin(name, revision) if revision else hub.remembered("model", name, met)
    return hub.cached(pin.name, pin.commit) if pin else hub.cached(name, None)
