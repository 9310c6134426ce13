from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from p2m.artifacts import TaskSpec
from p2m.model.scratch import Scratch

NANO = Path(__file__).resolve().parents[2] / "conf/model/byt5_nano.yaml"


@pytest.fixture
def nano():
    settings = yaml.safe_load(NANO.read_text(encoding="utf-8"))
    del settings["_target_"]
    return Scratch(**settings)


def test_choice_is_a_t5_config_and_no_hub_model(nano, work):
    choice = nano.run(TaskSpec("x"), work)
    assert (choice.base, choice.revision, choice.kind, choice.candidates) == (
        "scratch",
        None,
        "encoder-decoder",
        (),
    )
    assert choice.config == {
        "model_type": "t5",
        "vocab_size": 384,
        "d_model": 128,
        "d_ff": 384,
        "d_kv": 32,
        "num_heads": 4,
        "num_layers": 3,
        "num_decoder_layers": 2,
        "relative_attention_num_buckets": 32,
        "relative_attention_max_distance": 128,
        "feed_forward_proj": "relu",
        "tie_word_embeddings": True,
        "dropout_rate": 0.0,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "decoder_start_token_id": 0,
    }


def test_nano_has_one_million_parameters_and_tied_embeddings(nano, work):
    from p2m.student import build

    model = build.fresh(nano.run(TaskSpec("x"), work), seed=0).model
    assert sum(p.numel() for p in model.parameters()) == 1_001_472
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


def test_distances_that_leave_no_far_bucket_are_refused(nano):
    buckets = nano.relative_attention_num_buckets
    said = (
        f"relative_attention_max_distance={buckets // 2} must be above half of "
        f"relative_attention_num_buckets={buckets}"
    )
    with pytest.raises(ValueError, match=f"^{said}$"):
        replace(nano, relative_attention_max_distance=buckets // 2)


def test_the_least_distance_that_is_taken_has_a_bucket_for_every_place(nano, work):
    from p2m.student import build

    least = replace(
        nano, relative_attention_max_distance=nano.relative_attention_num_buckets // 2 + 1
    )
    model = build.fresh(least.run(TaskSpec("x"), work), seed=0).model
    for stack in (model.encoder, model.decoder):
        assert stack.block[0].layer[0].SelfAttention.compute_bias(200, 200).isfinite().all()


def test_pieces_are_as_many_as_the_vocabulary_has_room_for(work):
    settings = yaml.safe_load(NANO.with_name("t5_nano.yaml").read_text(encoding="utf-8"))
    del settings["_target_"]
    choice = Scratch(**settings).run(TaskSpec("x"), work)
    assert (choice.base, choice.pieces, choice.config["vocab_size"]) == ("scratch", 1024, 1024)
    assert "tokenizer" not in choice.config


@pytest.mark.parametrize(("name", "weights"), [("byt5_micro", 8e6), ("byt5_mini", 20e6)])
def test_larger_ones_have_as_many_parameters_as_they_say(name, weights, work):
    from p2m.student import build

    settings = yaml.safe_load(NANO.with_name(f"{name}.yaml").read_text(encoding="utf-8"))
    del settings["_target_"]
    model = build.fresh(Scratch(**settings).run(TaskSpec("x"), work), seed=0).model
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(weights, rel=0.02)
