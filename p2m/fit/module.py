"""The Lightning module: one step, one validation, what a checkpoint holds of them."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own short name
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor
from torch.optim import Optimizer

from p2m.fit import distributed, memory
from p2m.fit.data import Batch, Part
from p2m.fit.optimizers import make_optimizers
from p2m.fit.place import Place
from p2m.fit.plan import Plan
from p2m.student import machine
from p2m.student._forward import IGNORED, logits
from p2m.student.build import LoadedModel

SPREAD = 1_000_003  # between the seeds of two jobs, so that their steps share none for a million
DECAY = 0.2  # of a run in which wsd comes down, as in Hägele et al. 2024
# the share of the highest learning rate, by the share of training that is over
SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": lambda over: (1 + math.cos(math.pi * over)) / 2,
    "linear": lambda over: 1 - over,
    "wsd": lambda over: min(1.0, (1 - over) / DECAY),
}


@dataclass(frozen=True)
class Valid:
    """What a validation found: mean loss of a token, share of examples answered exactly, and the
    score by the metric that `select` names, if it is another."""

    loss: float
    exact_match: float
    score: float | None = None


class StudentModule(LightningModule):  # type: ignore[misc]
    """Trains the model by the plan.

    step counts updates, seconds the time of training, both over all runs of the job.
    score: of the validation answers as they are written now, by a metric that labels do not tell.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        plan: Plan,
        place: Place,
        score: Callable[[], float] | None = None,
    ) -> None:
        super().__init__()
        # a batch may come in parts, and clipping by Lightning fails with a fused AdamW
        self.automatic_optimization = False
        self.model, self.loaded = loaded.model, loaded
        self.plan, self.place, self.score = plan, place, score
        self.step, self.examples, self.seconds = 0, 0, 0.0
        self.valid = Valid(math.nan, 0.0)
        self._seen: list[tuple[float, int, int, int]] = []
        self._steps_here = 0  # of this process
        # one kernel each for batches of any width
        self._compiled = torch.compile(logits, dynamic=True) if plan.compile else logits
        self._clock = time.monotonic()

    def configure_model(self) -> None:
        """Called by Lightning once the processes have found each other; a mesh of them is there
        where weights are to be shared out."""
        if self.device_mesh is not None:
            from p2m.fit.sharded import shard

            shard(self.model, self.device_mesh["data_parallel"])

    def logits(self, part: Part) -> Tensor:
        """logits_BTV for the labels of a part, each label seen only by those after it."""
        # compiling once more for validation would take longer than validations do
        forward = self._compiled if self.training else logits
        return forward(self.loaded, *part, self.place.bf16)

    def loss(self, part: Part) -> Tensor:
        """Cross entropy of a part's labels, summed.  Padding carries none."""
        return entropy(self.logits(part), part[1])

    # ---- one step

    def training_step(self, rows: NDArray[Any], batch_idx: int) -> Tensor:
        """The loss of the step is the mean over all processes of what it returns, and its gradient
        the mean of theirs."""
        rank, world = self.trainer.global_rank, self.trainer.world_size
        # from the second step on, optimisers hold what they need
        if world > 1 and not self.place.is_sharded and self._steps_here < 2:
            self._fit_memory(world)
        self._steps_here += 1
        batch = self.trainer.datamodule.batch(self.step, rows, rank, world)
        batch = batch._replace(parts=self._to_device(batch.parts))
        # dropout draws anew in each step, from nothing but its number, so that a resumed run needs
        # no generator's state
        torch.manual_seed(((self.plan.seed * SPREAD + self.step) * world + rank) % 2**63)
        loss = self._backward(batch, world)
        self._update()
        self.step += 1
        self.examples += batch.examples
        if self.plan.compile and self._steps_here == 1:
            # most of it went into compiling, and max_minutes are of training
            self._clock = time.monotonic()
        return loss

    def _fit_memory(self, world: int) -> None:
        """Lowers max_tokens until the largest parts fit everywhere.

        In a step none of several processes could go back alone.
        """
        data, lowered = self.trainer.datamodule, False
        while not self._fits(parts := self._to_device(data.largest(world))):
            memory.check_divisible(parts)
            data.max_tokens, lowered = memory.count_tokens(parts) // 2, True
        if lowered:
            # to spare, as memory is freed in pieces that other widths do not fill
            data.max_tokens //= 2

    def _to_device(self, parts: list[Part]) -> list[Part]:
        return [(ids.to(self.device), labels.to(self.device)) for ids, labels in parts]

    def _fits(self, parts: list[Part]) -> bool:
        """Whether memory suffices for these parts in all processes; the model stays."""
        failed = 0.0
        try:
            with self._no_exchange():
                for part in parts:
                    self.manual_backward(self.loss(part))
        except RuntimeError as error:
            if not machine.out_of_memory(error):
                raise
            failed = 1.0
        self.zero_grad()
        return not distributed.most([failed])[0]

    def _backward(self, batch: Batch, world: int) -> Tensor:
        """The loss of a batch, its gradients in the weights.

        Where memory does not suffice for a part, in smaller ones from here on.
        """
        try:
            return self._sum_losses(batch, world)
        except RuntimeError as error:
            # processes that wait for each other cannot go back alone
            if world > 1 or not machine.out_of_memory(error):
                raise
        # here, where the error has gone and with it the activations that its frames held
        self.zero_grad()
        halves = memory.halve(batch.parts)
        data = self.trainer.datamodule
        # a single example may be larger than is allowed
        data.max_tokens = min(data.max_tokens, memory.count_tokens(halves))
        return self._backward(batch._replace(parts=halves), world)

    def _sum_losses(self, batch: Batch, world: int) -> Tensor:
        total = torch.zeros((), device=self.device)
        for part, counts, is_last in self._passes(batch.parts):
            loss = self.loss(part) * world / batch.labels * counts
            # one exchange of gradients is enough, with the last part
            alone = world > 1 and not is_last
            with self._no_exchange() if alone else contextlib.nullcontext():
                self.manual_backward(loss)
            total += loss.detach()
        return total

    def _passes(self, parts: list[Part]) -> Iterator[tuple[Part, bool, bool]]:
        """Each part, whether it counts, whether it is the last.

        Processes that hold parts of the weights go through the model together: who has fewer parts
        repeats one, which counts nothing.
        """
        n = len(parts)
        if self.place.is_sharded:
            n = int(distributed.most([n])[0])
        for i in range(n):
            yield parts[min(i, len(parts) - 1)], i < len(parts), i + 1 == n

    def _no_exchange(self) -> contextlib.AbstractContextManager[Any]:
        """Within it gradients stay in their process."""
        if self.place.is_sharded:  # each exchange also takes a gradient's share of memory away
            return contextlib.nullcontext()
        context: contextlib.AbstractContextManager[Any]
        context = self.trainer.strategy.block_backward_sync()
        return context

    def _update(self) -> None:
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.plan.updates.clip)
        lr = self.lr_at(self.step)
        for optimizer in self.trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = lr
            optimizer.step()
            optimizer.zero_grad()

    def lr_at(self, step: int) -> float:
        """The learning rate of a step: up in a straight line, then as the schedule has it.

        Where minutes are short, down with them.
        """
        updates = self.plan.updates
        warm = min(1.0, (step + 1) / max(1, updates.warmup_steps))
        over = min(1.0, max(step / self.plan.steps, self._minutes_over()))
        return updates.lr * warm * SCHEDULES[updates.schedule](over)

    def _minutes_over(self) -> float:
        """The share of max_minutes that is over, by the first process's clock; 0 without a cap."""
        if not self.plan.max_minutes:
            return 0.0
        return distributed.of_first([self.elapsed_s])[0] / (60 * self.plan.max_minutes)

    def on_train_batch_end(self, *ignored: Any) -> None:
        if self.step >= self.plan.steps or self._minutes_over() >= 1:
            self.trainer.should_stop = True  # after one more validation

    @property
    def elapsed_s(self) -> float:
        return self.seconds + time.monotonic() - self._clock

    # ---- one validation

    def on_validation_epoch_start(self) -> None:
        self._seen = []

    def validation_step(self, batch: list[Part], batch_idx: int) -> None:
        """A greedy answer is exact if, and only if, each label is the likeliest after those before
        it, so nothing need be decoded."""
        try:
            seen = [self._look_at(part) for part in batch]
        except RuntimeError as error:
            # parts of weights are gathered by all or by none
            if self.place.is_sharded or not machine.out_of_memory(error):
                raise
        else:
            self._seen += seen
            return
        self.validation_step(memory.halve(batch), batch_idx)

    def _look_at(self, part: Part) -> tuple[float, int, int, int]:
        """Of a part: summed loss, tokens, examples answered exactly, examples."""
        logits_BTV, labels_BT = self.logits(part), part[1]
        known_BT = labels_BT != IGNORED
        exact_B = ((logits_BTV.argmax(-1) == labels_BT) | ~known_BT).all(1)
        loss = float(entropy(logits_BTV, labels_BT))
        return loss, int(known_BT.sum()), int(exact_B.sum()), len(exact_B)

    def on_validation_epoch_end(self) -> None:
        columns = zip(*self._seen, strict=True) if self._seen else [()] * 4
        loss, tokens, exact, n = distributed.sums([float(sum(column)) for column in columns])
        score = None
        if self.score:
            own = self.score() if self.global_rank == 0 else math.nan
            score = distributed.of_first([own])[0]
        self.valid = Valid(loss / tokens, exact / n, score)

    # ---- what Lightning asks for

    def configure_optimizers(self) -> list[Optimizer]:
        return make_optimizers(self.model, self.plan.updates)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Lightning's own loop counters stay out: batches follow from `step`, and an epoch is but
        a stretch between validations."""
        checkpoint.pop("loops")
        checkpoint["fit"] = {
            "step": self.step,
            "examples": self.examples,
            "seconds": self.elapsed_s,
            "max_tokens": self.trainer.datamodule.max_tokens,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        fit = checkpoint["fit"]
        self.step, self.examples, self.seconds = fit["step"], fit["examples"], fit["seconds"]
        # halved ones too: other parts would give other last bits
        self.trainer.datamodule.max_tokens = fit["max_tokens"]
        self._clock = time.monotonic()


def entropy(logits_BTV: Tensor, labels_BT: Tensor) -> Tensor:
    return F.cross_entropy(
        logits_BTV.flatten(0, 1), labels_BT.flatten(), ignore_index=IGNORED, reduction="sum"
    )
