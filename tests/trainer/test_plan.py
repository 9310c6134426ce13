import importlib
import re
import sys

import numpy as np
import pytest

from p2m.errors import UserError
from p2m.fit.data import Order
from p2m.fit.plan import lacking, planned
from tests.fit.conftest import component, settings


def plan(scratch=True, architecture="t5", n=20_000, parameters=10**9, **changes):
    auto = dict.fromkeys(
        ("max_examples", "batch_size", "valid_every", "precision", "threads"), "auto"
    )
    return planned(settings(**(auto | changes)), scratch, architecture, parameters, n)


@pytest.mark.parametrize(
    ("scratch", "architecture", "changes", "expected"),
    [
        (True, "t5", {"parameters": 1_000_000}, ("muon", 8e-3)),
        (True, "t5", {"parameters": 8_000_000}, ("muon", 3e-3)),
        (True, "t5", {"optimizer": "adamw"}, ("adamw", 1e-3)),
        (False, "t5", {}, ("adamw", 3e-4)),
        (False, "bart", {}, ("adamw", 3e-5)),
        (False, "llama", {}, ("adamw", 3e-4)),
        (False, "llama", {"parameters": 362_000_000}, ("adamw", 5e-4)),
        (False, "qwen2", {}, ("adamw", 2e-5)),
        (False, "qwen2", {"method": "lora"}, ("adamw", 2e-4)),
        (False, "t5", {"method": "lora"}, ("adamw", 1e-3)),
        (True, "t5", {"optimizer": "adafactor"}, ("adafactor", 1e-2)),
        (False, "t5", {"optimizer": "adafactor"}, ("adafactor", 1e-3)),
        (False, "t5", {"optimizer": "muon"}, ("muon", 3e-4)),
        (True, "t5", {"lr": 0.5}, ("muon", 0.5)),
    ],
)
def test_optimizer_and_learning_rate_follow_from_the_student(
    scratch, architecture, changes, expected
):
    made = plan(scratch, architecture, **changes)
    assert (made.optimizer, made.lr) == expected


def test_muon_takes_the_learning_rate_of_adamw_where_a_published_student_has_one():
    assert (plan().adjust_lr_fn, plan(scratch=False).adjust_lr_fn) == (
        "original",
        "match_rms_adamw",
    )


def test_length_follows_from_the_examples():
    assert plan(scratch=False, n=1000).steps == 320
    seen = {
        n: 32 * plan(n=n).steps / n for n in (1_000, 6_400, 8_000, 16_000, 32_000, 64_000)
    }  # passes
    assert seen == pytest.approx(
        {1_000: 200, 6_400: 50, 8_000: 50, 16_000: 25, 32_000: 18, 64_000: 18}, rel=0.03
    )


@pytest.mark.parametrize("n", [33, 65, 100, 1000])
def test_batches_that_are_smaller_for_an_even_split_do_not_shorten_the_training(n):
    made = plan(scratch=False, n=n, max_examples=10 * n, valid_every=n)
    order = Order(np.ones(n, int), made.batch_size, 0)
    assert made.steps == 10 * order.per_pass
    assert made.valid_every == order.per_pass


def test_a_batch_is_no_larger_than_the_training_set():
    made = plan(n=8, max_examples=80)
    assert (made.batch_size, made.steps) == (8, 10)


def test_a_student_from_scratch_that_sees_its_examples_often_is_kept_from_learning_them_by_heart():
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
    assert plan(n=8000, architecture="llama").residual_dropout is None
    with pytest.raises(
        UserError,
        match=r"^trainer\.residual_dropout: is for t5 and mt5, and this student is a llama; set it to auto$",
    ):
        plan(n=8000, architecture="llama", residual_dropout=0.1)


def test_a_student_from_scratch_that_sees_its_examples_often_sees_them_in_pairs_too():
    found = {passes: plan(n=8000, max_examples=8000 * passes).concatenate for passes in (20, 21)}
    assert found == {20: 0.0, 21: 0.5}
    assert plan(n=8, overfit=8, max_examples=4000).concatenate == 0
    assert plan(n=8000, concatenate=0.2).concatenate == 0.2
    assert (
        plan(n=8000, scratch=False).concatenate
        == plan(n=8000, architecture="llama").concatenate
        == 0
    )
    with pytest.raises(
        UserError,
        match=r"^trainer\.concatenate: is for t5 and mt5, and this student is a llama; set it to auto$",
    ):
        plan(n=8000, architecture="llama", concatenate=0.5)


def test_there_are_twenty_validations_unless_told_otherwise():
    assert (
        plan(max_examples=32_000).valid_every,
        plan(max_examples=32_000, valid_every=320).valid_every,
    ) == (50, 10)


def test_nothing_ends_a_student_from_scratch_early():
    assert (
        plan(patience="auto").patience,
        plan(scratch=False, patience="auto").patience,
        plan(patience=3).patience,
    ) == (None, 5, 3)


def test_a_short_run_has_a_short_warm_up():
    assert (plan(max_examples=32_000).warmup_steps, plan(max_examples=640).warmup_steps) == (100, 2)


def test_a_gpu_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(
        UserError,
        match=r"^trainer: device=gpu is set but torch sees none on this machine; use trainer\.device=auto or trainer=cpu$",
    ):
        plan(device="gpu")
    assert list(lacking("gpu", "bf16")) == [
        "device=gpu is set but torch sees none on this machine; use trainer.device=auto or trainer=cpu"
    ]
    assert list(component(device="gpu").ready()) == list(lacking("gpu", "auto"))
    assert list(component(device="gpu", launch=["env"]).ready()) == [], (
        "the launcher may start it on another machine"
    )
    assert plan(device="auto").device == "cpu"


def test_compiling_is_refused_on_a_processor_and_where_its_tools_are_missing_before_anything_is_paid(
    tmp_path, monkeypatch
):
    asked = component(device="auto", compile=True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    said = "compile=true is for a GPU: on a processor training is slower with it; use trainer.compile=false"
    assert list(asked.ready()) == [said]
    with pytest.raises(UserError, match=f"^trainer: {re.escape(said)}$"):
        plan(device="auto", compile=True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr(
        "sys.path", [str(tmp_path)]
    )  # where Python looks for triton, if it has not loaded it
    monkeypatch.delitem(sys.modules, "triton", raising=False)
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    needs = "compile=true needs {} on this machine; use trainer.compile=false"
    assert list(asked.ready()) == [
        needs.format("triton and a C compiler (gcc or clang) and Python's headers")
    ]
    (tmp_path / "triton.py").touch()
    (tmp_path / "Python.h").touch()
    importlib.invalidate_caches()
    for name in ("clang", "mine"):
        (tmp_path / name).touch(0o755)
    monkeypatch.setenv("CC", "gone")
    assert list(asked.ready()) == [needs.format("a C compiler (gone)")], (
        "torch then looks for no other"
    )
    monkeypatch.setenv("CC", "mine")
    assert list(asked.ready()) == []
    monkeypatch.delenv("CC")
    assert list(asked.ready()) == []


def test_more_devices_than_the_machine_has_gpus_are_told_before_anything_is_paid(monkeypatch):
    assert list(component(devices=4, strategy="ddp").ready()) == [], "processes of a CPU"
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    said = "devices=4 is set but torch sees 1 GPU on this machine; use trainer.devices=1, or trainer=cpu"
    assert list(component(devices=4, strategy="ddp", device="auto").ready()) == [said]
    assert list(component(devices=4, strategy="ddp", device="cpu").ready()) == []


@pytest.fixture
def processor(tmp_path, monkeypatch):
    """Says what the processor can do."""

    def has(flags: str) -> None:
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
        monkeypatch.setattr("p2m.student.machine.CPUINFO", tmp_path / "cpuinfo")

    return has


def test_bf16_without_hardware_for_it_is_told(processor):
    processor("fpu avx2")
    with pytest.raises(
        UserError,
        match=r"^trainer: precision=bf16 is set but this machine's cpu has no hardware for it; use trainer\.precision=auto$",
    ):
        plan(precision="bf16")
    assert not plan(precision="auto").bf16


def test_bf16_is_used_where_there_is_hardware_for_it(processor):
    processor("fpu avx512_bf16")
    assert (
        plan(precision="auto").bf16,
        plan(precision="bf16").bf16,
        plan(precision="fp32").bf16,
    ) == (True, True, False)


def test_processes_share_a_batch_of_which_each_has_sixteen_examples_unless_told_otherwise(
    monkeypatch,
):
    from p2m.fit import plan as _plan

    monkeypatch.setattr(_plan, "cores", lambda: 8)
    assert plan(10_000, strategy="ddp", devices="auto").devices == 2
    assert plan(10_000, strategy="ddp", devices="auto", batch_size=256).devices == 8
    assert plan(10_000, devices="auto").devices == 1
    assert plan(10_000, devices=5).devices == 5
    with pytest.raises(
        UserError,
        match=r"^trainer\.devices: 40 processes cannot share a batch of 32 examples; take fewer, or a larger trainer.batch_size$",
    ):
        plan(10_000, devices=40)
    with pytest.raises(
        UserError,
        match=r"^trainer\.devices: 4 processes on each of 2 machines cannot share a batch of 6 examples; ",
    ):
        plan(n=13, batch_size=8, devices=4, nodes=2, launch=["srun"])


def test_every_architecture_that_is_trained_has_a_learning_rate_of_its_own():
    from p2m.fit.plan import RATES
    from p2m.student.build import ARCHITECTURES

    assert set(RATES) == {name for names in ARCHITECTURES.values() for name in names}
