"""The laws of training: what is learnt, which weights are kept, what the curve holds, what ends
it."""

import itertools
import json
import math
import os
import random
import re
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from p2m.artifacts import Choice, Example, Splits
from p2m.engine import decode
from p2m.errors import IncompleteError
from p2m.fit.data import Order
from p2m.fit.module import StudentModule
from p2m.fit.plan import read_plan
from p2m.fit.prepare import prepare, spread
from p2m.fit.train import train
from p2m.metric.exact_match import ExactMatch
from p2m.student import build
from tests.fit.conftest import ROOT, TINY, component, examples, fit_here, job

SPLITS = Splits(examples(60), examples(20, 60))
METRICS = sorted(path.stem for path in (ROOT / "conf/metric").glob("*.yaml"))


def trained(tmp_path, train, valid, **changes):
    plain = {"config": TINY | {"dropout_rate": 0.0, "d_model": 64}, "residual_dropout": 0.0}
    folder = job(tmp_path / "job", Splits(train, valid), **(plain | changes))
    return folder, decode.load(fit_here(folder))


def compiled(folder):
    """Trains the job with trainer.compile, which is refused on a processor, as nothing is gained
    there."""
    prepared = prepare(folder, read_plan(folder))
    prepared.data.plan = replace(prepared.data.plan, compile=True)
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch and Lightning use what is deprecated
        train(folder, prepared, lambda message: None, lambda: 0)
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
        key = "loss" if "loss" in ours else "valid_loss"
        assert ours[key] == pytest.approx(theirs[key], rel=1e-3)
        assert ours[key] > 0.5, "a loss that training has not brought to nothing tells more"
    short = job(tmp_path / "short", splits, **how, max_minutes=0.05)  # less than compiling takes
    compiled(short)
    assert json.loads((short / "curve.jsonl").read_text().splitlines()[-1])["step"] > 1


def test_eight_examples_are_learnt_by_heart(tmp_path):
    rows = examples(8, 100)
    debug = yaml.safe_load((ROOT / "conf/trainer/debug.yaml").read_text(encoding="utf-8"))
    del debug["_target_"], debug["defaults"]
    assert debug["overfit"] == 8
    debug["residual_dropout"] = "auto"
    _, decoder = trained(tmp_path, [*rows, *examples(50, 200)], [], **debug)
    assert decoder.answers([row.input for row in rows]) == [row.output for row in rows]


def test_shuffled_labels_do_not_score(tmp_path):
    """Answers drawn by lot cannot be told from inputs: the validation loss stays at what the
    letters alone give."""
    rng = random.Random(0)
    rows = [Example(str(i), rng.choice("ab"), "user:train") for i in range(300)]
    folder, _ = trained(
        tmp_path, rows[:200], rows[200:], max_examples=960, valid_every=160, patience=None, lr=1e-2
    )
    points = [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]
    best = min(p["valid_loss"] for p in points if "valid_loss" in p)
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


@pytest.mark.parametrize("select", METRICS)
def test_weights_may_be_chosen_by_any_metric_of_their_answers(tmp_path, select):
    """With adapters, which decoding has to see, and without."""
    valid = [replace(row, also=("two two t t t", "twooooo")) for row in examples(10, 40)]
    how = {"max_examples": 640, "valid_every": 320, "lr": 1e-2, "select": select}
    if select == "f1":
        how |= {"lora_rank": 4}
    folder, decoder = trained(tmp_path, examples(40), valid, **how)
    best = max(point[select] for point in points(folder) if "valid_loss" in point)
    answers = decoder.answers([row.input for row in valid])
    metric = component(select=select).scorer or ExactMatch()
    every = [row.accepted for row in valid]
    one = [[row.output] for row in valid]
    # the share of exact answers is told from the labels, and so of the first answer
    assert metric.score(answers, one if select == "exact_match" else every) == pytest.approx(
        best, abs=1e-6
    )
    if select == "chrf":
        assert metric.score(answers, one) != pytest.approx(best, abs=1e-6)


def test_a_loss_that_is_no_number_is_seen_where_the_clock_ends_the_training(tmp_path, monkeypatch):
    clock = itertools.count(
        0,
        3,
        # a minute in twenty looks at it, which are fewer steps than lie between two points of the
        # curve
    )
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
    assert fit_here(job(tmp_path / "job", Splits(examples(8), []), seed=2**63 - 1, max_examples=16))


def test_validation_looks_at_examples_from_all_over_the_file():
    assert [row.input for row in spread(examples(10), 4)] == ["0", "2", "5", "7"]
    assert spread(examples(3), 4) == examples(3)
    assert spread([], 4) == []


def test_lengths_that_are_set_are_kept_to_whatever_the_examples_have(tmp_path):
    folder = job(
        tmp_path / "job", Splits(examples(20), []), max_input=24, max_output=200, max_examples=8
    )
    student = fit_here(folder)
    assert (student.max_input, student.max_output) == (24, 200)


def test_a_student_learns_its_pieces_from_the_training_examples(tmp_path):
    folder = job(
        tmp_path / "job",
        Splits(examples(40), examples(10, 40)),
        config=TINY | {"vocab_size": 300},
        pieces=300,
    )
    student = fit_here(folder)
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
        match=(
            r"^trainer: the last step left weights that are no numbers; a lower "
            r"trainer\.optimizer\.lr or trainer"
        ),
    ):
        fit_here(folder)
    assert not (folder / "model.safetensors").exists()


def test_a_loss_that_is_no_number_ends_training_with_the_step_the_rate_and_the_inputs(tmp_path):
    folder = job(tmp_path / "a", SPLITS, lr=1e30, warmup_steps=0)
    with pytest.raises(IncompleteError) as told:
        fit_here(folder)
    said = str(told.value)
    found = re.search(
        (
            r"^trainer: the loss is nan at step (\d+), with the learning rate (\S+)\. A lower "
            r"trainer\.optimizer\.lr or "
        ),
        said,
    )
    step, rate = int(found[1]), float(found[2])
    assert 2 <= step < 8, "the step where it began, not the one where somebody looked"
    assert rate == pytest.approx(1e30 * (1 + math.cos(math.pi * (step - 1) / 60)) / 2, rel=1e-2)
    named = json.loads("[" + said.split("with the inputs ")[1].removesuffix(", ...") + "]")
    sizes = np.array([len(row.input) + len(row.output) + 2 for row in SPLITS.train])
    batch = next(Order(sizes, 8, 0).from_step(step - 1))
    assert named == [SPLITS.train[i].input for i in batch[:5]]
    assert not list((folder / "checkpoints").glob("best-*"))


def test_an_infinite_loss_ends_training_likewise(tmp_path, monkeypatch):
    loss = StudentModule.loss
    monkeypatch.setattr(
        StudentModule,
        "loss",
        lambda self, part: loss(self, part) * (math.inf if self.step == 4 else 1),
    )
    with pytest.raises(
        IncompleteError, match=r"^trainer: the loss is inf at step 5, with the learning rate "
    ):
        fit_here(job(tmp_path / "a", SPLITS))
    assert not list((tmp_path / "a/checkpoints").glob("best-*"))


def points(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]


def test_training_ends_after_as_many_validations_without_a_better_one_as_patience_allows(tmp_path):
    folder = job(tmp_path / "a", SPLITS, lr=1e-12, patience=2, select="loss", max_examples=800)
    fit_here(folder)
    valid = [p["valid_loss"] for p in points(folder) if "valid_loss" in p]
    best = min(range(len(valid)), key=lambda i: valid[i])
    assert len(valid) < 10
    assert len(valid) - 1 - best == 2


def test_the_weights_kept_are_those_of_the_best_validation(tmp_path):
    """Learning by heart makes the validation worse; the student is the one from before."""
    folder = job(
        tmp_path / "a",
        Splits(examples(4), examples(20, 60)),
        lr=2e-2,
        select="loss",
        max_examples=800,
        patience=None,
        valid_every=40,
        batch_size=4,
        checkpoint_s=0,
    )
    fit_here(folder)
    valid = {p["step"]: p["valid_loss"] for p in points(folder) if "valid_loss" in p}
    best = min(valid, key=valid.__getitem__)
    assert best < max(valid)
    from safetensors.torch import load_file

    kept, last = (
        load_file(folder / "model.safetensors"),
        next((folder / "checkpoints").glob("best-*")),
    )
    assert f"{best:09d}" in last.name
    assert all((kept[name] == value).all() for name, value in load_file(last).items())


def test_the_curve_counts_what_is_cut_and_holds_step_examples_loss_and_rate(tmp_path):
    folder = job(tmp_path / "a", SPLITS, max_output=8, max_examples=320)
    student = fit_here(folder)
    first, *rest = points(folder)
    assert first == {
        "step": 0,
        "examples": 0,
        "train": 60,
        "cut": sum(len(row.output) > 7 for row in SPLITS.train),
    }
    assert 0 < student.cut == first["cut"]
    assert [set(p) for p in rest[:2]] == [
        {"step", "examples", "loss", "lr"},
        {"step", "examples", "valid_loss", "exact_match"},
    ]
    assert rest[-1]["step"] == 43  # of seven or eight examples


def test_without_a_validation_set_the_last_weights_are_kept(tmp_path):
    folder = job(tmp_path / "a", Splits(examples(20)), max_examples=80)
    assert fit_here(folder).kind == "encoder-decoder"
    assert (folder / "model.safetensors").exists()
    assert not any("valid_loss" in p for p in points(folder))


def test_minutes_end_training_after_a_last_validation(tmp_path):
    folder = job(
        tmp_path / "a", SPLITS, max_examples=8_000_000, max_minutes=0.005, valid_every=8_000_000
    )
    fit_here(folder)
    *_, last = points(folder)
    assert "valid_loss" in last
    assert last["step"] < 100_000
