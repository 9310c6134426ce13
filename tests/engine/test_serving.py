import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from p2m.artifacts import Parity
from p2m.engine import decode, serving
from p2m.engine.serving import Serving
from p2m.errors import UserError
from p2m.student import build
from tests.engine.test_decode import TEXTS
from tests.student.conftest import CONFIGS, TINY_BERT, TINY_T5, built, choice, student

ctranslate2 = pytest.importorskip("ctranslate2")


def kept(folder, config: dict, **changes):
    about = student(folder, prefix="to: ", max_input=64, max_output=24, **changes)
    build.keep(built(choice(config), labels=about.labels), about)
    return about


@pytest.mark.parametrize("name", CONFIGS)
def test_converted_students_answer_as_torch_does(tmp_path, name):
    kind = "decoder-only" if name in {"llama", "qwen2"} else "encoder-decoder"
    trained = kept(tmp_path / "student", CONFIGS[name], kind=kind)
    fast, parity = Serving("ctranslate2", "float32", 1.0).load(trained, tmp_path, TEXTS)
    plain = decode.load(trained).answers(TEXTS)
    assert fast.engine is not None
    assert len(set(plain)) > 5
    assert fast.answers(TEXTS) == plain
    assert parity == (Parity("ctranslate2 float32", 1.0, len(TEXTS)),)


def test_long_inputs_are_read_whole(tmp_path):
    trained = kept(tmp_path / "student", TINY_T5)
    trained = replace(trained, max_input=4096)
    rng = random.Random(0)
    texts = ["".join(rng.choices("abcdefgh ", k=1500)) for _ in range(40)]
    fast, (parity,) = Serving("ctranslate2", "float32", 1.0).load(trained, tmp_path, texts)
    assert len(set(fast.answers(texts))) > 1
    assert parity.equal == 1.0


def test_int8_is_a_quarter_of_the_size_and_is_served_again_as_it_was_left(tmp_path):
    trained = kept(tmp_path / "student", TINY_T5 | {"d_model": 64, "d_ff": 256})
    sizes = {}
    for compute_type in ("float32", "int8"):
        fast, (parity,) = Serving("ctranslate2", compute_type, 0.5).load(trained, tmp_path, TEXTS)
        assert parity.equal > 0.7, "int8 rounds, and answers of random weights are close calls"
        sizes[compute_type] = (tmp_path / "ctranslate2/model.bin").stat().st_size
    assert sizes["int8"] < 0.4 * sizes["float32"]
    again = serving.served(trained, tmp_path)
    assert again.engine is not None
    assert again.answers(TEXTS) == fast.answers(TEXTS)


def test_a_report_without_conversion_is_served_by_torch(tmp_path):
    trained = kept(tmp_path / "student", TINY_T5)
    plain, parity = Serving("torch", "float32", 1.0).load(trained, tmp_path, TEXTS)
    assert (plain.engine, parity) == (None, ())
    assert serving.served(trained, tmp_path).engine is None


def test_answers_that_differ_too_often_are_refused(tmp_path, monkeypatch):
    trained = kept(tmp_path / "student", TINY_T5)
    from p2m.engine import _ctranslate2

    monkeypatch.setattr(_ctranslate2, "greedy", lambda *_: lambda ids: [[70] for _ in ids])
    with pytest.raises(UserError) as caught:
        Serving("ctranslate2", "int8", 0.98).load(trained, tmp_path, TEXTS)
    assert str(caught.value) == (
        "student: with engine=ctranslate2 and compute_type=int8, 0.0 % of 12 answers are those of torch in float32; student.parity asks"
        " for 98.0 %."
        "  The student is kept: set student.compute_type=float32, or lower student.parity"
    )


def test_an_architecture_that_cannot_be_converted_is_named(tmp_path):
    trained = kept(tmp_path / "student", TINY_BERT, kind="encoder", labels=("a", "b"))
    with pytest.raises(
        UserError,
        match=r"is for the architectures bart, .*, qwen2; this one is bert \(encoder\): set student.engine=torch",
    ):
        Serving("ctranslate2", "float32", 1.0).load(trained, tmp_path, TEXTS)


@pytest.mark.parametrize("name", CONFIGS)
def test_bfloat16_answers_nearly_as_float32_and_is_served_again_as_it_was_left(tmp_path, name):
    kind = "decoder-only" if name in {"llama", "qwen2"} else "encoder-decoder"
    trained = kept(tmp_path / "student", CONFIGS[name], kind=kind)
    fast, (parity,) = Serving("torch", "bfloat16", 0.0).load(trained, tmp_path, TEXTS)
    assert parity.engine == "torch bfloat16"
    assert parity.equal > 0.3, "half the digits, and answers of random weights are close calls"
    assert {weight.dtype for weight in fast.built.model.parameters()} == {torch.bfloat16}
    assert all(b.dtype != torch.bfloat16 for b in fast.built.model.buffers())
    again = serving.served(trained, tmp_path)
    assert again.answers(TEXTS) == fast.answers(TEXTS)
    assert {weight.dtype for weight in again.built.model.parameters()} == {torch.bfloat16}


def test_bfloat16_without_hardware_is_told(monkeypatch):
    wanted = Serving("torch", "bfloat16", 0.9)
    monkeypatch.setattr("p2m.student.machine.CPUINFO", Path("/nowhere"))
    told = "compute_type=bfloat16: this machine's cpu has no hardware for it, so it would be slower; use float32"
    assert list(wanted.ready()) == ([] if torch.cuda.is_available() else [told])


def test_int8_without_ctranslate2_is_refused_and_a_missing_package_is_told(monkeypatch):
    with pytest.raises(
        ValueError, match="compute_type: engine=torch has float32 and bfloat16, got int8"
    ):
        Serving("torch", "int8", 0.9)
    assert list(Serving("ctranslate2", "int8", 0.9).ready()) == []
    monkeypatch.setattr(serving, "find_spec", lambda name: None)
    assert list(Serving("ctranslate2", "int8", 0.9).ready()) == [
        "engine=ctranslate2 needs CTranslate2, which is not installed; pip install 'p2m[ctranslate2]'"
    ]


def test_the_converted_student_holds_no_text_of_the_vocabulary(tmp_path):
    trained = kept(tmp_path / "student", TINY_T5)
    Serving("ctranslate2", "float32", 0.0).load(trained, tmp_path, TEXTS)
    tokens = json.loads((tmp_path / "ctranslate2/shared_vocabulary.json").read_text())
    assert tokens == [str(i) for i in range(TINY_T5["vocab_size"])]
