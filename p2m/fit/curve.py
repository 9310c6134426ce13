"""What training says while it goes on: the curve in the student's folder, progress for the bar, and an end to losses that are no number."""

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from p2m.errors import IncompleteError
from p2m.fit import distributed as _distributed
from p2m.fit.data import Data

EVERY = 20  # steps between two points of the curve, and between two looks at the losses, which on a GPU means waiting for it
PAUSE_S = 0.5  # between two words to the bar
SHOWN = 5  # inputs of the batch that broke the training, of at most so many characters each:
SHOWN_CHARACTERS = 200


class Curve(Callback):  # type: ignore[misc]
    """Writes curve.jsonl: {step, examples, loss, lr} every few steps, {step, examples, valid, exact_match} at each validation,
    with the metric that chooses the weights where it is another.

    Its first line tells how many examples there are to train on, and how many of them are cut; {told} is for what a reader should know.

    No times stand in any, so that it is the same in every run.
    """

    def __init__(
        self, path: Path, say: Callable[[dict[str, Any]], None], text: Callable[[int], str]
    ) -> None:
        self.path, self.say, self.text = path, say, text
        self._losses: list[torch.Tensor | float] = []
        self._spoken, self._note = 0.0, ""
        self._begun = (time.monotonic(), -1)

    def state_dict(self) -> dict[str, Any]:
        return {"bytes": _synced(self.path), "losses": self._of_all()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """What was written after the checkpoint goes: those steps come again."""
        if self.path.exists() and not _distributed.rank():
            os.truncate(self.path, state_dict["bytes"])
        self._losses = list(state_dict["losses"])

    def tell(self, text: str) -> None:
        """Into the curve, as it stays with the student."""
        self._write({"told": text})

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        if module.step == 0:
            data: Data = trainer.datamodule
            if not _distributed.rank():
                self.path.write_bytes(b"")
            self._write({"step": 0, "examples": 0, "train": len(data.train), "cut": data.train.cut})

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, *ignored: Any
    ) -> None:
        self._losses.append(outputs["loss"] if isinstance(outputs, dict) else outputs)
        if (
            len(self._losses) == EVERY
            or module.step % module.plan.valid_every == 0
            or module.step == module.plan.steps
        ):
            self._point(trainer, module)
        if time.monotonic() - self._spoken > PAUSE_S:
            self._speak(module)

    def _of_all(self) -> list[float]:
        """The losses since the last point, each the mean of what the processes saw."""
        *totals, processes = _distributed.summed([*map(float, self._losses), 1.0])
        return [total / processes for total in totals]

    def _point(self, trainer: Trainer, module: LightningModule) -> None:
        losses = self._of_all()
        for step, loss in enumerate(losses, module.step - len(losses)):
            if not math.isfinite(loss):
                self._stop(trainer, module, step, loss)
        self._losses = []
        mean = sum(losses) / len(losses)
        self._note = f"loss {mean:.3f}"
        self._write(
            {
                "step": module.step,
                "examples": module.examples,
                "loss": mean,
                "lr": module.rate(module.step - 1),
            }
        )

    def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
        self._point_of_rest(trainer, module)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        self._point_of_rest(trainer, module)

    def _point_of_rest(self, trainer: Trainer, module: LightningModule) -> None:
        """Where the clock ended training between two points: a loss that is no number must not go by unseen."""
        if self._losses:
            self._point(trainer, module)

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        valid, select = module.valid, module.plan.select
        score = {} if valid.score is None else {select: valid.score}
        self._write(
            {
                "step": module.step,
                "examples": module.examples,
                "valid": valid.loss,
                "exact_match": valid.exact_match,
                **score,
            }
        )
        self._note = ", ".join(
            [
                f"valid {valid.loss:.3f}",
                f"exact {valid.exact_match:.1%}",
                *(f"{k} {v:.1%}" for k, v in score.items()),
            ]
        )
        self._speak(module)

    def _write(self, point: dict[str, Any]) -> None:
        if _distributed.rank():
            return
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(point) + "\n")

    def _speak(self, module: LightningModule) -> None:
        self._spoken = time.monotonic()
        self.say({"examples": module.examples, "note": self._note})

    def _stop(self, trainer: Trainer, module: LightningModule, step: int, loss: float) -> None:
        data: Data = trainer.datamodule
        rows = data.rows_of(step).tolist()
        shown = ", ".join(
            json.dumps(self.text(i)[:SHOWN_CHARACTERS], ensure_ascii=False) for i in rows[:SHOWN]
        )
        more = ", ..." if len(rows) > SHOWN else ""
        raise IncompleteError(
            f"trainer: the loss is {loss} at step {step + 1}, with the learning rate {module.rate(step):.3g}. A lower trainer.lr or"
            f" trainer.precision=fp32 may help. The batch had {len(rows)} examples, with the inputs {shown}{more}"
        )


def _synced(path: Path) -> int:
    """The size of a file, all of which is on disk now: a checkpoint says how much of it holds."""
    if not path.exists():
        return 0
    with path.open("rb") as file:
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_size
