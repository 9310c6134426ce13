"""One student's weights, gradients and optimiser states shared out between processes, by
fully_shard.

Zhao et al. 2023 (arXiv 2304.11277).  Checkpoints hold whole weights, as those of one process do.
"""

from pathlib import Path
from typing import Any

from pytorch_lightning.strategies import ModelParallelStrategy
from torch import nn
from torch.distributed.checkpoint import state_dict as states
from torch.distributed.fsdp import fully_shard
from torch.optim import Optimizer

WHOLE = states.StateDictOptions(full_state_dict=True, cpu_offload=True)


def shard(model: nn.Module, mesh: Any) -> None:
    """Each layer by itself, so that no more than one is whole at a time, and what is left
    together."""
    for layer in _layers(model):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)


def _layers(module: nn.Module) -> list[nn.Module]:
    """The elements of the outermost lists of a transformer."""
    if isinstance(module, nn.ModuleList):
        return list(module)
    return [layer for child in module.children() for layer in _layers(child)]


class Sharded(ModelParallelStrategy):  # type: ignore[misc]
    """Lightning's strategy for it, with p2m's checkpoints."""

    def __init__(self, processes: int, backend: str) -> None:
        super().__init__(
            data_parallel_size=processes,
            tensor_parallel_size=1,
            save_distributed_checkpoint=False,
            process_group_backend=backend,
        )

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        """By the names of the weights; empty but in the first process."""
        return dict(states.get_optimizer_state_dict(self.model, optimizer, options=WHOLE))

    def save_checkpoint(
        self, checkpoint: dict[str, Any], filepath: str | Path, storage_options: Any = None
    ) -> None:
        """By the first process.  Lightning's own would have a process that comes later refuse the
        folder that the first has written by then."""
        if self.is_global_zero:
            self.checkpoint_io.save_checkpoint(checkpoint, filepath)

    def load_checkpoint(
        self, checkpoint_path: str | Path, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Every process reads all of it and takes its part."""
        path = self.broadcast(checkpoint_path)
        checkpoint: dict[str, Any] = self.checkpoint_io.load_checkpoint(path)
        states.set_model_state_dict(self.model, checkpoint["state_dict"], options=WHOLE)
        for optimizer, state in zip(self.optimizers, checkpoint["optimizer_states"], strict=True):
            states.set_optimizer_state_dict(self.model, optimizer, state, options=WHOLE)
        return checkpoint
