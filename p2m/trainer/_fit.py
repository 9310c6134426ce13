"""The process that trains: `python -m p2m.trainer._fit FOLDER` reads job.json there, tells its progress on stdout, leaves the student.

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
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock

from p2m.artifacts import Choice, Example, Rows, Student
from p2m.errors import IncompleteError, Stopped, UserError, full_disk_told
from p2m.stages import Metric

Say = Callable[[dict[str, Any]], None]
MOST_INPUT, MOST_OUTPUT = 1024, 512  # tokens, where no setting says another number; an instruction around the input not counted
LEARNT_FROM = 100_000  # examples; more change the pieces little
LOOKED_AT = 1000  # answers, to see whether the student's tokenizer can write them
FAREWELL_S = 55.0  # for a last checkpoint when the process that started this one is gone


def fit(folder: Path, say: Say, stop: Callable[[], int]) -> None:
    """Trains the job in *folder* to its end, from its last checkpoint if there is one.  stop() is a signal's number once one came."""
    import torch

    from p2m.student import _t5_forward, build
    from p2m.trainer import _data, _plan, _together

    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    settings, choice = job["settings"], Choice(**job["choice"])
    rows = _rows(job, settings)
    around, labels = (job["prefix"], job["suffix"]), tuple(job["labels"]) if choice.kind == "encoder" else ()
    built = build.fresh(choice, settings["seed"], _learned(choice, around, rows["train"]), labels)
    about = (built.model.config.model_type, built.model.num_parameters())
    plan = _plan.planned(settings, choice.base == "scratch", *about, len(rows["train"]))
    if _together.world() not in {None, plan.devices * plan.nodes}:
        raise UserError(
            f"trainer.launch: the launcher started {_together.world()} processes, and trainer.devices={plan.devices} on"
            f" trainer.nodes={plan.nodes} are {plan.devices * plan.nodes}; set both to what it starts, and trainer.strategy to ddp or fsdp"
        )
    torch.set_num_threads(plan.threads)  # decides in which order sums are made, and so their last bits
    tokens = folder / "tokens" / str(_together.rank())
    tokens.mkdir(parents=True, exist_ok=True)
    if plan.residual_dropout is not None:
        _t5_forward.dropped(built.model, plan.residual_dropout)
    train, valid = _pairs(rows, around, built, settings, tokens)
    lost = _lost([row.output for row in _spread(rows["train"], LOOKED_AT)], built)
    limits = (train.max_input, train.max_output)
    student = Student(folder, choice.base, choice.kind, around[0], *limits, around[1], labels, train.cut, lost)
    if settings["label_prior"] != 1:
        _plan.refuse_prior(job["labels"])
    data = _data.Data(train, valid, plan, _data.weights_of(rows["train"], settings["mix"], settings["label_prior"]))
    _plan.frozen(built.model, settings["freeze"])
    if settings["method"] == "lora":
        from p2m.trainer import _lora

        built = _lora.adapted(built, settings["lora_rank"], settings["lora_alpha"])
    if settings["gradient_checkpointing"]:
        built.model.activation_checkpointing_enable()
    say({"total": data.order.examples(plan.steps)})
    score = _score(settings["select"], settings["method"], built, student, _spread(rows["valid"], settings["valid_examples"]))
    built = _trained(folder, built, data, lambda i: rows["train"][i].input, score, say, stop)
    if _together.rank():
        return
    build.keep(_lora.merged(built) if settings["method"] == "lora" else built, student)
    say({"student": {k: v for k, v in asdict(student).items() if k != "folder"}})


def _rows(job: dict[str, Any], settings: dict[str, Any]) -> dict[str, Sequence[Example]]:
    """What is trained on and what is looked at, by `train` and `valid`."""
    from p2m.trainer import _votes

    rows: dict[str, Sequence[Example]] = {name: Rows(Path(job[name])) for name in ("train", "valid")}
    if only := settings["overfit"]:
        rows = dict.fromkeys(rows, rows["train"][:only])
    if settings["soft_votes"]:
        rows["train"] = _votes.Voted(rows["train"])
    return rows


def _learned(choice: Choice, around: tuple[str, str], rows: Sequence[Example]) -> Any:
    """The tokenizer that is made for the training examples; None where the base has one."""
    from p2m.student import tokens

    texts = (text for row in islice(rows, LEARNT_FROM) for text in (around[0] + row.input + around[1], row.output))
    return tokens.learned(texts, choice.pieces) if choice.pieces else None


def _pairs(rows: dict[str, Any], around: tuple[str, str], built: Any, settings: dict[str, Any], folder: Path) -> Any:
    """Training and validation examples as tokens; None for a validation set that is empty."""
    from p2m.trainer import _data

    some = {"train": rows["train"], "valid": _spread(rows["valid"], settings["valid_examples"])}
    made = {name: _data.tokenized(value, around, built, folder, name) for name, value in some.items()}
    closing, before = built.closing(around[1]), int(built.tokenizer.encode([around[0]]).open_ended().lengths[0])
    fixed = before + len(closing)
    limits = _limits(made["train"], settings, getattr(built.model.config, "max_position_embeddings", None), built.goes_on, fixed)
    room, longest = limits[0] - fixed, int(made["train"][0].lengths.max()) - fixed
    if room < min(fixed, longest / 2):
        raise UserError(
            f"trainer.max_input: of {limits[0]} tokens, what stands before and after each input takes {fixed}, which leaves too little room"
            f" for inputs of up to {longest}; set processor.instruction=never, or a larger trainer.max_input if the student can read more"
        )
    how = (built.tokenizer.pad, built.tokenizer.end, closing, built.goes_on)
    pairs = {name: _data.Pairs(*tokens, *limits, *how) for name, tokens in made.items()}
    return pairs["train"], pairs["valid"] if len(pairs["valid"]) else None


def _lost(answers: list[str], built: Any) -> float:
    """The share of *answers* that do not come back from the tokenizer as they went in.

    UserError where more than half of them lose more than blanks and line ends.  The vocabulary of T5 has neither these nor braces.
    """
    if built.kind == "encoder":  # which chooses
        return 0.0
    tokens = built.tokenizer.encode(answers).open_ended()
    back = built.tokenizer.decode([tokens[i].tolist() for i in range(len(answers))])
    changed = [(one, other) for one, other in zip(answers, back, strict=True) if one != other.strip()]
    spoilt = [(one, other) for one, other in changed if one.split() != other.split()]
    if 2 * len(spoilt) > len(answers):
        raise UserError(
            f"model: the student's tokenizer cannot write {len(spoilt)} of {len(answers)} training answers that were looked at, such as"
            f" {spoilt[0][0][:60]!r}, of which it makes {spoilt[0][1][:60]!r}; take a student that reads bytes, such as"
            " model=byt5_small or model=byt5_nano"
        )
    return len(changed) / len(answers)


def _spread(rows: Sequence[Example], most: int) -> list[Example]:
    """At most so many of *rows*, evenly spread: a file may be sorted."""
    n = min(len(rows), most)
    return [rows[i * len(rows) // n] for i in range(n)]


def _limits(tokens: Any, settings: dict[str, Any], positions: int | None, shared: bool, fixed: int) -> tuple[int, int]:
    """max_input and max_output.  auto: twice the longest input, a quarter beyond the longest output, as what comes may be longer.

    Within the model's positions, which input and output may have to share.  fixed: tokens that stand around every input.
    """
    inputs, outputs = (int(t.lengths.max()) for t in tokens)
    most_in, most_out = settings["max_input"], settings["max_output"]
    if most_in == "auto":
        most_in = min(MOST_INPUT + fixed, -(-2 * inputs // 64) * 64)
    if most_out == "auto":
        most_out = min(MOST_OUTPUT, -(-5 * outputs // 32) * 8)
    if outputs == 1:  # a label
        most_out = 1
    if positions:
        for name in ("max_input", "max_output"):
            if settings[name] != "auto" and settings[name] > positions:
                raise UserError(
                    f"trainer.{name}: this student has {positions} positions, got {settings[name]}; set {positions} or less, or auto"
                )
        most_out = min(most_out, positions)
        most_in = min(most_in, max(1, positions - most_out) if shared else positions)
    return most_in, most_out


def _score(select: str, method: str, built: Any, student: Student, rows: Sequence[Example]) -> Callable[[], float] | None:
    """A function to the metric that chooses the weights, of the answers to *rows*; None for what the labels tell without an answer."""
    if select in {"loss", "exact_match"}:
        return None
    from p2m.metric.chrf import ChrF
    from p2m.metric.f1 import F1
    from p2m.metric.normalised_exact_match import NormalisedExactMatch
    from p2m.student.decode import Decoder

    metrics: dict[str, Metric] = {"chrf": ChrF(), "f1": F1(), "normalised_exact_match": NormalisedExactMatch()}
    inputs, accepted = [row.input for row in rows], [[row.output] for row in rows]

    def score() -> float:
        now = built
        if method == "lora":  # its adapters are beside the weights, which decoding reads
            from p2m.trainer import _lora

            now = _lora.merged(replace(built, model=copy.deepcopy(built.model)))
        said = Decoder(now, student.prefix, student.max_input, student.max_output, suffix=student.suffix).answers(inputs)
        return metrics[select].score(said, accepted)

    return score


def _trained(
    folder: Path, built: Any, data: Any, text: Callable[[int], str], score: Callable[[], float] | None, say: Say, stop: Callable[[], int]
) -> Any:
    """The model of *built* with its best weights."""
    import torch
    from pytorch_lightning import Trainer

    from p2m.trainer import _together
    from p2m.trainer._checkpoint import Best, Saver, WholeCheckpoints, newest, weights
    from p2m.trainer._curve import Curve
    from p2m.trainer._module import Fit

    plan = data.plan
    torch.use_deterministic_algorithms(True, warn_only=plan.device == "cuda")  # some CUDA kernels have no deterministic twin
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs time and guards against reading it, which nothing here does
    checkpoints = folder / "checkpoints"
    checkpoints.mkdir(exist_ok=True)
    best = Best(checkpoints, plan.select, plan.patience)
    callbacks = [Curve(folder / "curve.jsonl", say, text), best, Saver(checkpoints, plan.checkpoint_s, stop)]
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
    if not _together.rank():  # the others have no use for them, and may be here before the file is
        best.restore(whole)
        if not all(weight.isfinite().all() for weight in whole.parameters()):  # the last step's, which no loss tells of
            raise IncompleteError(
                "trainer: the last step left weights that are no numbers; a lower trainer.lr or trainer.precision=fp32 may help"
            )
    return replace(built, model=whole)


def _strategy(plan: Any) -> Any:
    """How several processes share the work, and how they find each other on one machine, where no name need be looked up."""
    if plan.devices * plan.nodes == 1:
        return "auto"
    os.environ["OMP_NUM_THREADS"] = str(plan.threads)  # else Lightning gives each process its share of all threads
    if plan.nodes == 1 and sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    backend = "gloo" if plan.device == "cpu" else "nccl"
    if plan.strategy == "fsdp":
        from p2m.trainer._sharded import Sharded

        return Sharded(plan.devices * plan.nodes, backend)
    from pytorch_lightning.strategies import DDPStrategy

    return DDPStrategy(process_group_backend=backend, gradient_as_bucket_view=True)


def _places(plan: Any) -> list[Any]:
    """Where Slurm started the processes, what says so: Lightning does not take it for Slurm in an interactive allocation.

    Without its requeueing, which would keep checkpoints of its own.
    """
    from pytorch_lightning.plugins.environments import SLURMEnvironment

    started = plan.devices * plan.nodes > 1 and "RANK" not in os.environ and "SLURM_PROCID" in os.environ
    return [SLURMEnvironment(auto_requeue=False)] if started else []


def main(folder: Path) -> int:
    from p2m.trainer import _together

    say, asked = _voice(), _listen()
    if rank := _together.rank():
        return _helped(folder, rank, asked)
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    try:
        with full_disk_told(folder), _lock(folder, 0):
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
