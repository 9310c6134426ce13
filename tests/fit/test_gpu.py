"""What training and answering do on a GPU.  `make test-gpu` runs them where torch sees one."""

import json
import os

import pytest
import torch

from p2m.artifacts import Example, Splits
from p2m.engine import decode
from p2m.fit.checkpoint import newest
from p2m.fit.place import lacking
from tests.fit.conftest import TINY, examples, fit_here, job
from tests.fit.test_resume import compared

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU"),
    pytest.mark.filterwarnings("default"),  # of Lightning and torch, on what is not deterministic
]
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # as the process that trains has it
SCRATCH = TINY | {"dropout_rate": 0.0}


def points(folder) -> list[dict]:
    return [
        point
        for point in map(json.loads, (folder / "curve.jsonl").read_text().splitlines())
        if "loss" in point
    ]


@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_eight_examples_are_learnt_by_heart(tmp_path, precision):
    folder = job(
        tmp_path,
        Splits(examples(8), []),
        SCRATCH | {"d_model": 64},
        device="gpu",
        precision=precision,
        overfit=8,
        max_examples=4000,
        valid_every=400,
        checkpoint_s=60,
    )
    fit_here(folder)
    validations = [
        json.loads(line)
        for line in (folder / "curve.jsonl").read_text().splitlines()
        if "exact_match" in line
    ]
    assert max(point["exact_match"] for point in validations) == 1.0


@pytest.mark.parametrize("config", [SCRATCH, TINY], ids=["no dropout", "its own dropout"])
@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_a_killed_run_gives_the_same_student_byte_for_byte(tmp_path, config, precision):
    compared(tmp_path, 2, config=config, device="gpu", precision=precision, max_examples=1600)


def test_losses_are_those_of_the_processor(tmp_path):
    splits = Splits(examples(100), examples(20, 100))
    for device in ("gpu", "cpu"):
        fit_here(job(tmp_path / device, splits, SCRATCH, device=device, max_examples=160))
    for ours, theirs in zip(points(tmp_path / "gpu"), points(tmp_path / "cpu"), strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-3)


def test_where_memory_runs_out_a_batch_goes_in_parts_with_the_same_losses(tmp_path):
    rows = [Example("x" * (900 + i % 100), str(i), "user:train") for i in range(256)]
    how = {
        "device": "gpu",
        "batch_size": 64,
        "checkpoint_s": 0,
        "max_tokens": 2**20,
        "max_examples": 256,
        "valid_every": 256,
        "max_input": 1024,
    }
    fit_here(job(tmp_path / "whole", Splits(rows, []), SCRATCH, **how))
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(
        0.5 * 2**30 / torch.cuda.get_device_properties(0).total_memory
    )
    try:
        fit_here(job(tmp_path / "parts", Splits(rows, []), SCRATCH, **how))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    left = {
        name: torch.load(newest(tmp_path / name / "checkpoints") / "state.pt", weights_only=True)
        for name in ("whole", "parts")
    }
    assert left["whole"]["fit"]["max_tokens"] == 2**20
    assert left["parts"]["fit"]["max_tokens"] < 64 * 1024
    for ours, theirs in zip(points(tmp_path / "parts"), points(tmp_path / "whole"), strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-3)


def test_answers_are_those_of_the_processor(tmp_path):
    folder = job(
        tmp_path,
        Splits(examples(300), examples(20, 300)),
        SCRATCH,
        device="gpu",
        max_examples=6000,
        valid_every=6000,
        checkpoint_s=60,
    )
    student = fit_here(folder)
    decoder, inputs = decode.load(student), [str(i) for i in range(320)]
    assert decoder.built.model.device.type == "cuda"
    said = decoder.answers(inputs)
    decoder.built.model.to("cpu")
    assert said == decoder.answers(inputs)
    assert len(set(said)) > 20


@pytest.mark.skipif(
    any(lacking("auto", "auto", "auto", True)), reason="torch.compile lacks something here"
)
def test_compiled_it_has_the_same_losses(tmp_path):
    splits = Splits(examples(100), examples(20, 100))
    for compiled in (False, True):
        fit_here(
            job(
                tmp_path / str(compiled),
                splits,
                SCRATCH,
                device="gpu",
                compile=compiled,
                max_examples=160,
            )
        )
        assert bool(torch._dynamo.utils.counters["stats"]["unique_graphs"]) == compiled
    for ours, theirs in zip(points(tmp_path / "True"), points(tmp_path / "False"), strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-3)
