import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from p2m import hub as hubs
from p2m.artifacts import TaskSpec
from p2m.errors import IncompleteError, ServiceError
from p2m.model._cards import eligible_cards, load_cards, rank
from p2m.model.retrieved import Retrieved
from p2m.stages import Estimate
from p2m.text.ranking import Index
from tests.doubles import ScriptedTeacher, in_order

REMEDY = "go online once so that it is cached, or take model=byt5_nano, which needs no hub"
CODE = "Write a short summary of what a function in Python code does."
CHOICE = """
import logging, sys, yaml
from pathlib import Path
from p2m.artifacts import TaskSpec
from p2m.errors import UserError
from p2m.model.retrieved import Retrieved
logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)
settings = yaml.safe_load(Path("{conf}").read_text(encoding="utf-8"))
del settings["_target_"]
try:
    print(Retrieved(**settings | dict(hyde=False, teacher=None, \
revisions=Path("met.json"))).run(TaskSpec("{task}"), None).base)
except UserError as error:
    print(type(error).__name__, error)
"""
CONF = Path(__file__).resolve().parents[2] / "conf/model/retrieved.yaml"


@pytest.fixture
def retrieved(tmp_path):
    settings = yaml.safe_load(CONF.read_text(encoding="utf-8"))
    del settings["_target_"]
    return Retrieved(
        **settings | {"hyde": False, "teacher": None, "revisions": tmp_path / "met.json"}
    )


def candidates(retrieved, query):
    cards = eligible_cards(retrieved.kind, retrieved.max_bytes)
    return rank(cards, query, retrieved.k1, retrieved.b)


def test_score_is_that_of_the_search_times_the_logarithm_of_downloads(retrieved):
    cards = eligible_cards("encoder-decoder", retrieved.max_bytes)
    plain = {
        c.name: c.score for c in Index({n: c.text for n, c in cards.items()}, 1.2, 0.75).rank(CODE)
    }
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
    cards = {c.name: c for c in load_cards()}
    names = set(eligible_cards("encoder-decoder", 1_000_000_000))
    assert {"google-t5/t5-small", "google/flan-t5-base"} <= names
    assert (
        not {
            "google/flan-t5-large",
            "facebook/bart-base",
            "openai-community/gpt2",
            "Helsinki-NLP/opus-mt-en-de",
        }
        & names
    )
    assert set(eligible_cards("encoder-decoder", None)) >= {
        "google/flan-t5-xxl",
        "facebook/bart-base",
    }
    assert max(cards[n].size_bytes for n in names) <= 1_000_000_000


def test_teacher_imagines_the_card_to_search_with(retrieved, work):
    teacher = ScriptedTeacher(
        in_order('{"card": "A model for program code that writes comments for functions."}')
    )
    with pytest.raises(ServiceError, match=r"^model Salesforce/codet5"):
        replace(retrieved, hyde=True, teacher=teacher).run(TaskSpec("Tell me in words."), work)
    request = teacher.requests[0]
    assert request.schema["title"] == "card"
    assert "Tell me in words." in request.messages[1]["content"].split("\n")


@pytest.mark.parametrize(
    "answer",
    [("no", "refusal"), ("not JSON", "ok"), ('{"card": " "}', "ok"), ('{"card": 3}', "ok")],
)
def test_instruction_is_searched_for_where_the_teacher_gives_no_card(
    retrieved, work, caplog, answer
):
    imagining = replace(retrieved, hyde=True, teacher=ScriptedTeacher(in_order(answer)))
    assert imagining._imagine_card(TaskSpec(CODE), work) == CODE
    assert caplog.messages == [
        f"model: the teacher wrote no card ({answer[1]}); the instruction itself is searched for"
    ]


def test_found_model_that_cannot_be_had_stops_the_stage(retrieved, work):
    with pytest.raises(ServiceError) as error:
        retrieved.run(TaskSpec(CODE), work)
    assert str(error.value).startswith("model Salesforce/codet5")
    assert str(error.value).endswith(
        f"the hub does not answer ({hubs.endpoint()}) and no copy lies in the local cache; {REMEDY}"
    )


@pytest.mark.parametrize("whole", [1, None], ids=["the second", "none"])
def test_model_that_has_no_weights_to_read_gives_way_to_the_next_best(retrieved, hub, whole):
    names = [candidate.name for candidate in candidates(retrieved, CODE)[: retrieved.top_k]]
    for i, name in enumerate(names):
        folder = hub.root / "models" / name / ("1" * 40)
        folder.mkdir(parents=True)
        (folder / "config.json").write_text('{"model_type": "t5"}')
        (folder / ("model.safetensors" if i == whole else "pytorch_model.bin")).write_bytes(
            b"weights"
        )
    told = hub.run(CHOICE.format(conf=CONF, task=CODE)).split("\n")
    passed = names if whole is None else names[:whole]
    assert [line.split(" has no weights as safetensors")[0] for line in told[:-1]] == [
        f"model.name: {n} at {'1' * 40}" for n in passed
    ]
    assert all(line.endswith("; the next best is tried") for line in told[:-1])
    none = (
        f"IncompleteError model: p2m can train none of the {len(names)} best cards; name a "
        f"model, such as model=flan_t5_base"
    )
    assert told[-1] == (none if whole is None else names[whole])


def test_it_is_told_up_front_that_no_model_can_be_had(retrieved):
    said = (
        f"no model that could be found is in the local cache, and the hub does not answer "
        f"({hubs.endpoint()}); {REMEDY}"
    )
    assert list(retrieved.ready()) == [said]


def test_task_without_a_word_of_any_card_is_an_error(retrieved, work):
    said = (
        "model: no bundled model card shares a word with the task; name a model, such as "
        "model=flan_t5_base"
    )
    with pytest.raises(IncompleteError, match=f"^{re.escape(said)}$"):
        retrieved.run(TaskSpec("Xyzzy plugh."), work)


def test_limit_that_leaves_no_model_is_an_error(retrieved, work):
    from p2m.student.build import ARCHITECTURES

    known = ", ".join(ARCHITECTURES["encoder-decoder"])
    said = (
        f"model: none of the bundled cards is encoder-decoder, of {known}, and at most 1000 "
        f"bytes; raise model.max_bytes"
    )
    with pytest.raises(IncompleteError, match=f"^{re.escape(said)}$"):
        replace(retrieved, max_bytes=1000).run(TaskSpec(CODE), work)


def test_imagining_needs_a_teacher(retrieved):
    said = "hyde=true needs a teacher to imagine the card: set teacher=${teacher}, or hyde=false"
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        replace(retrieved, hyde=True)


def test_estimate_is_one_call_where_a_card_is_imagined(retrieved):
    assert retrieved.estimate() == Estimate(calls=0, usd=0.0)
    assert replace(retrieved, hyde=True, teacher=object()).estimate() == Estimate(calls=1)
