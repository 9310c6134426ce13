"""What the bundled catalogue of model cards holds, line by line."""

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CARDS = ROOT / "p2m" / "model" / "cards.jsonl"
SOURCE = ROOT.parent / "shared" / "data" / "retrieval" / "models.jsonl.gz"
KEYS = [
    "name",
    "kind",
    "architecture",
    "size_bytes",
    "downloads",
    "languages",
    "licence",
    "revision",
    "description",
]
KINDS = {"encoder-decoder", "decoder-only", "encoder"}
# Text that is fit for a search is neither a bare title nor a page; a run this long is hardly an
# accident.
SHORTEST, LONGEST, COPIED_WORDS = 60, 600, 12
OVER_LARGE_BYTES = 3_000_000_000
# The models that a named choice of student, or a search by embedding, refers to.
NEEDED = [
    "google-t5/t5-small",
    "google/flan-t5-small",
    "google/flan-t5-base",
    "google/byt5-small",
    "google/mt5-small",
    "Salesforce/codet5-small",
    "facebook/bart-base",
    "Qwen/Qwen2.5-0.5B",
    "HuggingFaceTB/SmolLM2-135M",
    "HuggingFaceTB/SmolLM2-360M",
    "answerdotai/ModernBERT-base",
    "sentence-transformers/all-MiniLM-L6-v2",
]


def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CARDS.read_text(encoding="utf-8").split("\n") if line]


def runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + COPIED_WORDS]) for i in range(len(words) - COPIED_WORDS + 1)}


def source() -> dict[str, dict[str, Any]]:
    if not SOURCE.exists():
        pytest.skip(f"the source cards are not on this machine: {SOURCE}")
    with gzip.open(SOURCE, "rt", encoding="utf-8") as handle:
        cards = [json.loads(line) for line in handle.read().split("\n") if line]
    return {card["pretrained_model_name"]: card for card in cards}


def source_of(line: dict[str, Any], cards: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    # The source is older than the move of the T5 models under their owner's name.
    return cards.get(line["name"]) or cards.get(line["name"].removeprefix("google-t5/"))


def is_text(value: object) -> bool:
    return isinstance(value, str) and value == value.strip() and value != ""


def test_cards_hold_at_least_60_models_each_once() -> None:
    names = Counter(line["name"] for line in lines())
    assert len(names) >= 60
    assert [name for name, count in names.items() if count > 1] == []


def test_every_card_has_exactly_the_nine_keys_in_order() -> None:
    assert [line.get("name") for line in lines() if list(line) != KEYS] == []


def test_every_value_has_its_type() -> None:
    for line in lines():
        name = line["name"]
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", name), name
        assert line["kind"] in KINDS, name
        assert re.fullmatch(r"[a-z0-9_-]+", line["architecture"]), name
        assert line["size_bytes"] is None or (
            type(line["size_bytes"]) is int and line["size_bytes"] > 0
        ), name
        assert line["downloads"] is None or (
            type(line["downloads"]) is int and line["downloads"] >= 0
        ), name
        assert (line["size_bytes"] is None) is (line["downloads"] is None), name
        assert line["licence"] is None or is_text(line["licence"]), name
        assert isinstance(line["languages"], list), name


def test_no_revision_is_claimed() -> None:
    assert [line["name"] for line in lines() if line["revision"] is not None] == []


def test_languages_are_sorted_iso_codes() -> None:
    for line in lines():
        codes = line["languages"]
        assert codes == sorted(set(codes)), line["name"]
        assert [code for code in codes if not re.fullmatch("[a-z]{2,3}", code)] == [], line["name"]


def test_descriptions_are_unique_and_of_fair_length() -> None:
    texts = {line["name"]: line["description"] for line in lines()}
    assert [name for name, text in texts.items() if not SHORTEST <= len(text) <= LONGEST] == []
    assert len(set(texts.values())) == len(texts)


def test_descriptions_hold_no_emoji_and_no_control_character() -> None:
    odd = re.compile(
        "[\u0000-\u001f\u007f-\u009f\u2028\u2029\u2600-\u27bf\ufe0f\U0001f000-\U0001faff]"
    )
    assert [line["name"] for line in lines() if odd.search(line["description"])] == []


def test_there_is_something_for_each_filter_to_keep_and_to_drop() -> None:
    kinds = Counter(line["kind"] for line in lines())
    assert set(kinds) == KINDS
    assert kinds["encoder-decoder"] > len(lines()) / 2
    assert min(kinds.values()) >= 3
    assert sum((line["size_bytes"] or 0) > OVER_LARGE_BYTES for line in lines()) >= 5


def test_an_architecture_is_of_one_kind() -> None:
    kinds: dict[str, set[str]] = {}
    for line in lines():
        kinds.setdefault(line["architecture"], set()).add(line["kind"])
    assert {architecture: of for architecture, of in kinds.items() if len(of) > 1} == {}


@pytest.mark.parametrize("name", NEEDED)
def test_a_model_that_is_referred_to_by_name_has_a_card(name: str) -> None:
    assert [line["name"] for line in lines() if line["name"] == name] == [name]


def test_sizes_and_downloads_are_those_of_the_source() -> None:
    cards = source()
    for line in lines():
        card = source_of(line, cards)
        facts = (int(card["size_bytes"]), card["downloads"]) if card else (None, None)
        assert (line["size_bytes"], line["downloads"]) == facts, line["name"]


def test_no_description_repeats_twelve_words_of_its_source() -> None:
    cards = source()
    copied = [
        line["name"]
        for line in lines()
        if (card := source_of(line, cards))
        and runs(line["description"]) & runs(card["description"] or "")
    ]
    assert copied == []
