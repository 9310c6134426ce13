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
    """size_bytes: of the weights, None if unknown.  downloads: in a month, 0 if unknown."""

    name: str
    kind: str
    architecture: str
    size_bytes: int | None
    downloads: int
    revision: str | None
    text: str


def load_cards() -> list[Card]:
    with CARDS.open(encoding="utf-8") as file:
        return [_card(json.loads(line)) for line in file]


def eligible_cards(kind: str, max_bytes: int | None) -> dict[str, Card]:
    """By name, those of that kind, of an architecture that p2m trains, and not larger.

    An unknown size may be any, so a limit leaves it out.
    """
    cards = {}
    for card in load_cards():
        fits = max_bytes is None or (card.size_bytes is not None and card.size_bytes <= max_bytes)
        if fits and card.kind == kind and card.architecture in ARCHITECTURES[kind]:
            cards[card.name] = card
    return cards


def _card(entry: dict[str, Any]) -> Card:
    languages = " ".join(language_names(entry["languages"]))
    return Card(
        entry["name"],
        entry["kind"],
        entry["architecture"],
        entry["size_bytes"],
        entry["downloads"] or 0,
        entry["revision"],
        "\n".join([entry["name"], entry["description"], languages]),
    )
