"""The laws of a step: what carries loss, how the learning rate goes, what happens where memory is
short."""

import math
import weakref
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from p2m.artifacts import Choice
from p2m.errors import UserError
from p2m.fit import memory
from p2m.fit.checkpoint import Best
from p2m.fit.data import Batch, Pairs, tokenize
from p2m.fit.module import StudentModule, Valid, entropy
from p2m.fit.place import find_place
from p2m.student import build, machine
from p2m.student.byte_tokenizer import ByteTokenizer
from tests.fit.conftest import TINY, examples, make

CHOICE = Choice("scratch", None, "encoder-decoder", TINY | {"dropout_rate": 0.0})


def module(**changes) -> StudentModule:
    plan = make(CHOICE, n=80, **changes)
    return StudentModule(build.fresh(CHOICE, 0), plan, find_place(plan, 8))


def parts(tmp_path, rows, max_tokens=9999):
    bytes_alone = build.LoadedModel(None, ByteTokenizer())
    tokens = tokenize(rows, ("", ""), bytes_alone, tmp_path / "train")
    return Pairs(*tokens, 64, 64, ByteTokenizer(), [1], False).parts(range(len(rows)), max_tokens)


def test_padding_carries_no_loss(tmp_path):
    """The loss of a batch is that of its examples one by one: neither padded inputs nor padded
    outputs add to it."""
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
    entropy(logits, labels).backward()
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
    rates = [fit.lr_at(step) for step in (0, 49, 99, 500, 999)]
    assert rates == pytest.approx([0.01, 0.5, 1.0, 0.5, 0.0], abs=0.03)
    assert fit.lr_at(fit.plan.steps) == pytest.approx(0)


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
    assert [fit.lr_at(step) for step in (0, 250, 500, 750, 1000)] == pytest.approx(rates, abs=1e-3)
    assert schedule != "wsd" or fit.lr_at(900) == pytest.approx(0.5)


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


def test_where_memory_does_not_suffice_a_batch_goes_in_halves_with_the_same_gradients(
    tmp_path, monkeypatch
):
    data = type("Data", (), {"max_tokens": 9999})()
    whole, halved = module(), module()
    halved._trainer = whole._trainer = type(
        "Trainer", (), {"datamodule": data, "training": False}
    )()
    batch = Batch(parts(tmp_path, examples(8)), 99, 8)
    monkeypatch.setattr(StudentModule, "manual_backward", lambda self, loss: loss.backward())
    wanted = whole._backward(batch, 1)
    loss = StudentModule.loss

    def tight(self, part):
        if len(part[0]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return loss(self, part)

    monkeypatch.setattr(StudentModule, "loss", tight)
    assert halved._backward(batch, 1) == pytest.approx(float(wanted), rel=1e-5)
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


def test_activations_are_given_back_before_smaller_parts_of_a_batch_are_tried(
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

    monkeypatch.setattr(StudentModule, "manual_backward", tight)
    made._backward(Batch(parts(tmp_path, examples(8)), 99, 8), 1)
    assert made.trainer.datamodule.max_tokens < 9999


@torch.no_grad()
def test_where_memory_does_not_suffice_validation_goes_in_halves_and_finds_the_same(
    tmp_path, monkeypatch
):
    whole, halved = module(), module()
    every = parts(tmp_path, examples(8))
    whole.validation_step(every, 0)
    look = StudentModule._look_at

    def tight(self, part):
        if len(part[0]) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return look(self, part)

    monkeypatch.setattr(StudentModule, "_look_at", tight)
    halved.validation_step(every, 0)
    assert len(halved._seen) > len(whole._seen)
    for one, other in zip(
        zip(*whole._seen, strict=True), zip(*halved._seen, strict=True), strict=True
    ):
        assert sum(other) == pytest.approx(sum(one), rel=1e-5)
    alone = module()
    alone.place = replace(alone.place, strategy="fsdp")
    with pytest.raises(
        torch.OutOfMemoryError
    ):  # the other processes would wait for weights that this one gathers again
        alone.validation_step(every, 0)


def test_memory_that_does_not_suffice_for_one_example_is_told_with_what_to_do(tmp_path):
    with pytest.raises(
        UserError,
        match=(
            r"memory does not suffice for a single example; set "
            r"trainer\.gradient_checkpointing=true"
        ),
    ):
        memory.halve(parts(tmp_path, examples(1)))
    assert machine.out_of_memory(
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
    )
    assert not machine.out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
