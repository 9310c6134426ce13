"""What the bundled catalogue of data sets holds, line by line."""

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "p2m" / "retriever" / "catalogue.jsonl"
SOURCE = ROOT.parent / "shared" / "data" / "retrieval"
KEYS = [
    "name",
    "config",
    "revision",
    "licence",
    "size",
    "languages",
    "tasks",
    "columns",
    "splits",
    "description",
]
# Text that is fit for a search is neither a bare title nor a page; a run this long is hardly an
# accident.
SHORTEST, LONGEST, COPIED_WORDS = 60, 600, 12


def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in CATALOGUE.read_text(encoding="utf-8").split("\n") if line]


def runs(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + COPIED_WORDS]) for i in range(len(words) - COPIED_WORDS + 1)}


def source(file: str) -> list[dict[str, Any]]:
    if not (SOURCE / file).exists():
        pytest.skip(f"the source descriptions are not on this machine: {SOURCE / file}")
    with gzip.open(SOURCE / file, "rt", encoding="utf-8") as handle:
        text = handle.read()
    if file.endswith(".json.gz"):
        return list(json.loads(text))
    return [json.loads(line) for line in text.split("\n") if line]


def is_text(value: object) -> bool:
    return isinstance(value, str) and value == value.strip() and value != ""


def test_catalogue_has_at_least_150_data_sets_each_once() -> None:
    names = Counter(line["name"] for line in lines())
    assert len(names) >= 150
    assert [name for name, count in names.items() if count > 1] == []


def test_every_line_has_exactly_the_ten_keys_in_order() -> None:
    assert [line.get("name") for line in lines() if list(line) != KEYS] == []


def test_every_value_has_its_type() -> None:
    for line in lines():
        name = line["name"]
        assert re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name), name
        assert line["config"] is None or is_text(line["config"]), name
        assert line["licence"] is None or is_text(line["licence"]), name
        assert line["size"] is None or (type(line["size"]) is int and line["size"] > 0), name
        for key in ("languages", "tasks", "columns", "splits"):
            assert isinstance(line[key], list), (name, key)
            assert [value for value in line[key] if not is_text(value)] == [], (name, key)
            assert len(set(line[key])) == len(line[key]), (name, key)
        assert [key for key in ("tasks", "columns", "splits") if not line[key]] == [], name


def test_no_revision_and_no_unknown_licence_is_claimed() -> None:
    assert [line["name"] for line in lines() if line["revision"] is not None] == []
    assert [line["name"] for line in lines() if (line["licence"] or "").startswith("unknown")] == []


def test_a_size_is_given_exactly_where_there_is_a_training_split() -> None:
    wrong = [
        line["name"]
        for line in lines()
        if (line["size"] is None) is any(split.startswith("train") for split in line["splits"])
    ]
    assert wrong == []


def test_languages_are_sorted_iso_codes() -> None:
    for line in lines():
        codes = line["languages"]
        assert codes == sorted(codes), line["name"]
        assert [code for code in codes if not re.fullmatch("[a-z]{2,3}", code)] == [], line["name"]


def test_only_data_sets_of_source_code_name_no_language() -> None:
    nameless = [line for line in lines() if not line["languages"]]
    assert [line["name"] for line in nameless if "code" not in " ".join(line["tasks"])] == []


def test_descriptions_are_of_fair_length_unique_and_of_two_sentences_or_more() -> None:
    texts = {line["name"]: line["description"] for line in lines()}
    assert [name for name, text in texts.items() if not SHORTEST <= len(text) <= LONGEST] == []
    assert len(set(texts.values())) == len(texts)
    assert [
        name for name, text in texts.items() if len(re.findall(r"[.?!](?=\s|$)", text)) < 2
    ] == []


def test_descriptions_hold_no_emoji_and_no_control_character() -> None:
    odd = re.compile(
        "[\u0000-\u001f\u007f-\u009f\u2028\u2029\u2600-\u27bf\ufe0f\U0001f000-\U0001faff]"
    )
    assert [line["name"] for line in lines() if odd.search(line["description"])] == []


@pytest.mark.parametrize(
    ("task", "at_least"),
    [
        ("question answering", 50),
        ("summarisation", 15),
        ("machine translation", 40),
        ("sentiment analysis", 20),
        ("topic classification", 12),
        ("intent classification", 5),
        ("natural language inference", 12),
        ("paraphrase", 6),
        ("grammatical error correction", 3),
        ("text simplification", 4),
        ("code", 10),
        ("text-to-SQL", 3),
        ("math", 5),
        ("dialogue", 8),
        ("named entity recognition", 8),
        ("temporal", 3),
        ("toxicity detection", 4),
        ("fact checking", 8),
        ("commonsense reasoning", 15),
        ("medical", 8),
        ("legal", 6),
        ("finance", 3),
        ("customer support", 2),
        ("data-to-text", 6),
        ("spelling correction", 2),
        ("keyword", 3),
    ],
)
def test_catalogue_covers_a_kind_of_task(task: str, at_least: int) -> None:
    assert sum(any(task in given for given in line["tasks"]) for line in lines()) >= at_least


def test_translation_sets_name_both_of_their_languages() -> None:
    pairs = [line for line in lines() if "machine translation" in line["tasks"]]
    assert [line["name"] for line in pairs if len(line["languages"]) < 2] == []
    assert len({code for line in pairs for code in line["languages"]}) >= 40


def test_no_description_repeats_twelve_words_of_its_source() -> None:
    texts: dict[str, list[str]] = {}
    for entry in source("datasets.jsonl.gz"):
        texts.setdefault(entry["name"], []).append(entry["description"] or "")
    for entry in source("dataset_schemas.jsonl.gz"):
        texts.setdefault(entry["name"], []).extend(
            entry.get(key) or "" for key in ("description", "card_summary", "licence_info")
        )
    for entry in source("datasets.meta.json.gz"):
        texts.setdefault(entry["id"], []).append(entry.get("description") or "")
    copied = [
        line["name"]
        for line in lines()
        if runs(line["description"])
        & set().union(*(runs(text) for text in texts.get(line["name"], [])))
    ]
    assert copied == []


def test_configs_columns_splits_and_sizes_are_those_of_the_source() -> None:
    schemas = {entry["name"]: entry for entry in source("dataset_schemas.jsonl.gz")}
    for line in lines():
        schema = schemas[line["name"]]
        if line["config"] is None:
            assert schema["n_configs"] == 1, line["name"]
        config = schema["configs"][line["config"] or next(iter(schema["configs"]))]
        train = sum(
            count or 0 for split, count in config["splits"].items() if split.startswith("train")
        )
        assert line["columns"] == list(config["features"]), line["name"]
        assert line["splits"] == list(config["splits"]), line["name"]
        assert line["size"] == (train or None), line["name"]
