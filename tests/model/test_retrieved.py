import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from p2m import hub as hubs
from p2m.artifacts import TaskSpec
from p2m.errors import ConfigError, IncompleteError, ServiceError
from p2m.model._cards import bundled, eligible
from p2m.model.retrieved import Retrieved
from p2m.ranking import Index
from p2m.stages import Estimate

REMEDY = "go online once so that it is cached, or take model=byt5_nano, which needs no hub"
CODE = "Write a short summary of what a function in Python code does."
CONF = Path(__file__).resolve().parents[2] / "conf/model/retrieved.yaml"


@pytest.fixture
def retrieved(tmp_path):
    settings = yaml.safe_load(CONF.read_text(encoding="utf-8"))
    del settings["_target_"]
    return Retrieved(**settings | {"hyde": False, "teacher": None, "revisions": tmp_path / "met.json"})


def candidates(retrieved, query):
    return retrieved._ranked(retrieved._eligible(), query)


def test_score_is_that_of_the_search_times_the_logarithm_of_downloads(retrieved):
    cards = {c.name: c for c in eligible(bundled(), "encoder-decoder", retrieved.max_bytes)}
    plain = {c.name: c.score for c in Index({n: c.text for n, c in cards.items()}, 1.2, 0.75).ranked(CODE)}
    best = candidates(retrieved, CODE)[0]
    assert best.score == plain[best.name] * math.log10(cards[best.name].downloads + 2)


@pytest.mark.parametrize(
    ("task", "family"),
    [
        (CODE, "codet5"),
        ("Summarise news articles in a few sentences.", "bart-large-cnn"),
        ("Correct the grammar of a sentence.", "gramma|sentence-doctor|correct"),
    ],
)
def test_card_of_the_right_family_comes_first(retrieved, task, family):
    assert re.search(family, candidates(retrieved, task)[0].name.lower())


def test_large_ones_those_of_unknown_size_and_other_kinds_are_out():
    cards = {c.name: c for c in bundled()}
    names = {c.name for c in eligible(list(cards.values()), "encoder-decoder", 1_000_000_000)}
    assert {"google-t5/t5-small", "google/flan-t5-base"} <= names
    assert not {"google/flan-t5-large", "facebook/bart-base", "openai-community/gpt2", "Helsinki-NLP/opus-mt-en-de"} & names
    assert {c.name for c in eligible(list(cards.values()), "encoder-decoder", None)} >= {"google/flan-t5-xxl", "facebook/bart-base"}
    assert max(cards[n].size_bytes for n in names) <= 1_000_000_000


def test_teacher_imagines_the_card_to_search_with(retrieved, work, rote):
    teacher = rote(('{"card": "A model for program code that writes comments for functions."}', "ok"))
    with pytest.raises(ServiceError, match=r"^model Salesforce/codet5"):
        replace(retrieved, hyde=True, teacher=teacher).run(TaskSpec("Tell me in words."), work)
    request = teacher.requests[0]
    assert request.schema["title"] == "card"
    assert "Tell me in words." in request.messages[1]["content"].split("\n")


@pytest.mark.parametrize("answer", [("no", "refusal"), ("not JSON", "ok"), ('{"card": " "}', "ok"), ('{"card": 3}', "ok")])
def test_instruction_is_searched_for_where_the_teacher_gives_no_card(retrieved, work, rote, caplog, answer):
    assert replace(retrieved, hyde=True, teacher=rote(answer))._imagined(TaskSpec(CODE), work) == CODE
    assert caplog.messages == [f"model: the teacher wrote no card ({answer[1]}); the instruction itself is searched for"]


def test_found_model_that_cannot_be_had_stops_the_stage(retrieved, work):
    with pytest.raises(ServiceError) as error:
        retrieved.run(TaskSpec(CODE), work)
    assert str(error.value).startswith("model Salesforce/codet5")
    assert str(error.value).endswith(f"the hub does not answer ({hubs.endpoint()}) and no copy lies in the local cache; {REMEDY}")


def test_model_that_cannot_be_trained_gives_way_to_the_next_best(retrieved, monkeypatch, caplog):
    first, second, *_ = (candidate.name for candidate in candidates(retrieved, CODE))

    def chosen(name, *rest):
        if name == first:
            raise ConfigError(f"model.name: {name} has no weights as safetensors")
        return name

    monkeypatch.setattr("p2m.model.retrieved.chosen", chosen)
    assert retrieved.run(TaskSpec(CODE), None) == second
    assert caplog.messages == [f"model.name: {first} has no weights as safetensors; the next best is tried"]


def test_where_none_of_the_best_can_be_trained_it_is_an_error(retrieved, monkeypatch):
    def chosen(name, *rest):
        raise ConfigError("no")

    monkeypatch.setattr("p2m.model.retrieved.chosen", chosen)
    said = f"model: p2m can train none of the {retrieved.top_k} best cards; name a model, such as model=flan_t5_base"
    with pytest.raises(IncompleteError, match=f"^{re.escape(said)}$"):
        retrieved.run(TaskSpec(CODE), None)


def test_it_is_told_up_front_that_no_model_can_be_had(retrieved):
    said = f"no model that could be found is in the local cache, and the hub does not answer ({hubs.endpoint()}); {REMEDY}"
    assert list(retrieved.ready()) == [said]


def test_task_without_a_word_of_any_card_is_an_error(retrieved, work):
    said = "model: no bundled model card shares a word with the task; name a model, such as model=flan_t5_base"
    with pytest.raises(IncompleteError, match=f"^{re.escape(said)}$"):
        retrieved.run(TaskSpec("Xyzzy plugh."), work)


def test_limit_that_leaves_no_model_is_an_error(retrieved, work):
    from p2m.student.build import ARCHITECTURES

    known = ", ".join(ARCHITECTURES["encoder-decoder"])
    said = f"model: none of the bundled cards is encoder-decoder, of {known}, and at most 1000 bytes; raise model.max_bytes"
    with pytest.raises(IncompleteError, match=f"^{re.escape(said)}$"):
        replace(retrieved, max_bytes=1000).run(TaskSpec(CODE), work)


def test_imagining_needs_a_teacher(retrieved):
    said = "hyde=true needs a teacher to imagine the card: set teacher=${teacher}, or hyde=false"
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        replace(retrieved, hyde=True)


def test_estimate_is_one_call_where_a_card_is_imagined(retrieved):
    assert retrieved.estimate() == Estimate(calls=0, usd=0.0)
    assert replace(retrieved, hyde=True, teacher=object()).estimate() == Estimate(calls=1)
