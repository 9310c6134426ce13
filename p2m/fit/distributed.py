"""What several processes that train one student exchange; with one, values stay."""

import os
from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as dist

# as torchrun, srun and Lightning's own launcher name them, the first that is set
RANKS = ("RANK", "SLURM_PROCID", "LOCAL_RANK")
WORLDS = ("WORLD_SIZE", "SLURM_STEP_NUM_TASKS")


def rank() -> int:
    """Which of the processes this is, known before they find each other.  0 writes and talks."""
    return _first(RANKS) or 0


def world() -> int | None:
    """How many processes a launcher started; None in a process that was started alone."""
    return _first(WORLDS)


def _first(names: tuple[str, ...]) -> int | None:
    return next((int(os.environ[name]) for name in names if os.environ.get(name)), None)


def sums(values: list[float]) -> list[float]:
    """Each value added up over all processes, in all processes."""
    return _exchange(values, dist.all_reduce)


def most(values: list[float]) -> list[float]:
    """The highest of each value, in all processes."""
    return _exchange(values, lambda tensor: dist.all_reduce(tensor, dist.ReduceOp.MAX))


def of_first(values: list[float]) -> list[float]:
    """The first process's values, in all: clocks and signals differ, what follows must not."""
    return _exchange(values, lambda tensor: dist.broadcast(tensor, 0))


def leave() -> None:
    """Returns once all have come here, so that none ends while another waits for what it sent."""
    sums([0.0])
    of_first([0.0])  # whose sender waits for nothing


def _exchange(values: list[float], exchange: Callable[[Any], Any]) -> list[float]:
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return values
    device = torch.device("cpu")
    if dist.get_backend() == "nccl":
        device = torch.device("cuda", torch.cuda.current_device())
    tensor = torch.tensor(values, dtype=torch.float64, device=device)
    exchange(tensor)
    exchanged: list[float] = tensor.tolist()
    return exchanged
