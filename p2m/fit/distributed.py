"""What several processes that train one student tell each other.  With one process every function gives back what it is given."""

import os
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist

RANKS = (
    "RANK",
    "SLURM_PROCID",
    "LOCAL_RANK",
)  # as torchrun, srun and Lightning's own launcher name it, the first that is set
WORLDS = ("WORLD_SIZE", "SLURM_STEP_NUM_TASKS")  # likewise


def rank() -> int:
    """Which of the processes this is, known before they have found each other.  0 writes files and talks."""
    return int(next((os.environ[name] for name in RANKS if os.environ.get(name)), 0))


def world() -> int | None:
    """How many processes torchrun or srun started, or Lightning's own launcher; None in a process that was started alone."""
    return next((int(os.environ[name]) for name in WORLDS if os.environ.get(name)), None)


def summed(values: list[float]) -> list[float]:
    """Each value added up over all processes, in all processes."""
    return _exchanged(values, dist.all_reduce)


def most(values: list[float]) -> list[float]:
    """The highest of each value, in all processes."""
    return _exchanged(values, lambda tensor: dist.all_reduce(tensor, dist.ReduceOp.MAX))


def of_first(values: list[float]) -> list[float]:
    """The values of the first process, in all processes: clocks and signals differ, and what follows from them must not."""
    return _exchanged(values, lambda tensor: dist.broadcast(tensor, 0))


def leave() -> None:
    """Returns once every process has come here, so that none ends while another still waits for what it sent."""
    summed([0.0])
    of_first([0.0])  # whose sender waits for nothing


def _exchanged(values: list[float], exchange: Callable[[Any], Any]) -> list[float]:
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return values
    device = (
        torch.device("cuda", torch.cuda.current_device())
        if dist.get_backend() == "nccl"
        else torch.device("cpu")
    )
    tensor = torch.tensor(values, dtype=torch.float64, device=device)
    exchange(tensor)
    found: list[float] = tensor.tolist()
    return found
