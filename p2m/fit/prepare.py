"""A job made ready to train: the student as settings change it, the plan, and the examples as tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from p2m.artifacts import Choice, Example, ExampleFile, Student
from p2m.errors import UserError
from p2m.fit import data as _data
from p2m.fit import distributed as _distributed
from p2m.fit import plan as _plan
from p2m.fit import sampling as _weights
from p2m.fit import votes as _votes
from p2m.student import _t5, build
from p2m.student.build import LoadedModel
from p2m.student.tokenizer import learn

MOST_INPUT, MOST_OUTPUT = (
    1024,
    512,
)  # tokens, where no setting says another number; an instruction around the input not counted
LEARNT_FROM = 100_000  # examples; more change the pieces little
LOOKED_AT = 1000  # answers, to see whether the student's tokenizer can write them


@dataclass(frozen=True)
class Ready:
    """built: with all that is trained.  train: the rows behind data.train.  looked_at: those of validation behind data.valid."""

    built: LoadedModel
    student: Student
    data: _data.Data
    train: Sequence[Example]
    looked_at: Sequence[Example]


def ready(folder: Path, job: dict[str, Any]) -> Ready:
    """Raises UserError for settings that fit neither the examples nor the student."""
    settings, choice = job["settings"], Choice(**job["choice"])
    if settings["label_prior"] != 1:
        _plan.refuse_prior(job["labels"])
    train, looked_at = _rows(job, settings)
    around, labels = (
        (job["prefix"], job["suffix"]),
        tuple(job["labels"]) if choice.kind == "encoder" else (),
    )
    built = build.fresh(choice, settings["seed"], _learned(choice, around, train), labels)
    about = (built.model.config.model_type, built.model.num_parameters())
    plan = _plan.planned(settings, choice.base == "scratch", *about, len(train))
    if _distributed.world() not in {None, plan.devices * plan.nodes}:
        raise UserError(
            f"trainer.launch: the launcher started {_distributed.world()} processes, and trainer.devices={plan.devices} on"
            f" trainer.nodes={plan.nodes} are {plan.devices * plan.nodes}; set both to what it starts, and trainer.strategy to ddp or fsdp"
        )
    torch.set_num_threads(
        plan.threads
    )  # decides in which order sums are made, and so their last bits
    if plan.residual_dropout is not None:
        _t5.set_residual_dropout(built.model, plan.residual_dropout)
    pairs, valid = _pairs(
        train, looked_at, around, built, settings, folder / "tokens" / str(_distributed.rank())
    )
    lost = _lost([row.output for row in _spread(train, LOOKED_AT)], built)
    limits = (pairs.max_input, pairs.max_output)
    student = Student(
        folder, choice.base, choice.kind, around[0], *limits, around[1], labels, pairs.cut, lost
    )
    data = _data.Data(
        pairs,
        valid,
        plan,
        _weights.sampling_weights(train, settings["mix"], settings["label_prior"]),
    )
    return Ready(_adapted(built, settings), student, data, train, looked_at)


def _rows(
    job: dict[str, Any], settings: dict[str, Any]
) -> tuple[Sequence[Example], Sequence[Example]]:
    """What is trained on, and what of the validation set is looked at."""
    train: Sequence[Example] = ExampleFile(Path(job["train"]))
    valid: Sequence[Example] = ExampleFile(Path(job["valid"]))
    if only := settings["overfit"]:
        train = valid = train[:only]
    return _votes.SoftLabels(train) if settings["soft_votes"] else train, _spread(
        valid, settings["valid_examples"]
    )


def _adapted(built: LoadedModel, settings: dict[str, Any]) -> LoadedModel:
    """With what is not trained frozen, and with adapters where they are trained instead."""
    _plan.frozen(built.model, settings["freeze"])
    if settings["method"] == "lora":
        from p2m.fit import lora as _lora

        built = _lora.adapted(built, settings["lora_rank"], settings["lora_alpha"])
    if settings["gradient_checkpointing"]:
        built.model.activation_checkpointing_enable()
    return built


def _learned(choice: Choice, around: tuple[str, str], rows: Sequence[Example]) -> Any:
    """The tokenizer that is made for the training examples; None where the base has one."""
    texts = (
        text
        for row in islice(rows, LEARNT_FROM)
        for text in (around[0] + row.input + around[1], row.output)
    )
    return learn(texts, choice.pieces) if choice.pieces else None


def _pairs(
    train: Sequence[Example],
    looked_at: Sequence[Example],
    around: tuple[str, str],
    built: LoadedModel,
    settings: dict[str, Any],
    folder: Path,
) -> tuple[_data.Pairs, _data.Pairs | None]:
    """Training and validation examples as tokens; None for a validation set that is empty."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        name: _data.tokenized(rows, around, built, folder, name)
        for name, rows in (("train", train), ("valid", looked_at))
    }
    closing, before = (
        built.end_ids(around[1]),
        int(built.tokenizer.encode([around[0]]).without_end().lengths[0]),
    )
    fixed = before + len(closing)
    limits = _limits(made["train"], settings, build.positions(built.model), built.is_causal, fixed)
    _plan.refuse_no_room(
        limits[0], fixed, int(made["train"][0].lengths.max()) - fixed, built.is_causal
    )
    marks = (built.tokenizer.pad, built.tokenizer.end, built.tokenizer.unknown)
    trained, valid = (
        _data.Pairs(*tokens, *limits, *marks, closing, built.is_causal) for tokens in made.values()
    )
    return trained, valid if len(valid) else None


def _lost(answers: list[str], built: Any) -> float:
    """The share of *answers* that do not come back from the tokenizer as they went in.

    UserError where more than half of them lose more than blanks and line ends.  The vocabulary of T5 has neither these nor braces.
    """
    if built.kind == "encoder":  # which chooses
        return 0.0
    tokens = built.tokenizer.encode(answers).without_end()
    back = built.tokenizer.decode([tokens[i].tolist() for i in range(len(answers))])
    changed = [
        (one, other) for one, other in zip(answers, back, strict=True) if one != other.strip()
    ]
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


def _limits(
    tokens: Any, settings: dict[str, Any], positions: int | None, shared: bool, fixed: int
) -> tuple[int, int]:
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
    _plan.refuse_beyond(settings, positions, shared)
    if positions:
        most_out = min(most_out, positions)
        left = max(1, positions - most_out) if shared else positions
        if settings["max_input"] != "auto" and most_in > left:
            raise UserError(
                f"trainer.max_input: of this student's {positions} positions, answers take up to {most_out}, got {most_in};"
                f" set {left} or less, or auto"
            )
        most_in = min(most_in, left)
    return most_in, most_out
