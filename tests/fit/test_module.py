"""The laws of training: what carries loss, what is learnt, how the learning rate goes."""

import importlib
import itertools
import json
import math
import os
import random
import shutil
import warnings
import weakref
from dataclasses import replace
from types import SimpleNamespace
from typing import get_args, get_type_hints

import pytest
import torch
import yaml

from p2m.artifacts import Choice, Example, Splits, Student
from p2m.engine import decode
from p2m.errors import IncompleteError, UserError
from p2m.fit import memory as _memory
from p2m.fit import prepare as _prepare
from p2m.fit import train as _fit
from p2m.fit.checkpoint import Best
from p2m.fit.data import Batch, Pairs, tokenized
from p2m.fit.module import Fit, Valid, _entropy
from p2m.fit.plan import planned
from p2m.student import build, machine
from p2m.student.byte_tokenizer import ByteTokenizer
from p2m.trainer.lightning import Lightning
from tests.fit.conftest import ROOT, TINY, examples, fit_here, job, settings
from tests.students import TINY_BART


def module(**changes) -> Fit:
    made = build.fresh(Choice("scratch", None, "encoder-decoder", TINY | {"dropout_rate": 0.0}), 0)
    return Fit(made, planned(settings(**changes), True, "t5", 20_000, 80))


def parts(tmp_path, rows, max_tokens=9999):
    tokens = tokenized(rows, ("", ""), build.LoadedModel(None, ByteTokenizer()), tmp_path, "train")
    return Pairs(*tokens, 64, 64, 0, 1, 2, [1], False).parts(range(len(rows)), max_tokens)


def test_padding_carries_no_loss(tmp_path):
    """The loss of a batch is that of its examples one by one: neither padded inputs nor padded outputs add to it."""
    fit, rows = module(), examples(12)
    (whole,) = parts(tmp_path, rows)
    alone = sum(fit.loss(parts(tmp_path, [row])[0]).item() for row in rows)
    assert fit.loss(whole).item() == pytest.approx(alone, rel=1e-5)


def test_the_loss_is_that_of_transformers(tmp_path):
    fit = module()
    ((ids, labels),) = parts(tmp_path, examples(12))
    theirs = fit.model(input_ids=ids, attention_mask=ids != 0, labels=labels).loss
    assert fit.loss((ids, labels)).item() / int((labels != -100).sum()) == pytest.approx(
        theirs.item(), rel=1e-5
    )


def test_a_label_that_is_masked_gets_no_gradient(tmp_path):
    fit = module()
    ((ids, labels),) = parts(tmp_path, examples(12))
    labels[:, 1:] = -100
    logits = fit.logits((ids, labels))
    logits.retain_grad()
    _entropy(logits, labels).backward()
    assert logits.grad[:, 0].abs().sum() > 0
    assert logits.grad[:, 1:].abs().sum() == 0


def test_a_batch_in_parts_has_the_gradients_of_the_whole(tmp_path):
    def gradients(max_tokens):
        fit = module()
        batch = parts(tmp_path, examples(12), max_tokens)
        labels = sum((part[1] != -100).sum() for part in batch)
        for part in batch:
            (fit.loss(part) / labels).backward()
        return len(batch), torch.cat([p.grad.flatten() for p in fit.model.parameters()])

    (one, whole), (several, split) = gradients(9999), gradients(40)
    assert (one, several > 2) == (1, True)
    assert torch.allclose(whole, split, atol=1e-6)


def test_the_learning_rate_rises_to_its_peak_and_falls_to_nothing():
    fit = module(max_examples=8000, warmup_steps=100, lr=1.0)
    rates = [fit.rate(step) for step in (0, 49, 99, 500, 999)]
    assert rates == pytest.approx([0.01, 0.5, 1.0, 0.5, 0.0], abs=0.03)
    assert fit.rate(fit.plan.steps) == pytest.approx(0)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("cosine", [1.0, 0.854, 0.5, 0.146, 0.0]),
        ("linear", [1.0, 0.75, 0.5, 0.25, 0.0]),
        ("wsd", [1.0, 1.0, 1.0, 1.0, 0.0]),
    ],
)
def test_schedules_fall_as_they_are_named(schedule, rates):
    fit = module(max_examples=8000, warmup_steps=0, lr=1.0, schedule=schedule)
    assert [fit.rate(step) for step in (0, 250, 500, 750, 1000)] == pytest.approx(rates, abs=1e-3)
    assert schedule != "wsd" or fit.rate(900) == pytest.approx(0.5)


def test_muon_takes_the_matrices_and_adamw_the_tables_and_norms():
    muon, adamw = module().configure_optimizers()
    assert {p.ndim for group in muon.param_groups for p in group["params"]} == {2}
    fit = module()
    names = {id(p): n for n, p in fit.model.named_parameters()}
    muon, adamw = fit.configure_optimizers()
    rest = [names[id(p)] for group in adamw.param_groups for p in group["params"]]
    assert [n for n in rest if "layer_norm" not in n] == [
        "shared.weight",
        "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
    ]
    assert sum(len(g["params"]) for o in (muon, adamw) for g in o.param_groups) == len(names)


def trained(tmp_path, train, valid, **changes):
    plain = {"config": TINY | {"dropout_rate": 0.0, "d_model": 64}, "residual_dropout": 0.0}
    folder = job(tmp_path / "job", Splits(train, valid), **(plain | changes))
    student = fit_here(folder)["student"]
    return folder, decode.load(Student(folder, **student))


def compiled(folder):
    """Trains the job with trainer.compile, which is refused on a processor, as nothing is gained there."""
    ready = _prepare.ready(folder, json.loads((folder / "job.json").read_text()))
    ready.data.plan = replace(ready.data.plan, compile=True)
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch and Lightning use what is deprecated
        _fit._trained(folder, ready, None, lambda message: None, lambda: 0)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"], "nothing was compiled"


@pytest.mark.slow
@pytest.mark.skipif(
    not shutil.which(os.environ.get("CXX", "g++")),
    reason="on a processor torch.compile needs a C++ compiler",
)
def test_compiled_a_student_has_the_same_losses_and_the_minutes_of_training_begin_after_it(
    tmp_path,
):
    splits, whole, broken = (
        Splits(examples(100), examples(20, 100)),
        tmp_path / "whole",
        tmp_path / "compiled",
    )
    how = {
        "config": TINY | {"dropout_rate": 0.0},
        "max_examples": 400,
        "valid_every": 400,
        "checkpoint_s": 60,
        "optimizer": "adamw",
    }
    fit_here(job(whole, splits, **how))
    compiled(job(broken, splits, **how))
    left = [
        [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()[1:]]
        for folder in (whole, broken)
    ]
    assert len(left[0]) == len(left[1]) >= 4
    for ours, theirs in zip(*left, strict=True):
        key = "loss" if "loss" in ours else "valid"
        assert ours[key] == pytest.approx(theirs[key], rel=1e-3)
        assert ours[key] > 0.5, "a loss that training has not brought to nothing tells more"
    short = job(tmp_path / "short", splits, **how, max_minutes=0.05)  # less than compiling takes
    compiled(short)
    assert json.loads((short / "curve.jsonl").read_text().splitlines()[-1])["step"] > 1


def test_eight_examples_are_learnt_by_heart(tmp_path):
    rows = examples(8, 100)
    debug = yaml.safe_load((ROOT / "conf/trainer/debug.yaml").read_text(encoding="utf-8"))
    debug = {name: value for name, value in debug.items() if name in settings()} | {
        "residual_dropout": "auto"
    }
    assert debug["overfit"] == 8
    _, decoder = trained(tmp_path, [*rows, *examples(50, 200)], [], **debug)
    assert decoder.answers([row.input for row in rows]) == [row.output for row in rows]


def test_shuffled_labels_do_not_score(tmp_path):
    """Answers drawn by lot cannot be told from inputs: the validation loss stays at what the letters alone give."""
    rng = random.Random(0)
    rows = [Example(str(i), rng.choice("ab"), "user:train") for i in range(300)]
    folder, _ = trained(
        tmp_path, rows[:200], rows[200:], max_examples=960, valid_every=160, patience=None, lr=1e-2
    )
    points = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
    best = min(p["valid"] for p in points if "valid" in p)
    assert best == pytest.approx(
        math.log(2) / 2, abs=0.05
    )  # two tokens: the letter, which no one can know, and the end, which is sure


def test_the_share_of_exact_answers_is_that_of_decoding(tmp_path):
    """Known from the validation's own pass through the model, without decoding a token."""
    rows = examples(30, 100)
    folder, decoder = trained(tmp_path, rows, rows, max_examples=1600, valid_every=1600, lr=2e-2)
    said = decoder.answers([row.input for row in rows])
    last = json.loads((folder / "curve.jsonl").read_text().splitlines()[-1])
    assert last["exact_match"] > 0
    assert (
        last["exact_match"] == sum(a == row.output for a, row in zip(said, rows, strict=True)) / 30
    )


class Validated:
    """As much of a module as the callback looks at."""

    def __init__(self, step: int, loss: float, exact: float) -> None:
        self.step, self.valid, self.model = step, Valid(loss, exact), torch.nn.Linear(1, 1)


@pytest.mark.parametrize(("select", "best"), [("exact_match", 3), ("loss", 4)])
def test_the_best_weights_are_those_of_the_chosen_quantity(tmp_path, select, best):
    made = Best(tmp_path, select, None, print)
    for seen in (
        Validated(1, 2.0, 0.1),
        Validated(2, 1.5, 0.5),
        Validated(3, 1.2, 0.5),
        Validated(4, 1.1, 0.4),
        Validated(5, math.nan, 0.9),
    ):
        made.on_validation_end(None, seen)
    assert made.file == f"best-{best:09d}.safetensors"


@pytest.mark.parametrize("changes", [{}, {"method": "lora", "lora_rank": 4}], ids=["full", "lora"])
@pytest.mark.parametrize(
    "select",
    [
        name
        for name in get_args(get_type_hints(Lightning)["select"])
        if name not in {"exact_match", "loss"}
    ],
)
def test_weights_may_be_chosen_by_any_metric_of_their_answers(tmp_path, select, changes):
    written = importlib.import_module(f"p2m.metric.{select}")
    (metric,) = (
        kind()
        for kind in vars(written).values()
        if isinstance(kind, type) and kind.__module__ == written.__name__
    )
    valid = [replace(row, also=("two two t t t", "twooooo")) for row in examples(10, 40)]
    folder, decoder = trained(
        tmp_path,
        examples(40),
        valid,
        select=select,
        max_examples=640,
        valid_every=320,
        lr=1e-2,
        **changes,
    )
    scores = [
        line[select]
        for line in map(json.loads, (folder / "curve.jsonl").read_text().splitlines())
        if "valid" in line
    ]
    assert len(scores) == 2
    said = decoder.answers([row.input for row in valid])
    assert metric.score(said, [row.accepted for row in valid]) == pytest.approx(
        max(scores), abs=1e-6
    )
    if select == "chrf":
        assert metric.score(said, [[row.output] for row in valid]) != pytest.approx(
            max(scores), abs=1e-6
        )


def test_a_loss_that_is_no_number_is_seen_where_the_clock_ends_the_training(tmp_path, monkeypatch):
    clock = itertools.count(
        0, 3
    )  # a minute in twenty looks at it, which are fewer steps than lie between two points of the curve
    monkeypatch.setattr("p2m.fit.module.time", SimpleNamespace(monotonic=lambda: next(clock)))
    with pytest.raises(IncompleteError, match=r"^trainer: the loss is nan at step "):
        trained(
            tmp_path,
            examples(400),
            [],
            lr=1e30,
            clip=1e30,
            max_minutes=1,
            max_examples=4000,
            valid_every=4000,
            warmup_steps=0,
        )


def test_the_largest_seed_trains(tmp_path):
    assert (
        fit_here(job(tmp_path / "job", Splits(examples(8), []), seed=2**63 - 1, max_examples=16))
    )["student"]


def test_validation_looks_at_examples_from_all_over_the_file():
    from p2m.fit.prepare import _spread

    assert [row.input for row in _spread(examples(10), 4)] == ["0", "2", "5", "7"]
    assert _spread(examples(3), 4) == examples(3)
    assert _spread([], 4) == []


def test_lengths_that_are_set_are_kept_to_whatever_the_examples_have(tmp_path):
    folder = job(
        tmp_path / "job", Splits(examples(20), []), max_input=24, max_output=200, max_examples=8
    )
    student = fit_here(folder)["student"]
    assert (student["max_input"], student["max_output"]) == (24, 200)


def test_a_student_learns_its_pieces_from_the_training_examples(tmp_path):
    folder = job(
        tmp_path / "job",
        Splits(examples(40), examples(10, 40)),
        config=TINY | {"vocab_size": 300},
        pieces=300,
    )
    student = Student(folder, **fit_here(folder)["student"])
    assert json.loads((folder / "student.json").read_text())["tokenizer"] == "learned"
    assert "Ġ" in (folder / "tokenizer.json").read_text(encoding="utf-8")
    tokenizer = decode.load(student).built.tokenizer
    assert len(tokenizer.encode(["one two"])[0]) == 3  # two words and the end
    untrained = decode.load_base(
        Choice("scratch", None, "encoder-decoder", TINY | {"vocab_size": 300}), student, 0
    )
    assert (
        untrained.built.tokenizer.encode(["one two"])[0].tolist()
        == tokenizer.encode(["one two"])[0].tolist()
    )


def test_weights_that_are_frozen_stay_as_they_were(tmp_path):
    _, decoder = trained(tmp_path, examples(20), [], freeze=["shared", "encoder"], max_examples=80)
    fresh = build.fresh(
        Choice("scratch", None, "encoder-decoder", TINY | {"dropout_rate": 0.0, "d_model": 64}), 0
    ).model.state_dict()
    same = {
        name for name, t in decoder.built.model.state_dict().items() if torch.equal(t, fresh[name])
    }
    assert all(name in same for name in fresh if name.startswith(("shared", "encoder")))
    assert not any(
        name in same
        for name in fresh
        if name.endswith("SelfAttention.q.weight") and name.startswith("decoder")
    )


@pytest.mark.parametrize(
    ("freeze", "said"),
    [
        (
            ["embed"],
            "no weight of this student begins with 'embed'; the first parts of their names are decoder, encoder, shared",
        ),
        (["shared", "encoder", "decoder"], "shared, encoder, decoder leave no weight to train"),
    ],
)
def test_what_cannot_be_frozen_is_told(tmp_path, freeze, said):
    with pytest.raises(UserError, match=f"^trainer.freeze: {said}$"):
        trained(tmp_path, examples(20), [], freeze=freeze)


def test_gradient_checkpointing_changes_no_loss(tmp_path):
    curves = []
    for on in (False, True):
        folder, _ = trained(
            tmp_path / str(on),
            examples(40),
            examples(10, 40),
            gradient_checkpointing=on,
            max_examples=160,
            optimizer="adamw",
        )
        curves.append(
            [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
        )
    for plain, checkpointed in zip(*curves, strict=True):
        assert all(checkpointed[name] == pytest.approx(plain[name], rel=1e-3) for name in plain), (
            plain,
            checkpointed,
        )


def test_where_memory_does_not_suffice_a_batch_goes_in_halves_with_the_same_gradients(
    tmp_path, monkeypatch
):
    data = type("Data", (), {"max_tokens": 9999})()
    whole, halved = module(), module()
    halved._trainer = whole._trainer = type(
        "Trainer", (), {"datamodule": data, "training": False}
    )()
    batch = Batch(parts(tmp_path, examples(8)), 99, 8)
    monkeypatch.setattr(Fit, "manual_backward", lambda self, loss: loss.backward())
    wanted = whole._gradients(batch, 1)
    loss = Fit.loss

    def tight(self, part):
        if len(part[0]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return loss(self, part)

    monkeypatch.setattr(Fit, "loss", tight)
    assert halved._gradients(batch, 1) == pytest.approx(float(wanted), rel=1e-5)
    for p, q in zip(whole.parameters(), halved.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, atol=1e-6, rtol=1e-4)
    assert data.max_tokens < 2 * 40
    assert all(len(ids) <= 2 for ids, _ in parts(tmp_path, examples(8), data.max_tokens)), (
        "later batches should begin with what fits"
    )


class Norms:
    """An optimiser that only looks: how long the whole gradient is when it would step."""

    def __init__(self, parameters):
        self.param_groups, self.seen = [{"params": list(parameters), "lr": 0.0}], []

    def step(self):
        gradients = [p.grad for p in self.param_groups[0]["params"]]
        self.seen.append(
            float(
                torch.linalg.vector_norm(
                    torch.stack([torch.linalg.vector_norm(g) for g in gradients])
                )
            )
        )

    def zero_grad(self):
        for p in self.param_groups[0]["params"]:
            p.grad = None


@pytest.mark.parametrize(("size", "length"), [(1e3, 0.5), (1e-6, None)])
def test_a_gradient_longer_than_clip_is_shortened_to_it_and_a_shorter_one_stays(size, length):
    made = module(clip=0.5)
    for p in made.model.parameters():
        p.grad = torch.full_like(p, size)
    long = size * math.sqrt(sum(p.numel() for p in made.model.parameters()))
    looks = Norms(made.model.parameters())
    made._trainer = SimpleNamespace(optimizers=[looks])
    made._update()
    assert looks.seen == [pytest.approx(length or long, rel=1e-3)]


def test_parts_that_were_halved_are_as_small_after_a_checkpoint():
    made, saved = module(), {"loops": None}
    made._trainer = SimpleNamespace(datamodule=SimpleNamespace(max_tokens=50))
    made.on_save_checkpoint(saved)
    made.trainer.datamodule.max_tokens = 9999
    made.on_load_checkpoint(saved)
    assert made.trainer.datamodule.max_tokens == 50


def test_a_part_is_beyond_the_limit_unless_it_is_one_example(tmp_path):
    wide = parts(tmp_path, examples(8))
    assert _memory.beyond(wide, _memory.tokens(wide) - 1)
    assert not _memory.beyond(wide, _memory.tokens(wide))
    assert not _memory.beyond(parts(tmp_path, examples(1)), 1)


def test_where_memory_does_not_suffice_for_gradients_the_activations_are_given_back_before_smaller_parts_are_tried(
    tmp_path, monkeypatch
):
    made, held = module(), []
    made._trainer = SimpleNamespace(datamodule=SimpleNamespace(max_tokens=9999), training=False)

    def tight(self, loss):
        if not held:
            held.append(weakref.ref(loss))
            raise torch.OutOfMemoryError("CUDA out of memory")
        assert held[0]() is None
        loss.backward()

    monkeypatch.setattr(Fit, "manual_backward", tight)
    made._gradients(Batch(parts(tmp_path, examples(8)), 99, 8), 1)
    assert made.trainer.datamodule.max_tokens < 9999


@torch.no_grad()
def test_where_memory_does_not_suffice_validation_goes_in_halves_and_finds_the_same(
    tmp_path, monkeypatch
):
    whole, halved = module(), module()
    every = parts(tmp_path, examples(8))
    whole.validation_step(every, 0)
    look = Fit._looked_at

    def tight(self, part):
        if len(part[0]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return look(self, part)

    monkeypatch.setattr(Fit, "_looked_at", tight)
    halved.validation_step(every, 0)
    assert len(halved._seen) > len(whole._seen)
    for one, other in zip(
        zip(*whole._seen, strict=True), zip(*halved._seen, strict=True), strict=True
    ):
        assert sum(other) == pytest.approx(sum(one), rel=1e-5)
    alone = module()
    alone.plan = replace(alone.plan, strategy="fsdp")
    with pytest.raises(
        torch.OutOfMemoryError
    ):  # the other processes would wait for weights that this one gathers again
        alone.validation_step(every, 0)


def test_memory_that_does_not_suffice_for_one_example_is_told_with_what_to_do(tmp_path):
    with pytest.raises(
        UserError,
        match=r"memory does not suffice for a single example; set trainer\.gradient_checkpointing=true",
    ):
        _memory.halved(parts(tmp_path, examples(1)))
    assert machine.out_of_memory(
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
    )
    assert not machine.out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_weights_that_the_last_step_made_no_numbers_are_not_kept(tmp_path):
    folder = job(
        tmp_path / "job",
        Splits(examples(8), []),
        max_examples=8,
        optimizer="adamw",
        lr=1e39,
        warmup_steps=0,
    )
    with pytest.raises(
        IncompleteError,
        match=r"^trainer: the last step left weights that are no numbers; a lower trainer\.lr or trainer\.precision=fp32 may help$",
    ):
        fit_here(folder)
    assert not (folder / "model.safetensors").exists()


@pytest.mark.parametrize("name", ["max_input", "max_output"])
def test_more_tokens_than_a_student_has_positions_are_refused(tmp_path, name):
    folder = job(
        tmp_path / "job", Splits(examples(8), examples(4, 8)), config=TINY_BART, **{name: 129}
    )
    with pytest.raises(
        UserError,
        match=rf"^trainer\.{name}: this student has 128 positions, got 129; set 128 or less, or auto$",
    ):
        fit_here(folder)
