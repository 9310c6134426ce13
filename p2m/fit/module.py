"""The Lightning module: one step, one validation, what a checkpoint holds of them."""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own short name
from pytorch_lightning import LightningModule
from torch import Tensor
from torch.optim import Optimizer

from p2m.fit import distributed as _distributed
from p2m.fit import memory as _memory
from p2m.fit.data import Batch, Part
from p2m.fit.muon import StackedMuon
from p2m.fit.plan import Plan
from p2m.student import machine
from p2m.student._forward import IGNORED, logits
from p2m.student.build import LoadedModel

SPREAD = (
    1_000_003  # between the seeds of two jobs, so that their steps share none for a million steps
)
BETAS = (
    0.9,
    0.98,
)  # second beta of the transformer's authors (Vaswani et al. 2017): .999 is too slow for runs of a thousand steps


DECAY = 0.2  # of a run in which wsd comes down, as in Hägele et al. 2024
# the share of the highest learning rate, by the share of training that is over
SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": lambda gone: (1 + math.cos(math.pi * gone)) / 2,
    "linear": lambda gone: 1 - gone,
    "wsd": lambda gone: min(1.0, (1 - gone) / DECAY),
}


@dataclass(frozen=True)
class Valid:
    """What a validation found: mean loss of a token, share of examples answered exactly, and the metric that `select` names, if another."""

    loss: float
    exact_match: float
    score: float | None = None


class Fit(LightningModule):  # type: ignore[misc]
    """Trains *model* by *plan*.  step counts updates, seconds the time of training, both over all runs of the job.

    score: of the validation answers as they are written now, by a metric that cannot be told from the labels.
    """

    def __init__(
        self, built: LoadedModel, plan: Plan, score: Callable[[], float] | None = None
    ) -> None:
        super().__init__()
        self.automatic_optimization = (
            False  # a batch may come in parts, and clipping by Lightning fails with a fused AdamW
        )
        self.model, self.built, self.plan, self.score = built.model, built, plan, score
        self.step, self.examples, self.seconds, self.valid = 0, 0, 0.0, Valid(math.nan, 0.0)
        self._seen: list[tuple[float, int, int, int]] = []
        self._steps_here = 0  # of this process
        self._compiled = (
            torch.compile(logits, dynamic=True) if plan.compile else logits
        )  # one kernel each for batches of any width
        self._clock = time.monotonic()

    def configure_model(self) -> None:
        """Called by Lightning once the processes have found each other; a mesh of them is there where weights are to be shared out."""
        if self.device_mesh is not None:
            from p2m.fit.sharded import shard

            shard(self.model, self.device_mesh["data_parallel"])

    def logits(self, part: Part) -> Tensor:
        """logits_BTV for the labels of a part, each label seen only by those after it."""
        forward = (
            self._compiled if self.training else logits
        )  # compiling once more would take longer than validations do
        return forward(self.built, *part, self.plan.bf16)

    def loss(self, part: Part) -> Tensor:
        """Cross entropy of a part's labels, summed.  Padding carries none."""
        return _entropy(self.logits(part), part[1])

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The mean over all processes of what it returns is the loss of the step, and that of their gradients its gradient."""
        rank, world = self.trainer.global_rank, self.trainer.world_size
        data = self.trainer.datamodule
        if (
            world > 1 and self.plan.strategy != "fsdp" and self._steps_here < 2
        ):  # from the second on, optimisers hold what they need
            self._fit_memory(world)
        self._steps_here += 1
        if _memory.beyond(
            batch.parts, data.max_tokens
        ):  # read ahead, before max_tokens was lowered
            batch = data.batch(self.step, data.rows_of(self.step), rank, world)
            batch = batch._replace(parts=self._here(batch.parts))
        # dropout draws anew in each step, from nothing but its number, so that a resumed run needs no generator's state
        torch.manual_seed(((self.plan.seed * SPREAD + self.step) * world + rank) % 2**63)
        total = self._gradients(batch, world)
        self._update()
        self.step += 1
        self.examples += batch.examples
        if (
            self.plan.compile and self._steps_here == 1
        ):  # most of which went into compiling, and max_minutes are of training
            self._clock = time.monotonic()
        return total

    def _fit_memory(self, world: int) -> None:
        """Lowers max_tokens until the largest parts fit everywhere.  In a step none of several processes could go back alone."""
        data, lowered = self.trainer.datamodule, False
        while not self._held(parts := self._here(data.largest(world))):
            _memory.refuse_alone(parts)
            data.max_tokens, lowered = _memory.tokens(parts) // 2, True
        if lowered:
            data.max_tokens //= (
                2  # to spare, as memory is freed in pieces that other widths do not fill
            )

    def _here(self, parts: list[Part]) -> list[Part]:
        return [(ids.to(self.device), labels.to(self.device)) for ids, labels in parts]

    def _held(self, parts: list[Part]) -> bool:
        """Whether memory suffices for these parts in all processes.  Weights and gradients are after it as they were before."""
        failed = 0.0
        try:
            with self._alone():
                for part in parts:
                    self.manual_backward(self.loss(part))
        except RuntimeError as error:
            if not machine.out_of_memory(error):
                raise
            failed = 1.0
        self.zero_grad()
        return not _distributed.most([failed])[0]

    def _gradients(self, batch: Batch, world: int) -> Tensor:
        """The loss of a batch, its gradients in the weights.  Where memory does not suffice for a part, in smaller ones from here on."""
        try:
            return self._summed(batch, world)
        except RuntimeError as error:
            if world > 1 or not machine.out_of_memory(
                error
            ):  # processes that wait for each other cannot go back alone
                raise
        self.zero_grad()  # here, where the error has gone and with it the activations that its frames held
        halves = _memory.halved(batch.parts)
        data = self.trainer.datamodule
        data.max_tokens = min(data.max_tokens, _memory.tokens(halves))  # a batch may be of before
        return self._gradients(batch._replace(parts=halves), world)

    def _summed(self, batch: Batch, world: int) -> Tensor:
        total = torch.zeros((), device=self.device)
        for part, counts, last in self._passes(batch.parts):
            loss = self.loss(part) * world / batch.labels * counts
            with contextlib.nullcontext() if world == 1 or last else self._alone():
                self.manual_backward(loss)
            total += loss.detach()
        return total

    def _passes(self, parts: list[Part]) -> Iterator[tuple[Part, bool, bool]]:
        """Each part, whether it counts, whether it is the last.

        Processes that hold parts of the weights go through the model together: who has fewer parts repeats one, which counts nothing.
        """
        n = int(_distributed.most([len(parts)])[0]) if self.plan.strategy == "fsdp" else len(parts)
        for i in range(n):
            yield parts[min(i, len(parts) - 1)], i < len(parts), i + 1 == n

    def _alone(self) -> Any:
        """Gradients of all but the last part of a batch stay in their process, as one exchange is enough."""
        shared_out = (
            self.plan.strategy == "fsdp"
        )  # each exchange also takes a gradient's share of memory away
        return (
            contextlib.nullcontext() if shared_out else self.trainer.strategy.block_backward_sync()
        )

    def _update(self) -> None:
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.plan.clip)
        rate = self.rate(self.step)
        for optimizer in self.trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad()

    def rate(self, step: int) -> float:
        """The learning rate of a step: up in a straight line, then as the schedule has it.  Where minutes are short, down with them."""
        plan = self.plan
        warm = min(1.0, (step + 1) / plan.warmup_steps) if plan.warmup_steps else 1.0
        gone = step / plan.steps
        if plan.max_minutes:
            gone = min(
                1.0, max(gone, _distributed.of_first([self.elapsed()])[0] / (60 * plan.max_minutes))
            )
        return plan.lr * warm * SCHEDULES[plan.schedule](gone)

    def on_train_batch_end(self, *ignored: Any) -> None:
        minutes = self.plan.max_minutes
        if self.step >= self.plan.steps or (
            minutes and _distributed.of_first([self.elapsed()])[0] >= 60 * minutes
        ):
            self.trainer.should_stop = True  # after one more validation

    def elapsed(self) -> float:
        return self.seconds + time.monotonic() - self._clock

    def on_validation_epoch_start(self) -> None:
        self._seen = []

    def validation_step(self, batch: list[Part], batch_idx: int) -> None:
        """A greedy answer is exact if, and only if, each label is the likeliest after those before it, so nothing need be decoded."""
        try:
            seen = [self._looked_at(part) for part in batch]
        except RuntimeError as error:
            if self.plan.strategy == "fsdp" or not machine.out_of_memory(
                error
            ):  # parts of weights are gathered by all or by none
                raise
        else:
            self._seen += seen
            return
        self.validation_step(_memory.halved(batch), batch_idx)

    def _looked_at(self, part: Part) -> tuple[float, int, int, int]:
        """Of a part: summed loss, tokens, examples answered exactly, examples."""
        logits_BTV, labels_BT = self.logits(part), part[1]
        known = labels_BT != IGNORED
        exact = ((logits_BTV.argmax(-1) == labels_BT) | ~known).all(1)
        return (
            float(_entropy(logits_BTV, labels_BT)),
            int(known.sum()),
            int(exact.sum()),
            len(exact),
        )

    def on_validation_epoch_end(self) -> None:
        columns = zip(*self._seen, strict=True) if self._seen else [()] * 4
        loss, tokens, exact, n = _distributed.summed([float(sum(column)) for column in columns])
        score = (
            _distributed.of_first([self.score() if self.global_rank == 0 else math.nan])[0]
            if self.score
            else None
        )
        self.valid = Valid(loss / tokens, exact / n, score)

    def configure_optimizers(self) -> list[Optimizer]:
        plan, named = (
            self.plan,
            [(n, p) for n, p in self.model.named_parameters() if p.requires_grad],
        )
        if plan.optimizer == "adafactor":
            return [
                torch.optim.Adafactor(
                    [p for _, p in named], plan.lr, weight_decay=plan.weight_decay
                )
            ]
        matrices = [
            p for n, p in named if plan.optimizer == "muon" and p.ndim == 2 and not _is_table(n)
        ]
        taken = {id(p) for p in matrices}
        rest = [p for _, p in named if id(p) not in taken]
        optimizers: list[Optimizer] = (
            [
                StackedMuon(
                    matrices,
                    plan.lr,
                    weight_decay=plan.weight_decay,
                    adjust_lr_fn=plan.adjust_lr_fn,
                )
            ]
            if matrices
            else []
        )
        if rest:  # adapters alone are matrices, all of them
            optimizers.append(
                torch.optim.AdamW(
                    rest, plan.lr, betas=BETAS, weight_decay=plan.weight_decay, fused=True
                )
            )
        return optimizers

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Lightning's own loop counters stay out: batches follow from `step`, and an epoch is but a stretch between validations."""
        checkpoint.pop("loops")
        now = {"step": self.step, "examples": self.examples, "seconds": self.elapsed()}
        checkpoint["fit"] = now | {"max_tokens": self.trainer.datamodule.max_tokens}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        fit = checkpoint["fit"]
        self.step, self.examples, self.seconds = fit["step"], fit["examples"], fit["seconds"]
        self.trainer.datamodule.max_tokens = fit[
            "max_tokens"
        ]  # halved ones too: other parts would give other last bits
        self._clock = time.monotonic()


def _entropy(logits_BTV: Tensor, labels_BT: Tensor) -> Tensor:
    return F.cross_entropy(
        logits_BTV.flatten(0, 1), labels_BT.flatten(), ignore_index=IGNORED, reduction="sum"
    )


def _is_table(name: str) -> bool:
    """Whether rows are looked up in it: Muon is for matrices that multiply."""
    return any(part in name for part in ("shared", "embed", "lm_head", "relative_attention_bias"))
