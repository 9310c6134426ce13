"""What training says on its way: curve, progress, an end to losses that are no number."""

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from p2m import disk
from p2m.errors import IncompleteError
from p2m.fit import distributed
from p2m.fit.data import Data

# steps between two points, and between two looks at the losses, which on a GPU means waiting
EVERY = 20
PAUSE_S = 0.5  # between two notes for the bar
SHOWN, SHOWN_CHARACTERS = 5, 200  # inputs of the batch that broke the training, and of each


class Curve(Callback):  # type: ignore[misc]
    """Writes curve.jsonl: {step, examples, loss, lr} every few steps; at each validation {step,
    examples, valid_loss, exact_match}, with the metric that chooses the weights where it is
    another.

    Its first line counts the examples to train on and those that are cut; {note} is for a reader.
    No times stand in it, so that it is the same in every run; say({"point": ...}) has them.
    """

    def __init__(
        self, path: Path, say: Callable[[dict[str, Any]], None], text: Callable[[int], str]
    ) -> None:
        self.path, self.say, self.text = path, say, text
        self._losses: list[torch.Tensor | float] = []
        self._said_at, self._note = 0.0, ""

    def state_dict(self) -> dict[str, Any]:
        """How much of the file holds: all of it is on disk now."""
        size = 0
        if self.path.exists():
            disk.sync(self.path)
            size = self.path.stat().st_size
        return {"bytes": size, "losses": self._means()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """What was written after the checkpoint goes: those steps come again."""
        if self.path.exists() and not distributed.rank():
            os.truncate(self.path, state_dict["bytes"])
        self._losses = list(state_dict["losses"])

    def note(self, text: str) -> None:
        """Into the curve, as it stays with the student."""
        self._append({"note": text})

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        if module.step == 0:
            train = trainer.datamodule.train
            if not distributed.rank():
                self.path.write_bytes(b"")
            self._append({"step": 0, "examples": 0, "train": len(train), "cut": train.cut})

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, *ignored: Any
    ) -> None:
        self._losses.append(outputs["loss"] if isinstance(outputs, dict) else outputs)
        plan, step = module.plan, module.step
        if len(self._losses) == EVERY or step % plan.valid_every == 0 or step == plan.steps:
            self._add_losses(trainer, module)
        if time.monotonic() - self._said_at > PAUSE_S:
            self._say_progress(module)

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self._add_losses(trainer, module)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        self._add_losses(trainer, module)

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        valid, select = module.valid, module.plan.select
        figures = {"valid_loss": valid.loss, "exact_match": valid.exact_match}
        self._note = f"valid {valid.loss:.3f}, exact {valid.exact_match:.1%}"
        if valid.score is not None:
            figures[select] = valid.score
            self._note += f", {select} {valid.score:.1%}"
        self._add_point(module, figures)
        self._say_progress(module)

    def _add_losses(self, trainer: Trainer, module: LightningModule) -> None:
        """A point of the losses since the last one, also of few: where the clock ended training, a
        loss that is no number must not go by unseen."""
        if not self._losses:
            return
        losses = self._means()
        for step, loss in enumerate(losses, module.step - len(losses)):
            if not math.isfinite(loss):
                self._stop(trainer.datamodule, module, step, loss)
        self._losses = []
        mean = sum(losses) / len(losses)
        self._note = f"loss {mean:.3f}"
        self._add_point(module, {"loss": mean, "lr": module.lr_at(module.step - 1)})

    def _means(self) -> list[float]:
        """The losses since the last point, each the mean of what the processes saw."""
        *totals, processes = distributed.sums([*map(float, self._losses), 1.0])
        return [total / processes for total in totals]

    def _add_point(self, module: LightningModule, figures: dict[str, float]) -> None:
        point = {"step": module.step, "examples": module.examples, **figures}
        self._append(point)
        self.say({"point": point | {"seconds": module.elapsed_s}})

    def _append(self, line: dict[str, Any]) -> None:
        if distributed.rank():
            return
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _say_progress(self, module: LightningModule) -> None:
        self._said_at = time.monotonic()
        self.say({"examples": module.examples, "note": self._note})

    def _stop(self, data: Data, module: LightningModule, step: int, loss: float) -> None:
        rows = data.rows_of(step).tolist()
        texts = [self.text(i)[:SHOWN_CHARACTERS] for i in rows[:SHOWN]]
        inputs = ", ".join(json.dumps(text, ensure_ascii=False) for text in texts)
        if len(rows) > SHOWN:
            inputs += ", ..."
        raise IncompleteError(
            f"trainer: the loss is {loss} at step {step + 1}, with the learning rate"
            f" {module.lr_at(step):.3g}. A lower trainer.optimizer.lr or trainer.precision=fp32 may"
            f" help. The batch had {len(rows)} examples, with the inputs {inputs}"
        )
