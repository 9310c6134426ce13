"""The bundled cards of pretrained models: what each is, how large, how often downloaded."""

import json
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from p2m.artifacts import Candidate
from p2m.student.build import ARCHITECTURES
from p2m.text.language import language_names
from p2m.text.ranking import Index

CARDS = Path(__file__).with_name("cards.jsonl")


@dataclass(frozen=True)
class Card:
    """size_bytes: of the weights, None if unknown.  downloads: in a month, 0 if unknown.

    languages: their codes.
    """

    name: str
    kind: str
    architecture: str
    size_bytes: int | None
    downloads: int
    revision: str | None
    text: str
    languages: frozenset[str] = frozenset()

    @property
    def weights(self) -> float | None:
        """How many, by the name (SmolLM2-135M), else by the size in 32 bits each, if known."""
        named = re.search(r"-([\d.]+)([MB])$", self.name)
        if named:
            return float(named[1]) * {"M": 1e6, "B": 1e9}[named[2]]
        return self.size_bytes and self.size_bytes / 4


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
        frozenset(entry["languages"]),
    )


def rank(cards: dict[str, Card], query: str, k1: float, b: float) -> list[Candidate]:
    """The cards, best first: BM25 score times log10(downloads + 2), as in Prompt2Model."""
    index = Index({name: card.text for name, card in cards.items()}, k1, b)
    weighted = []
    for candidate in index.rank(query):
        weight = math.log10(cards[candidate.name].downloads + 2)
        weighted.append(replace(candidate, score=candidate.score * weight))
    return sorted(weighted, key=lambda candidate: -candidate.score)
