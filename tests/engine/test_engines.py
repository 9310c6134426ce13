"""Each engine answers as torch in float32 does, or is refused; and what it keeps is found again."""

import json
import random
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from p2m.artifacts import Parity
from p2m.engine import ctranslate2, decode
from p2m.engine.ctranslate2 import CTranslate2
from p2m.engine.parity import REFERENCE, load_and_compare
from p2m.engine.torch import Torch
from p2m.errors import UserError
from p2m.stages import Engine, Ready
from p2m.student import build
from tests.engine.test_decode import TEXTS
from tests.students import CONFIGS, TINY_BERT, TINY_T5, built, choice, student

pytest.importorskip("ctranslate2")


def save(folder, config: dict, **changes):
    about = student(folder, prefix="to: ", max_input=64, max_output=24, **changes)
    build.save(built(choice(config), labels=about.labels), about)
    return about


def save_named(folder, name: str):
    return save(folder, CONFIGS[name], kind=choice(CONFIGS[name]).kind)


@pytest.mark.parametrize("name", CONFIGS)
def test_converted_students_answer_as_torch_does(tmp_path, name):
    trained = save_named(tmp_path / "student", name)
    engine = CTranslate2("float32")
    fast, parity = load_and_compare(engine, trained, tmp_path / "engine", TEXTS, 1.0)
    plain = decode.load(trained).answers(TEXTS)
    assert fast.greedy is not None
    assert len(set(plain)) > 5
    assert fast.answers(TEXTS) == plain
    assert parity == (Parity("ctranslate2 float32", 1.0, len(TEXTS)),)


def test_long_inputs_are_read_whole(tmp_path):
    trained = replace(save(tmp_path / "student", TINY_T5), max_input=4096)
    rng = random.Random(0)
    texts = ["".join(rng.choices("abcdefgh ", k=1500)) for _ in range(12)]
    engine = CTranslate2("float32")
    fast, (parity,) = load_and_compare(engine, trained, tmp_path / "engine", texts, 1.0)
    assert len(set(fast.answers(texts))) > 1
    assert parity.equal == 1.0


def test_int8_is_a_quarter_of_the_size_and_its_copy_is_found_again(tmp_path):
    trained = save(tmp_path / "student", TINY_T5 | {"d_model": 64, "d_ff": 256})
    folder, sizes = tmp_path / "engine", {}
    for compute_type in ("float32", "int8"):
        engine = CTranslate2(compute_type)
        fast, (parity,) = load_and_compare(engine, trained, folder, TEXTS, 0.5)
        assert parity.equal > 0.7, "int8 rounds, and answers of random weights are close calls"
        sizes[compute_type] = (folder / compute_type / "model.bin").stat().st_size
    assert sizes["int8"] < 0.4 * sizes["float32"]
    before = (folder / "int8/model.bin").stat()
    again = CTranslate2("int8").load(trained, folder)
    assert (folder / "int8/model.bin").stat() == before
    assert again.answers(TEXTS) == fast.answers(TEXTS)


def test_a_conversion_that_was_killed_is_made_again(tmp_path):
    trained, folder = save(tmp_path / "student", TINY_T5), tmp_path / "engine"
    (folder / "4711.part").mkdir(parents=True)
    (folder / "4711.part/model.bin").write_bytes(b"half")
    assert CTranslate2("float32").load(trained, folder).answers(TEXTS)
    assert (folder / "float32/model.bin").is_file()


def test_the_reference_is_not_compared_with_itself(tmp_path):
    trained = save(tmp_path / "student", TINY_T5)
    plain, parity = load_and_compare(REFERENCE, trained, tmp_path / "engine", TEXTS, 1.0)
    assert parity == ()
    assert plain.answers(TEXTS) == decode.load(trained).answers(TEXTS)
    assert not (tmp_path / "engine").exists()


class Parrot:
    def answers(self, inputs, on_done=lambda n: None):
        return list(inputs)


@dataclass(frozen=True)
class Parroting:
    """An engine of somebody else's, whose answers are the inputs."""

    feathers: int

    def load(self, student, folder):
        return Parrot()


def test_answers_that_differ_too_often_are_refused(tmp_path):
    trained = save(tmp_path / "student", TINY_T5)
    with pytest.raises(UserError) as caught:
        load_and_compare(Parroting(3), trained, tmp_path / "engine", TEXTS, 0.98)
    assert str(caught.value) == (
        "evaluator: by test_engines 3, 0.0 % of 12 answers are those of torch in float32;"
        " evaluator.parity asks for 98.0 %."
        "  The student is kept: set engine=torch, or lower evaluator.parity"
    )
    _, (parity,) = load_and_compare(Parroting(3), trained, tmp_path / "engine", TEXTS, 0.0)
    assert parity == Parity("test_engines 3", 0.0, 12)


def test_an_architecture_that_cannot_be_converted_is_named(tmp_path):
    trained = save(tmp_path / "student", TINY_BERT, kind="encoder", labels=("a", "b"))
    with pytest.raises(
        UserError,
        match=r"^engine: ctranslate2 is for the architectures bart, .*, gemma3_text; this one is"
        r" bert \(encoder\): set engine=torch$",
    ):
        CTranslate2("float32").load(trained, tmp_path / "engine")


@pytest.mark.parametrize("name", CONFIGS)
def test_bfloat16_answers_nearly_as_float32(tmp_path, name):
    trained = save_named(tmp_path / "student", name)
    engine = Torch("bfloat16")
    fast, (parity,) = load_and_compare(engine, trained, tmp_path / "engine", TEXTS, 0.0)
    assert parity.engine == "torch bfloat16"
    assert parity.equal > 0.3, "half the digits, and answers of random weights are close calls"
    assert {weight.dtype for weight in fast.built.model.parameters()} == {torch.bfloat16}
    assert all(b.dtype != torch.bfloat16 for b in fast.built.model.buffers())
    assert engine.load(trained, tmp_path / "engine").answers(TEXTS) == fast.answers(TEXTS)


def test_bfloat16_without_hardware_is_told(monkeypatch):
    monkeypatch.setattr("p2m.student.machine.CPUINFO", Path("/nowhere"))
    message = (
        "compute_type=bfloat16: this machine's cpu has no hardware for it,"
        " so it would be slower; use float32"
    )
    assert list(Torch("bfloat16").ready()) == ([] if torch.cuda.is_available() else [message])
    assert list(Torch("float32").ready()) == []


def test_a_missing_package_is_told(monkeypatch):
    engine = CTranslate2("int8")
    assert isinstance(engine, Ready)
    assert list(engine.ready()) == []
    monkeypatch.setattr(ctranslate2, "find_spec", lambda name: None)
    assert list(engine.ready()) == [
        "needs CTranslate2, which is not installed; pip install 'p2m[ctranslate2]'"
    ]


def test_the_converted_student_holds_no_text_of_the_vocabulary(tmp_path):
    trained = save(tmp_path / "student", TINY_T5)
    engine: Engine = CTranslate2("float32")
    engine.load(trained, tmp_path / "engine")
    path = tmp_path / "engine/float32/shared_vocabulary.json"
    assert json.loads(path.read_text()) == [str(i) for i in range(TINY_T5["vocab_size"])]
