"""The process that trains: `python -m p2m.fit.train FOLDER` reads job.json there, tells its progress on stdout, leaves the student.

It is a process of its own because Lightning may start it again for each device, because its memory goes back with it, and because its death
(out of memory, a crash in a kernel) must not end a sweep.
"""

import contextlib
import copy
import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from p2m.errors import Stopped, UserError, explain_full_disk
from p2m.stages import Metric

if TYPE_CHECKING:
    from p2m.fit.prepare import Ready
    from p2m.student.build import LoadedModel

Say = Callable[[dict[str, Any]], None]
FAREWELL_S = 55.0  # for a last checkpoint when the process that started this one is gone


def fit(folder: Path, say: Say, stop: Callable[[], int]) -> None:
    """Trains the job in *folder* to its end, from its last checkpoint if there is one.  stop() is a signal's number once one came."""
    from p2m.fit import distributed as _distributed
    from p2m.fit import prepare as _prepare
    from p2m.student import build

    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    ready = _prepare.ready(folder, job)
    say({"total": ready.data.order.examples(ready.data.plan.steps)})
    built = _trained(folder, ready, _score(job["settings"], ready), say, stop)
    if _distributed.rank():
        return
    if job["settings"]["method"] == "lora":
        from p2m.fit import lora as _lora

        built = _lora.merged(built)
    build.save(built, ready.student)
    say({"student": {k: v for k, v in asdict(ready.student).items() if k != "folder"}})


def _score(settings: dict[str, Any], ready: "Ready") -> Callable[[], float] | None:
    """A function to the metric that chooses the weights, of answers to validation inputs; None for what labels tell without an answer."""
    if settings["select"] in {"loss", "exact_match"}:
        return None
    from p2m.engine.decode import Decoder
    from p2m.metric.chrf import ChrF
    from p2m.metric.f1 import F1
    from p2m.metric.normalised_exact_match import NormalisedExactMatch

    metrics: dict[str, Metric] = {
        "chrf": ChrF(),
        "f1": F1(),
        "normalised_exact_match": NormalisedExactMatch(),
    }
    inputs, accepted = (
        [row.input for row in ready.looked_at],
        [row.accepted for row in ready.looked_at],
    )
    student = ready.student

    def score() -> float:
        now = ready.built
        if (
            settings["method"] == "lora"
        ):  # its adapters are beside the weights, which decoding reads
            from p2m.fit import lora as _lora

            now = _lora.merged(replace(now, model=copy.deepcopy(now.model)))
        said = Decoder(
            now, student.prefix, student.max_input, student.max_output, suffix=student.suffix
        ).answers(inputs)
        return metrics[settings["select"]].score(said, accepted)

    return score


def _trained(
    folder: Path,
    ready: "Ready",
    score: Callable[[], float] | None,
    say: Say,
    stop: Callable[[], int],
) -> "LoadedModel":
    """The student with its best weights."""
    import torch
    from pytorch_lightning import Trainer

    from p2m.fit import distributed as _distributed
    from p2m.fit.checkpoint import Best, Saver, WholeCheckpoints, newest, weights
    from p2m.fit.curve import Curve
    from p2m.fit.module import Fit

    built, data, plan = ready.built, ready.data, ready.data.plan
    torch.use_deterministic_algorithms(
        True, warn_only=plan.device == "cuda"
    )  # some CUDA kernels have no deterministic twin
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs time and guards against reading it, which nothing here does
    checkpoints = folder / "checkpoints"
    checkpoints.mkdir(exist_ok=True)
    curve = Curve(folder / "curve.jsonl", say, lambda i: ready.train[i].input)
    best = Best(
        checkpoints, plan.select, plan.patience, curve.tell
    )  # after the curve, which cuts off what came after the checkpoint
    callbacks = [curve, best, Saver(checkpoints, plan.checkpoint_s, stop)]
    trainer = Trainer(
        accelerator=plan.device if plan.device == "cpu" else "gpu", devices=plan.devices, num_nodes=plan.nodes, strategy=_strategy(plan),
        precision="32-true", max_epochs=-1, callbacks=callbacks,
        plugins=[WholeCheckpoints(), *_places(plan)], logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        num_sanity_val_steps=0, limit_val_batches=1.0 if data.valid else 0, use_distributed_sampler=False, default_root_dir=folder,
        inference_mode=False,
    )  # fmt: skip
    if plan.device == "cpu" and built.model.config.model_type in {"t5", "mt5"}:
        # a position bias that learns keeps T5 from torch's fused attention but for its cross attention, whose backward is slow there:
        # without it a step of the 1 M student takes a fifth less
        built.model.set_attn_implementation("eager")
    built.model.train()
    shared_out = plan.strategy == "fsdp"
    whole = copy.deepcopy(built.model) if shared_out else built.model
    last = newest(checkpoints)
    trainer.fit(Fit(built, plan, score), datamodule=data, ckpt_path=last, weights_only=True)
    if shared_out and not best.file:
        whole.load_state_dict(weights(built.model), strict=False)
    _distributed.leave()
    if (
        not _distributed.rank()
    ):  # the others have no use for them, and may be here before the file is
        best.restore(whole)
    return replace(built, model=whole)


def _strategy(plan: Any) -> Any:
    """How several processes share the work, and how they find each other on one machine, where no name need be looked up."""
    if plan.devices * plan.nodes == 1:
        return "auto"
    os.environ["OMP_NUM_THREADS"] = str(
        plan.threads
    )  # else Lightning gives each process its share of all threads
    if plan.nodes == 1 and sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    backend = "gloo" if plan.device == "cpu" else "nccl"
    if plan.strategy == "fsdp":
        from p2m.fit.sharded import Sharded

        return Sharded(plan.devices * plan.nodes, backend)
    from pytorch_lightning.strategies import DDPStrategy

    return DDPStrategy(process_group_backend=backend, gradient_as_bucket_view=True)


def _places(plan: Any) -> list[Any]:
    """Where Slurm started the processes, what says so: Lightning does not take it for Slurm in an interactive allocation.

    Without its requeueing, which would keep checkpoints of its own.
    """
    from pytorch_lightning.plugins.environments import SLURMEnvironment

    started = (
        plan.devices * plan.nodes > 1 and "RANK" not in os.environ and "SLURM_PROCID" in os.environ
    )
    return [SLURMEnvironment(auto_requeue=False)] if started else []


def main(folder: Path) -> int:
    from p2m.fit import distributed as _distributed

    say, asked = _voice(), _listen()
    if rank := _distributed.rank():
        return _helped(folder, rank, asked)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    try:
        with explain_full_disk(folder), _lock(folder, 0):
            fit(folder, say, lambda: asked["signal"])
    except UserError as error:
        say({"error": str(error), "kind": type(error).__name__})
        return error.code
    except Stopped as stopped:
        return stopped.code
    return 0


def _lock(folder: Path, rank: int) -> FileLock:
    """Held by one process of each rank.  Those of a killed run may still be at their last checkpoint, which all are to go on from."""
    (folder / "locks").mkdir(exist_ok=True)
    return FileLock(folder / "locks" / str(rank))


def _helped(folder: Path, rank: int, asked: dict[str, int]) -> int:
    """What a further process does: the same, in silence, as the first one tells and writes."""
    try:
        with _lock(folder, rank):
            fit(folder, lambda message: None, lambda: asked["signal"])
    except (UserError, Stopped) as error:
        return error.code
    return 0


def _voice() -> Say:
    """Writes messages to the real stdout; whatever a library prints goes to the log."""
    line = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)

    def say(message: dict[str, Any]) -> None:
        with contextlib.suppress(
            BrokenPipeError
        ):  # who listened is gone: _listen sees it too, and a last checkpoint is still to be written
            line.write(json.dumps(message) + "\n")

    return say


def _listen() -> dict[str, int]:
    """Notes a SIGTERM, and takes the end of stdin for one: who started us is gone, and nobody else will end us."""
    asked = {"signal": 0}

    def note(signum: int, frame: Any) -> None:
        asked["signal"] = signum

    def watch() -> None:
        os.read(0, 1)  # nothing is ever written to it, so this returns when its other end is closed
        asked["signal"] = signal.SIGTERM
        time.sleep(FAREWELL_S)
        os._exit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, note)
    threading.Thread(target=watch, daemon=True).start()
    return asked


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
