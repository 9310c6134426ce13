"""Every `auto` of the settings, as the student and the examples settle it."""

import json
import math

import numpy as np
import pytest

from p2m.artifacts import Choice
from p2m.fit.data import Order
from p2m.student.build import ARCHITECTURES
from p2m.trainer._plan import RATES
from tests.fit.conftest import TINY, make
from tests.students import CONFIGS, TINY_BERT

LARGER = TINY | {"d_model": 512, "d_ff": 2048, "num_layers": 2}
# SmolLM2-360M's dimensions
SMOL = CONFIGS["llama"] | {
    "hidden_size": 960,
    "intermediate_size": 2560,
    "num_hidden_layers": 32,
    "num_attention_heads": 15,
    "num_key_value_heads": 5,
    "vocab_size": 49152,
}
# above half a billion parameters
LARGE_LLAMA = SMOL | {"num_hidden_layers": 64}
BERT = TINY_BERT | {"hidden_size": 768}
AUTO = dict.fromkeys(("max_examples", "batch_size", "valid_every", "precision", "threads"), "auto")


@pytest.fixture
def plan(tmp_path):
    """Makes the plan for *n* examples and a student from scratch, or a published one, of
    *config*."""

    def of(config=TINY, scratch=True, n=20_000, **changes):
        kind = next(kind for kind, names in ARCHITECTURES.items() if config["model_type"] in names)
        choice = Choice("scratch", None, kind, config)
        labels = ("one", "two") if kind == "encoder" else ()
        if not scratch:
            (tmp_path / "config.json").write_text(json.dumps(config))
            choice = Choice(str(tmp_path), None, kind)
        return make(choice, n, labels, **AUTO | changes)

    return of


@pytest.mark.parametrize(
    ("scratch", "config", "changes", "expected"),
    [
        (True, TINY, {}, ("muon", 8e-3)),
        (True, LARGER, {}, ("muon", 3e-3)),
        (True, TINY, {"optimizer": "adamw"}, ("adamw", 1e-3)),
        (True, TINY, {"optimizer": "adafactor"}, ("adafactor", 1e-2)),
        (True, TINY, {"lr": 0.5}, ("muon", 0.5)),
        (True, TINY, {"strategy": "fsdp"}, ("adamw", 1e-3)),
        (False, TINY, {}, ("adamw", 3e-4)),
        (False, TINY, {"lora_rank": 16}, ("adamw", 1e-3)),
        (False, TINY, {"optimizer": "adafactor"}, ("adafactor", 1e-3)),
        (False, TINY, {"optimizer": "muon"}, ("muon", 3e-4)),
        (False, CONFIGS["bart"], {}, ("adamw", 3e-5)),
        (False, BERT, {}, ("adamw", 5e-5)),
        (False, BERT | {"hidden_size": 384}, {}, ("adamw", 1e-4)),
        (False, LARGE_LLAMA, {}, ("adamw", 3e-4)),
        (False, SMOL, {}, ("adamw", 5e-4)),
        (False, CONFIGS["qwen2"], {}, ("adamw", 2e-5)),
        (False, CONFIGS["qwen2"], {"lora_rank": 16}, ("adamw", 2e-4)),
    ],
)
def test_optimizer_and_learning_rate_follow_from_the_student(
    plan, scratch, config, changes, expected
):
    made = plan(config, scratch, **changes)
    assert (made.updates.optimizer, made.updates.lr) == expected


def test_muon_takes_the_learning_rate_of_adamw_where_a_published_student_has_one(plan):
    assert (plan().updates.adjust_lr_fn, plan(scratch=False).updates.adjust_lr_fn) == (
        "original",
        "match_rms_adamw",
    )


def test_length_follows_from_the_examples(plan):
    assert plan(scratch=False, n=1000).steps == 320
    published = {n: plan(scratch=False, n=n).steps / math.ceil(n / 32) for n in (10, 100, 300)}
    assert published == pytest.approx({10: 100, 100: 30, 300: 10}, rel=0.1)
    chosen = {n: 32 * plan(BERT, scratch=False, n=n).steps for n in (64, 1024, 6400)}
    assert chosen == pytest.approx({64: 1200, 1024: 4800, 6400: 12_800}, rel=0.03)
    assert 20 * plan(n=20).steps == 400 * 20, "thirty examples need no 200,000"
    seen = {
        n: 32 * plan(n=n).steps / n for n in (1_000, 6_400, 8_000, 16_000, 32_000, 64_000)
    }  # passes
    assert seen == pytest.approx(
        {1_000: 200, 6_400: 50, 8_000: 50, 16_000: 25, 32_000: 18, 64_000: 18}, rel=0.03
    )


@pytest.mark.parametrize("n", [33, 65, 100, 1000])
def test_batches_that_are_smaller_for_an_even_split_do_not_shorten_the_training(plan, n):
    made = plan(scratch=False, n=n, max_examples=10 * n, valid_every=n)
    order = Order(np.ones(n, int), made.batch_size, 0)
    assert made.steps == 10 * order.per_pass
    assert made.valid_every == order.per_pass


def test_a_batch_is_no_larger_than_the_training_set(plan):
    made = plan(n=8, max_examples=80)
    assert (made.batch_size, made.steps) == (8, 10)


def test_a_student_from_scratch_that_sees_its_examples_often_is_kept_from_learning_them_by_heart(
    plan,
):
    found = {
        passes: plan(n=8000, max_examples=8000 * passes).residual_dropout
        for passes in (4, 5, 20, 21, 40, 41)
    }
    assert found == {4: 0.0, 5: 0.1, 20: 0.1, 21: 0.2, 40: 0.2, 41: 0.3}
    assert (
        plan(n=8, overfit=8, max_examples=4000).residual_dropout == 0
    )  # those few are to be learnt by heart
    assert plan(n=8000, residual_dropout=0.2).residual_dropout == 0.2
    assert plan(n=8000, scratch=False).residual_dropout is None
    assert plan(n=8000, config=CONFIGS["llama"]).residual_dropout is None


def test_a_student_from_scratch_that_sees_its_examples_often_sees_them_in_pairs_too(plan):
    found = {passes: plan(n=8000, max_examples=8000 * passes).concatenate for passes in (20, 21)}
    assert found == {20: 0.0, 21: 0.5}
    assert plan(n=8, overfit=8, max_examples=4000).concatenate == 0
    assert plan(n=8000, concatenate=0.2).concatenate == 0.2
    assert (
        plan(n=8000, scratch=False).concatenate
        == plan(n=8000, config=CONFIGS["llama"]).concatenate
        == 0
    )


def test_there_are_twenty_validations_unless_told_otherwise(plan):
    assert (
        plan(max_examples=32_000).valid_every,
        plan(max_examples=32_000, valid_every=320).valid_every,
    ) == (50, 10)


def test_few_validation_examples_do_not_choose_the_weights(plan):
    made = plan(scratch=False, n=1000)
    assert made.valid_every == made.steps


def test_nothing_ends_a_student_from_scratch_or_one_that_chooses_early(plan):
    assert (
        plan(patience="auto").patience,
        plan(BERT, scratch=False, patience="auto").patience,
        plan(scratch=False, patience="auto").patience,
        plan(patience=3).patience,
    ) == (None, None, 5, 3)


def test_a_short_run_has_a_short_warm_up(plan):
    assert (
        plan(max_examples=32_000).updates.warmup_steps,
        plan(max_examples=640).updates.warmup_steps,
    ) == (100, 2)


def test_every_architecture_that_is_trained_has_a_learning_rate_of_its_own():
    assert set(RATES) == {name for names in ARCHITECTURES.values() for name in names}
