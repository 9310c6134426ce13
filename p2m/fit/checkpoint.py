"""Checkpoints that are whole or not there, whatever dies: of the training and of its best weights."""

import hashlib
import io
import json
import math
import os
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

from p2m.errors import IncompleteError, Stopped
from p2m.fit import distributed as _distributed

KEPT = 2  # checkpoints: the last, and the one before in case the disk lost part of the last
SECONDS, SHARE = (
    30,
    0.05,
)  # between two checkpoints, and of all time for them, where that is left to p2m
STATE, MANIFEST = "state.pt", "manifest.json"


class WholeCheckpoints(CheckpointIO):
    """One folder a checkpoint, `<step>/`, written beside, synced, renamed; its manifest holds the sha256 of each file that it counts on."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        final = Path(path)
        part = final.with_name(f"{final.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        files = {f"{final.name}/{STATE}": _written(part / STATE, buffer.getbuffer())}
        if best := checkpoint["callbacks"]["Best"]["file"]:
            files[best] = checkpoint["callbacks"]["Best"]["sha256"]
        _written(part / MANIFEST, json.dumps(files).encode())
        part.rename(final)
        _sync(final.parent)
        _prune(final.parent)

    def load_checkpoint(
        self, path: str | Path, map_location: Any | None = None, weights_only: bool | None = True
    ) -> dict[str, Any]:
        return dict(torch.load(Path(path) / STATE, map_location="cpu", weights_only=True))

    def remove_checkpoint(self, path: str | Path) -> None:
        shutil.rmtree(path)


def newest(folder: Path) -> Path | None:
    """The last checkpoint of which every byte is there, else the last whose state is there, without best weights.

    The first process removes those after it.
    """
    paths = sorted(folder.glob("*/"), key=lambda p: p.name, reverse=True)
    kept = [path for path in paths if path.suffix != ".part"]
    found = next((path for path in kept if _whole(path)), None) or next(
        (path for path in kept if _whole(path, STATE)), None
    )
    if not _distributed.rank():
        for path in paths[: paths.index(found) if found else None]:
            shutil.rmtree(path)
    return found


def _whole(path: Path, only: str = "") -> bool:
    """Whether every byte is there that the manifest tells of, or every one of the files called so."""
    try:
        files = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        return all(
            _digest((path.parent / name).read_bytes()) == digest
            for name, digest in files.items()
            if name.endswith(only)
        )
    except (OSError, ValueError, AttributeError):
        return False


def _prune(folder: Path) -> None:
    """Leaves the last checkpoints and the best weights that one of them counts on."""
    steps = sorted(p for p in folder.glob("*/") if p.suffix != ".part")
    for path in steps[:-KEPT]:
        shutil.rmtree(path)
    needed = {
        name
        for path in steps[-KEPT:]
        for name in json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    }
    for path in folder.glob("best-*.safetensors"):
        if path.name not in needed:
            path.unlink()


class Saver(Callback):  # type: ignore[misc]
    """Saves every *seconds*, and once more when stop() names a signal, which then ends training.

    seconds: None: 30, or so many that saving takes a twentieth of the time.
    Never at a step whose validation is still to come, so that none is left out when training goes on from there.
    """

    def __init__(self, folder: Path, seconds: float | None, stop: Callable[[], int]) -> None:
        self.folder, self.seconds, self.stop = folder, seconds, stop
        self._last, self._took = time.monotonic(), 0.0
        self._handler = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Lightning answers SIGTERM by raising from wherever it is, which would come before the save."""
        signal.signal(signal.SIGTERM, self._handler)

    def on_train_batch_end(self, trainer: Trainer, module: LightningModule, *ignored: Any) -> None:
        plan = module.plan
        if module.step % plan.valid_every and module.step < plan.steps and not trainer.should_stop:
            self._save_if_due(trainer, module)

    def on_train_epoch_end(self, trainer: Trainer, module: LightningModule) -> None:
        if not trainer.should_stop:
            self._save_if_due(trainer, module)

    def _save_if_due(self, trainer: Trainer, module: LightningModule) -> None:
        began = time.monotonic()
        wait = max(SECONDS, self._took / SHARE) if self.seconds is None else self.seconds
        stop, due = (
            int(x) for x in _distributed.of_first([self.stop(), began - self._last >= wait])
        )
        if stop or due:
            trainer.save_checkpoint(self.folder / f"{module.step:09d}")
            self._last = time.monotonic()
            self._took = self._last - began
        if stop:
            raise Stopped(stop)


class Best(Callback):  # type: ignore[misc]
    """Keeps the weights of the best validation, and ends training after *patience* validations without a better one.

    select: `loss`, the lowest; else the metric whose highest counts, and of equals the one with the lowest loss.
    tell: of best weights that a disk lost: training goes on, and looks for the best from there.
    """

    def __init__(
        self, folder: Path, select: str, patience: int | None, tell: Callable[[str], None]
    ) -> None:
        self.folder, self.select, self.patience, self.tell = folder, select, patience, tell
        self.value, self.since = [-math.inf, -math.inf], 0
        self.file, self.sha256 = "", ""

    @property
    def state_key(self) -> str:
        return "Best"

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("value", "since", "file", "sha256")}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        file = self.folder / state_dict["file"]
        if state_dict["file"] and not (
            file.is_file() and _digest(file.read_bytes()) == state_dict["sha256"]
        ):
            self.tell(f"{file.name} is damaged: the best weights are looked for anew from here on")
            return
        for name, value in state_dict.items():
            setattr(self, name, value)

    def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
        self.since += 1
        valid = module.valid
        metric = {"loss": 0.0, "exact_match": valid.exact_match}.get(self.select, valid.score)
        value = [metric, -valid.loss]
        if math.isfinite(valid.loss) and value > self.value:
            self.value, self.since = value, 0
            self.file = f"best-{module.step:09d}.safetensors"
            state = weights(module.model)
            if not _distributed.rank():
                self.sha256 = _written(self.folder / self.file, save(state))
        if self.patience is not None and self.since >= self.patience:
            trainer.should_stop = True

    def restore(self, model: Any) -> None:
        """The best weights into *model*; without a validation it keeps the last ones.  IncompleteError for those that are no numbers."""
        if self.file:
            model.load_state_dict(
                load_file(self.folder / self.file), strict=False
            )  # tied weights are there once
        if not all(
            weight.isfinite().all() for weight in model.parameters()
        ):  # the last step's, which no loss tells of
            raise IncompleteError(
                "trainer: the last step left weights that are no numbers; a lower trainer.lr or trainer.precision=fp32 may help"
            )


def weights(model: Any) -> dict[str, torch.Tensor]:
    """The model's tensors, those that several names share once.  Where processes have parts of them, all of these must call it."""
    seen: dict[int, str] = {}
    state = {
        name: t
        for name, t in model.state_dict(keep_vars=True).items()
        if seen.setdefault(id(t), name) == name
    }
    return {
        name: (t.full_tensor() if isinstance(t, DTensor) else t).detach().contiguous()
        for name, t in state.items()
    }


def _written(path: Path, data: Any) -> str:
    """Writes and syncs a file that is whole or absent; its sha256."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    _sync(path.parent)
    return _digest(data)


def _digest(data: Any) -> str:
    return hashlib.sha256(data).hexdigest()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
