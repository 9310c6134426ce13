"""One training from its plan to the student in its folder."""

import copy
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Trainer
from pytorch_lightning.plugins.environments import SLURMEnvironment
from pytorch_lightning.strategies import DDPStrategy

from p2m.components import build as build_component
from p2m.fit import distributed
from p2m.fit.checkpoint import Best, Saver, WholeCheckpoints, newest, whole_weights
from p2m.fit.curve import Curve
from p2m.fit.module import StudentModule
from p2m.fit.place import Place
from p2m.fit.plan import Plan, read_plan
from p2m.fit.prepare import Prepared, prepare
from p2m.student import build
from p2m.student._head import calibrate
from p2m.student.build import LoadedModel

Say = Callable[[dict[str, Any]], None]


def fit(folder: Path, say: Say, stop: Callable[[], int]) -> None:
    """Trains by the plan in *folder*, from its last checkpoint if there is one, and leaves the
    student.

    say: is given {"total": examples}, then {"examples", "note"} and {"point"}.
    stop: gives a signal's number once one came.
    """
    plan = read_plan(folder)
    prepared = prepare(folder, plan)
    say({"total": prepared.data.order.examples(plan.steps)})
    loaded = train(folder, prepared, say, stop)
    if distributed.rank():
        return
    if plan.lora_rank:
        from p2m.student.lora import merge

        loaded = merge(loaded)
    if loaded.kind == "encoder":
        data = prepared.data
        calibrate(loaded, data.some(data.valid), data.place.device)
    build.save(loaded, prepared.student)


def train(folder: Path, prepared: Prepared, say: Say, stop: Callable[[], int]) -> LoadedModel:
    """The student with its best weights."""
    loaded, data = prepared.loaded, prepared.data
    plan, place, model = data.plan, data.place, loaded.model
    _be_deterministic(place.device)
    _prefer_eager_attention(model, place.device)
    # 1) what watches it
    checkpoints = folder / "checkpoints"
    checkpoints.mkdir(exist_ok=True)
    curve = Curve(folder / "curve.jsonl", say, lambda i: prepared.train[i].input)
    # after the curve, which cuts off what came after the checkpoint
    best = Best(checkpoints, plan.select, plan.patience, curve.note)
    callbacks = [curve, best, Saver(checkpoints, plan.checkpoint_s, stop)]
    # 2) training
    model.train()
    whole = copy.deepcopy(model) if place.is_sharded else model
    module = StudentModule(loaded, plan, place, _make_score(plan, prepared))
    trainer = _make_trainer(folder, place, callbacks, len(data.valid) > 0)
    trainer.fit(module, datamodule=data, ckpt_path=newest(checkpoints), weights_only=True)
    # 3) the best weights, in the first process: others may be here before the file is
    if place.is_sharded and not best.file:
        whole.load_state_dict(whole_weights(model), strict=False)
    distributed.leave()
    if not distributed.rank():
        best.restore(whole)
    return replace(loaded, model=whole)


def _be_deterministic(device: str) -> None:
    # some CUDA kernels have no deterministic twin
    torch.use_deterministic_algorithms(True, warn_only=device == "cuda")
    # filling costs time and guards against reading what is uninitialized, which nothing here does
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def _prefer_eager_attention(model: Any, device: str) -> None:
    """On a processor, for a T5: a position bias that learns keeps it from torch's fused attention
    but for its cross attention, whose backward is slow there.  Without it a step of the 1 M student
    takes a fifth less."""
    if device == "cpu" and model.config.model_type in {"t5", "mt5"}:
        model.set_attn_implementation("eager")


def _make_score(plan: Plan, prepared: Prepared) -> Callable[[], float] | None:
    """A function to the score of answers to validation inputs, by the metric that chooses the
    weights; None where labels tell it without an answer."""
    if not plan.scorer:
        return None
    from p2m.engine.decode import Decoder

    metric, student = build_component(plan.scorer), prepared.student
    inputs = [row.input for row in prepared.valid]
    accepted = [row.accepted for row in prepared.valid]

    def score() -> float:
        loaded = prepared.loaded
        if plan.lora_rank:  # adapters are beside the weights, which decoding reads
            from p2m.student.lora import merge

            loaded = merge(replace(loaded, model=copy.deepcopy(loaded.model)))
        limits = (student.max_input, student.max_output)
        decoder = Decoder(loaded, student.prefix, *limits, suffix=student.suffix)
        return float(metric.score(decoder.answers(inputs), accepted))

    return score


def _make_trainer(folder: Path, place: Place, callbacks: list[Any], validates: bool) -> Trainer:
    return Trainer(
        accelerator="cpu" if place.device == "cpu" else "gpu",
        devices=place.devices,
        num_nodes=place.nodes,
        strategy=_strategy(place),
        precision="32-true",
        max_epochs=-1,
        callbacks=callbacks,
        plugins=[WholeCheckpoints(), *_environments(place)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        limit_val_batches=1.0 if validates else 0,
        use_distributed_sampler=False,
        default_root_dir=folder,
        inference_mode=False,
    )


def _strategy(place: Place) -> Any:
    """How several processes share the work, and how they find each other."""
    if place.processes == 1:
        return "auto"
    # else Lightning gives each process its share of all threads
    os.environ["OMP_NUM_THREADS"] = str(place.threads)
    if place.nodes == 1 and sys.platform == "linux":  # where no name need be looked up
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    backend = "gloo" if place.device == "cpu" else "nccl"
    if place.is_sharded:
        from p2m.fit.sharded import Sharded

        return Sharded(place.processes, backend)
    return DDPStrategy(process_group_backend=backend, gradient_as_bucket_view=True)


def _environments(place: Place) -> list[SLURMEnvironment]:
    """Slurm's, where it started the processes: Lightning does not take it for Slurm in an
    interactive allocation.  Without requeueing, which would keep checkpoints of its own."""
    of_slurm = "SLURM_PROCID" in os.environ and "RANK" not in os.environ
    return [SLURMEnvironment(auto_requeue=False)] if place.processes > 1 and of_slurm else []
