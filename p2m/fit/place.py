"""What a machine gives to a training: its device, processes and threads; and what it lacks."""

import os
import shutil
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from p2m.errors import UserError
from p2m.fit.plan import Plan
from p2m.student.machine import cores, has_bf16

# examples of a batch for each process, where the number of processes is left to p2m
LEAST_EXAMPLES = {"cpu": 16, "cuda": 1}


@dataclass(frozen=True)
class Place:
    """device: cpu or cuda.  devices: processes on each of *nodes* machines, of *threads* each.

    strategy: auto for one process, else ddp (or auto, the same) or fsdp.
    """

    device: str
    bf16: bool
    devices: int
    nodes: int
    threads: int
    strategy: str

    @property
    def processes(self) -> int:
        return self.devices * self.nodes

    @property
    def is_sharded(self) -> bool:
        """Whether each process holds but a part of the weights."""
        return self.strategy == "fsdp"


def find_place(plan: Plan, smallest_batch: int) -> Place:
    """Where this process trains.

    smallest_batch: its number of examples, of which each process must have one.
    Raises UserError for what the plan names and this machine has not.
    """
    for fault in lacking(plan.device, plan.precision, "auto", plan.compile):
        raise UserError(f"trainer: {fault}")
    asked, device = plan.parallel, find_device(plan.device)
    devices = _default_devices(device, asked.strategy, smallest_batch // asked.nodes)
    if asked.devices != "auto":
        devices = asked.devices
    check_devices(devices, asked.nodes, smallest_batch)
    return Place(
        device=device,
        bf16=plan.precision != "fp32" and has_bf16(device),
        devices=devices,
        nodes=asked.nodes,
        threads=max(1, cores() // devices) if asked.threads == "auto" else asked.threads,
        strategy=asked.strategy if devices * asked.nodes > 1 else "auto",
    )


def find_device(wanted: str) -> str:
    import torch

    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def _default_devices(device: str, strategy: str, examples: int) -> int:
    """One unless a strategy is set: two processes of one thread each were no faster on two cores
    than one of two threads."""
    import torch

    if strategy == "auto":
        return 1
    most = torch.cuda.device_count() if device == "cuda" else cores()
    return min(most, max(1, examples // LEAST_EXAMPLES[device]))


def check_devices(devices: int, nodes: int, batch_size: int) -> None:
    """UserError where there are more processes than examples of a batch."""
    if devices * nodes > batch_size:
        where = f" on each of {nodes} machines" if nodes > 1 else ""
        raise UserError(
            f"trainer.parallel.devices: {devices} processes{where} cannot share a batch of"
            f" {batch_size} examples; take fewer, or a larger trainer.batch_size"
        )


def lacking(device: str, precision: str, devices: int | str, compiled: bool) -> Iterator[str]:
    """What these settings name and this machine has not."""
    import torch

    there = find_device(device)
    if device == "gpu" and there != "cuda":
        yield (
            "device=gpu is set but torch sees none on this machine;"
            " use trainer.device=auto or trainer=cpu"
        )
    elif precision == "bf16" and not has_bf16(there):
        yield (
            f"precision=bf16 is set but this machine's {there} has no hardware for it;"
            " use trainer.precision=auto"
        )
    gpus = torch.cuda.device_count()
    if isinstance(devices, int) and there == "cuda" and devices > gpus:
        seen = f"{gpus} GPU{'s' if gpus > 1 else ''}"
        yield (
            f"parallel.devices={devices} is set but torch sees {seen} on this machine;"
            f" use trainer.parallel.devices={gpus}, or trainer=cpu"
        )
    if compiled:
        yield from _lacking_to_compile(there)


def _lacking_to_compile(device: str) -> Iterator[str]:
    if device == "cpu":
        yield (
            "compile=true is for a GPU: on a processor training is slower with it;"
            " use trainer.compile=false"
        )
        return
    # What torch.compile would look for in vain, once examples were paid for: triton's kernels
    # start from C.  With CC set it looks for no other compiler.
    compilers = [os.environ["CC"]] if os.environ.get("CC") else ["gcc", "clang"]
    missing = []
    if not find_spec("triton"):
        missing.append("triton")
    if not any(map(shutil.which, compilers)):
        missing.append(f"a C compiler ({' or '.join(compilers)})")
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        missing.append("Python's headers")
    if missing:
        needs = " and ".join(missing)
        yield f"compile=true needs {needs} on this machine; use trainer.compile=false"
