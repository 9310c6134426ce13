"""What model=auto takes for a task and a machine, why, and what it says where there is nothing."""

import re

import pytest

from p2m import hub as hubs
from p2m.artifacts import Choice, TaskSpec
from p2m.errors import ServiceError
from p2m.model.auto import WAYS_OUT, Auto
from tests.model.test_named import FIRST
from tests.model.test_named import package as package  # a fixture

ABSENT = f"package:absent@sha256:{'0' * 64}"
ENGLISH = TaskSpec("Sort it.", labels=("x", "y"), input_language="en", output_language="en")
GERMAN = TaskSpec("Sortiere.", labels=("x", "y"), input_language="de", output_language="de")
ONLINE = """
from pathlib import Path
from p2m.artifacts import TaskSpec
from p2m.errors import UserError
from p2m.model.auto import Auto
auto = Auto(["a/en"], ["a/all"], {minutes}, Path("met.json"))
try:
    choice = auto.run(TaskSpec({text!r}, (), {labels}, {language!r}, {language!r}), None)
    print(choice.base, choice.kind)
    print(choice.why)
except UserError as error:
    print(error)
"""


def auto(tmp_path, english=ABSENT, minutes=None) -> Auto:
    return Auto([english], [ABSENT], minutes, tmp_path / "met.json")


@pytest.fixture
def choose(hub):
    """What is taken where the hub has these: names and architectures."""

    def run(models, text="Summarise it.", labels=(), language="en", minutes=6000):
        for name, architecture in models.items():
            folder = hub.root / "models" / name / FIRST
            folder.mkdir(parents=True)
            (folder / "config.json").write_text(f'{{"model_type": "{architecture}"}}')
            (folder / "model.safetensors").write_bytes(b"weights")
        code = ONLINE.format(text=text, labels=labels, language=language, minutes=minutes)
        return hub.run(code).split("\n")

    return run


def test_labels_in_english_take_the_encoder_at_hand_and_say_why(package, tmp_path, work):
    made = auto(tmp_path, package)
    assert list(made.ready()) == []
    why = "an encoder of English, as answers are one of 2 labels"
    assert made.run(ENGLISH, work) == Choice(package, None, "encoder", why=why)


def test_labels_in_another_language_take_no_encoder_of_english(package, tmp_path, work):
    with pytest.raises(ServiceError, match=r"model can be had here .* that writes de"):
        auto(tmp_path, package).run(GERMAN, work)


def test_with_nothing_at_hand_the_ways_out_are_told_before_anything_is_paid(tmp_path, work):
    (line,) = auto(tmp_path).ready()
    where = f"the hub does not answer ({hubs.endpoint()})"
    assert line == f"no pretrained model is at hand, and {where}; {WAYS_OUT}"
    assert "model=t5_nano" in WAYS_OUT
    with pytest.raises(ServiceError, match=re.escape(WAYS_OUT)) as error:
        auto(tmp_path).run(TaskSpec("Summarise it."), work)
    assert error.value.code == 69


def test_labels_in_another_language_take_an_encoder_of_many(choose):
    found = choose({"a/en": "bert", "a/all": "bert"}, labels=("x", "y"), language="de")
    why = "an encoder of many languages, de among them, as answers are one of 2 labels"
    assert found == ["a/all encoder", why]


def test_a_task_that_writes_takes_a_retrieved_model_of_its_language(choose):
    models = {"sonoisa/t5-base-japanese-title-generation": "t5", "a/en": "bert"}
    taken, why = choose(models, "Write a title for the article.", language="ja")
    assert taken == "sonoisa/t5-base-japanese-title-generation encoder-decoder"
    assert re.fullmatch(
        r"of \d+ models that can be had, write the language, and train on \w+ \w+"
        r" in 6000 minutes \(up to 750 M weights\), its card fits best",
        why,
    )


def test_a_machine_without_the_time_takes_no_model(choose):
    (line,) = choose({}, minutes=0.01)
    assert "trains on" in line
    assert "in 0.01 minutes: up to 0 M weights (trainer.max_minutes=... for more); " in line
