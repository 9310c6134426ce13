"""What a machine gives to a training, and what it lacks."""

import importlib
import re
import sys

import pytest

from p2m.artifacts import Choice
from p2m.errors import UserError
from p2m.fit.place import find_place, lacking
from tests.fit.conftest import TINY, component, make

CHOICE = Choice("scratch", None, "encoder-decoder", TINY)


def place(smallest_batch=32, **changes):
    return find_place(make(CHOICE, 64, **changes), smallest_batch)


def test_a_gpu_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(
        UserError,
        match=(
            r"^trainer: device=gpu is set but torch sees none on this machine; use "
            r"trainer\.device=auto or trainer=cpu$"
        ),
    ):
        place(device="gpu")
    assert list(lacking("gpu", "bf16", "auto", False)) == [
        (
            "device=gpu is set but torch sees none on this machine; use trainer.device=auto or "
            "trainer=cpu"
        )
    ]
    assert list(component(device="gpu").ready()) == list(lacking("gpu", "auto", "auto", False))
    assert list(component(device="gpu", launch=["env"]).ready()) == [], (
        "the launcher may start it on another machine"
    )
    assert place(device="auto").device == "cpu"


def test_compiling_is_refused_on_a_processor_or_without_its_tools_before_anything_is_paid(
    tmp_path, monkeypatch
):
    asked = component(device="auto", compile=True)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    said = (
        "compile=true is for a GPU: on a processor training is slower with it; use "
        "trainer.compile=false"
    )
    assert list(asked.ready()) == [said]
    with pytest.raises(UserError, match=f"^trainer: {re.escape(said)}$"):
        place(device="auto", compile=True)
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
    said = (
        "parallel.devices=4 is set but torch sees 1 GPU on this machine; use "
        "trainer.parallel.devices=1, or trainer=cpu"
    )
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
        match=(
            r"^trainer: precision=bf16 is set but this machine's cpu has no hardware for it; use "
            r"trainer\.precision=auto$"
        ),
    ):
        place(precision="bf16")
    assert not place(precision="auto").bf16


def test_bf16_is_used_where_there_is_hardware_for_it(processor):
    processor("fpu avx512_bf16")
    assert (
        place(precision="auto").bf16,
        place(precision="bf16").bf16,
        place(precision="fp32").bf16,
    ) == (True, True, False)


def test_processes_share_a_batch_of_which_each_has_sixteen_examples_unless_told_otherwise(
    monkeypatch,
):
    monkeypatch.setattr("p2m.fit.place.cores", lambda: 8)
    assert place(32, strategy="ddp", devices="auto").devices == 2
    assert place(256, strategy="ddp", devices="auto").devices == 8
    assert place(32, devices="auto").devices == 1
    assert place(32, devices=5).devices == 5
    assert place(32, devices=5, threads="auto").threads == 1
    said = "cannot share a batch of 32 examples; take fewer, or a larger trainer.batch_size$"
    with pytest.raises(UserError, match=rf"^trainer\.parallel\.devices: 40 processes {said}"):
        place(32, devices=40)
    said = "4 processes on each of 2 machines cannot share a batch of 6 examples; "
    with pytest.raises(UserError, match=rf"^trainer\.parallel\.devices: {said}"):
        place(6, devices=4, nodes=2, launch=["srun"])
