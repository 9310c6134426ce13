"""Checkpoints, whole or absent whatever dies: of the training and of its best weights."""

import io
import json
import math
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning_fabric.plugins.io.checkpoint_io import CheckpointIO
from pytorch_lightning import Callback, LightningModule, Trainer
from safetensors.torch import load_file, save
from torch.distributed.tensor import DTensor

from p2m import disk
from p2m.errors import IncompleteError, Stopped
from p2m.fit import distributed

KEPT = 2  # checkpoints: the last, and the one before in case the disk lost part of the last
# between two checkpoints, and of all time for them, where that is left to p2m
SECONDS, SHARE = 30, 0.05
STATE, MANIFEST = "state.pt", "manifest.json"


class WholeCheckpoints(CheckpointIO):
    """One folder a checkpoint, `<step>/`, written beside, synced, renamed.

    Its manifest holds the sha256 of each file that it counts on.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        final = Path(path)
        part = final.with_name(f"{final.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        state = io.BytesIO()
        torch.save(checkpoint, state)
        disk.write_bytes(part / STATE, state.getvalue())
        files = {f"{final.name}/{STATE}": disk.digest(part / STATE)}
        best = checkpoint["callbacks"]["Best"]
        if best["file"]:
            files[best["file"]] = best["sha256"]
        disk.write_text(part / MANIFEST, json.dumps(files))
        part.rename(final)
        disk.sync(final.parent)
        _prune(final.parent)

    def load_checkpoint(
        self, path: str | Path, map_location: Any = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        return dict(torch.load(Path(path) / STATE, map_location="cpu", weights_only=True))

    def remove_checkpoint(self, path: str | Path) -> None:
        shutil.rmtree(path)


def newest(folder: Path) -> Path | None:
    """The last checkpoint of which every byte is there, else the last whose state is, without its
    best weights.  The first process removes those after it."""
    paths = sorted(folder.glob("*/"), reverse=True)
    found = next((path for path in paths if _is_whole(path)), None)
    if not found:
        found = next((path for path in paths if _is_whole(path, STATE)), None)
    if not distributed.rank():
        for path in paths[: paths.index(found) if found else None]:
            shutil.rmtree(path)
    return found


def _is_whole(path: Path, only: str = "") -> bool:
    """Whether the files that the manifest names, or those of them that end so, have every byte."""
    try:
        files = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        for name, digest in files.items():
            if name.endswith(only) and disk.digest(path.parent / name) != digest:
                return False
    except (OSError, ValueError, AttributeError):
        return False
    return True


def _prune(folder: Path) -> None:
    """Leaves the last checkpoints and the best weights that one of them counts on."""
    steps = sorted(path for path in folder.glob("*/") if path.suffix != ".part")
    needed: set[str] = set()
    for path in steps[-KEPT:]:
        needed.update(json.loads((path / MANIFEST).read_text(encoding="utf-8")))
    for path in steps[:-KEPT]:
        shutil.rmtree(path)
    for path in folder.glob("best-*.safetensors"):
        if path.name not in needed:
            path.unlink()


class Saver(Callback):  # type: ignore[misc]
    """Saves every *seconds*, and once more when stop() names a signal, which then ends training.

    seconds: None: 30, or so many that saving takes a twentieth of the time.
    Never at a step whose validation is still to come, so that none is left out when training goes
    on from there.
    """

    def __init__(self, folder: Path, seconds: float | None, stop: Callable[[], int]) -> None:
        self.folder, self.seconds, self.stop = folder, seconds, stop
        self._last, self._took = time.monotonic(), 0.0
        self._handler = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Lightning answers SIGTERM by raising from where it is, before the save."""
        signal.signal(signal.SIGTERM, self._handler)

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *ignored: Any) -> None:
        plan = module.plan
        if module.step % plan.valid_every and module.step < plan.steps:
            self._save_if_due(trainer, module)

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        self._save_if_due(trainer, module)

    def _save_if_due(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.should_stop:
            return
        began = time.monotonic()
        wait = self.seconds
        if wait is None:
            wait = max(SECONDS, self._took / SHARE)
        # the first process decides: clocks and signals differ
        stop, due = map(int, distributed.of_first([self.stop(), began - self._last >= wait]))
        if stop or due:
            trainer.save_checkpoint(self.folder / f"{module.step:09d}")
            self._last = time.monotonic()
            self._took = self._last - began
        if stop:
            raise Stopped(stop)


class Best(Callback):  # type: ignore[misc]
    """Keeps the weights of the best validation; ends training after *patience* without a better
    one.

    select: `loss`, the lowest; else the metric whose highest counts, and of equals the lowest loss.
    note: of best weights that a disk lost: training goes on, and looks for the best from there.
    """

    STATE = ("value", "since", "file", "sha256")

    def __init__(
        self, folder: Path, select: str, patience: int | None, note: Callable[[str], None]
    ) -> None:
        self.folder, self.select, self.patience, self.note = folder, select, patience, note
        self.value, self.since = [-math.inf, -math.inf], 0
        self.file, self.sha256 = "", ""

    @property
    def state_key(self) -> str:
        return "Best"

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.STATE}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        file = self.folder / state_dict["file"]
        is_whole = file.is_file() and disk.digest(file) == state_dict["sha256"]
        if state_dict["file"] and not is_whole:
            self.note(f"{file.name} is damaged: the best weights are looked for anew from here on")
            return
        for name, value in state_dict.items():
            setattr(self, name, value)

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.since += 1
        valid = module.valid
        metric = valid.exact_match if valid.score is None else valid.score
        value = [0.0 if self.select == "loss" else metric, -valid.loss]
        if math.isfinite(valid.loss) and value > self.value:
            self.value, self.since = value, 0
            self.file = f"best-{module.step:09d}.safetensors"
            weights = whole_weights(module.model)
            if not distributed.rank():
                disk.write_bytes(self.folder / self.file, save(weights))
                self.sha256 = disk.digest(self.folder / self.file)
        if self.patience is not None and self.since >= self.patience:
            trainer.should_stop = True

    def restore(self, model: Any) -> None:
        """The best weights into *model*; without a validation it keeps the last ones.

        IncompleteError for weights that are no numbers, the last step's, which no loss tells of.
        """
        if self.file:
            # tied weights are there once
            model.load_state_dict(load_file(self.folder / self.file), strict=False)
        if not all(weight.isfinite().all() for weight in model.parameters()):
            raise IncompleteError(
                "trainer: the last step left weights that are no numbers; a lower"
                " trainer.optimizer.lr or trainer.precision=fp32 may help"
            )


def whole_weights(model: Any) -> dict[str, torch.Tensor]:
    """The model's tensors, those that several names share once.

    Where processes have parts of them, all of these must call it.
    """
    weights: dict[str, torch.Tensor] = {}
    seen = set()
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        if isinstance(tensor, DTensor):
            tensor = tensor.full_tensor()
        weights[name] = tensor.detach().contiguous()
    return weights
