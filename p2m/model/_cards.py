"""The bundled cards of pretrained models: what each is, how large, how often downloaded."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from p2m.student.build import ARCHITECTURES
from p2m.text.language import language_names

CARDS = Path(__file__).with_name("cards.jsonl")


@dataclass(frozen=True)
class Card:
    """size_bytes: of the weights, None where it is not known; downloads: in a month, 0 where not known."""

    name: str
    kind: str
    architecture: str
    size_bytes: int | None
    downloads: int
    revision: str | None
    text: str


def bundled() -> list[Card]:
    return [
        _card(json.loads(line)) for line in CARDS.read_text(encoding="utf-8").split("\n") if line
    ]


def eligible(cards: list[Card], kind: str, max_bytes: int | None) -> list[Card]:
    """Those of that kind, of an architecture that p2m trains, and not larger; an unknown size may be any, so a limit leaves it out."""
    fitting = [c for c in cards if c.kind == kind and c.architecture in ARCHITECTURES[kind]]
    return [
        c
        for c in fitting
        if max_bytes is None or (c.size_bytes is not None and c.size_bytes <= max_bytes)
    ]


def _card(entry: dict[str, Any]) -> Card:
    text = "\n".join(
        [entry["name"], entry["description"], " ".join(language_names(entry["languages"]))]
    )
    return Card(
        entry["name"],
        entry["kind"],
        entry["architecture"],
        entry["size_bytes"],
        entry["downloads"] or 0,
        entry["revision"],
        text,
    )
