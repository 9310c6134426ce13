import pytest
import torch

from p2m.artifacts import Choice
from p2m.engine import decode
from p2m.errors import ServiceError, UserError
from p2m.student import build
from tests.students import ENCODERS, TINY_BART, TINY_BERT, TINY_T5, built, choice, student


def test_the_seed_decides_the_weights():
    first, second, other = (
        build.fresh(choice(TINY_T5), seed).model.state_dict() for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["shared.weight"], other["shared.weight"])


@pytest.mark.parametrize("config", [TINY_T5, TINY_BART], ids=["t5", "bart"])
def test_a_kept_student_answers_as_before(tmp_path, config):
    made, kept = built(choice(config)), student(tmp_path)
    build.save(made, kept)
    texts = ["abc", "a longer text", "é"]
    assert decode.load(kept).answers(texts) == decode.Decoder(made, "", 64, 24).answers(texts)
    assert {p.name for p in tmp_path.iterdir()} >= {
        "model.safetensors",
        "config.json",
        "student.json",
    }
    assert not list(tmp_path.glob("*.bin"))


def test_a_kept_student_may_be_trained_further_as_a_local_folder(tmp_path):
    made = built(choice(TINY_T5))
    build.save(made, student(tmp_path))
    again = build.fresh(Choice(str(tmp_path), None, "encoder-decoder"), 0)
    assert torch.equal(again.model.shared.weight, made.model.shared.weight)
    assert again.tokenizer.name == "bytes"


def test_an_architecture_off_the_list_is_refused_with_the_list():
    with pytest.raises(
        UserError,
        match=(
            r"'scratch' has the architecture 'bert'; as encoder-decoder these are known: bart, "
            r"mt5, t5"
        ),
    ):
        build.fresh(Choice("scratch", None, "encoder-decoder", {"model_type": "bert"}), 0)


def test_a_kind_that_cannot_be_trained_is_refused():
    with pytest.raises(
        UserError,
        match=(
            r"student: 'x' is of kind diffusion; p2m trains decoder-only, encoder, "
            r"encoder-decoder"
        ),
    ):
        build._check("diffusion", "x", "x")


def test_a_student_that_chooses_needs_labels_to_choose_from():
    with pytest.raises(
        UserError,
        match=r"student: 'scratch' chooses among labels, and the task has no closed set of them",
    ):
        build.fresh(choice(TINY_BERT), 0)


def test_settings_that_the_architecture_does_not_take_are_told():
    with pytest.raises(UserError, match=r"student: no t5 can be made from \{.*'d_model': 'wide'"):
        build.fresh(choice(TINY_T5 | {"d_model": "wide"}), 0)


def test_a_student_that_the_hub_does_not_give_is_named_with_a_way_out():
    with pytest.raises(
        ServiceError,
        match=(
            r"student: cannot load 'nobody/nothing' at revision main: .*model=byt5_nano needs no "
            r"hub"
        ),
    ):
        build.fresh(Choice("nobody/nothing", None, "encoder-decoder"), 0)


def test_weights_that_are_not_safetensors_are_refused(tmp_path):
    made = built(choice(TINY_T5))
    made.model.config.save_pretrained(tmp_path)
    torch.save(made.model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(ServiceError, match="must be safetensors"):
        build.fresh(Choice(str(tmp_path), None, "encoder-decoder"), 0)


@pytest.mark.parametrize(("name", "most"), [("bert", 128), ("roberta", 126), ("mpnet", 126)])
def test_positions_behind_the_id_of_padding_are_not_counted_twice(name, most):
    made = build.fresh(choice(ENCODERS[name] | {"pad_token_id": 1}), 0, labels=("a", "b"))
    assert build.positions(made.model) == most
    for length in (most, most + 1):
        ids = torch.full((1, length), 5)
        if length == most:
            made.model(input_ids=ids, attention_mask=torch.ones_like(ids))
        else:
            with pytest.raises((IndexError, RuntimeError)):
                made.model(input_ids=ids, attention_mask=torch.ones_like(ids))
