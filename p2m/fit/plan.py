"""Every `auto` of the settings, settled in one place from the student and the data."""

import math
import os
import shutil
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from p2m.errors import UserError
from p2m.student.machine import cores, has_bf16

AS_SET = (
    "seed", "nodes", "schedule", "max_tokens", "gradient_checkpointing", "compile", "select", "max_minutes", "weight_decay", "clip",
)  # fmt: skip


# the highest learning rate for AdamW on every weight of a published student
RATES = {
    "t5": 3e-4, "mt5": 3e-4,  # transformers' page on T5: 1e-4 to 3e-4
    "bart": 3e-5,  # fairseq's own fine-tuning of BART on summaries
    "bert": 5e-5,  # Devlin et al. 2019, appendix A.3: 2e-5 to 5e-5
    "modernbert": 5e-5,  # Warner et al. 2024, among 1e-5 to 8e-5 of their search
    "llama": 3e-4,  # SmolLM2's own fine-tuning of 1.7B
    "qwen2": 2e-5,  # trl's default for supervised fine-tuning
}  # fmt: skip
# up to so many parameters: SmolLM2's own fine-tuning of 135M and 360M, 1e-3 with batches of 128; half with 32 (Malladi et al. 2022)
RATES_OF_SMALL = {"llama": (5e8, 5e-4)}
BATCH = 32  # with it a 1 M student learns 20,000 dates to nine in ten in one pass, experiments/student_speed; Devlin et al. 2019: 16 or 32
OF_T5 = ("residual_dropout", "concatenate")  # settings that are for these architectures:
T5 = ("t5", "mt5")
DROPOUT = ((40, 0.3), (20, 0.2), (4, 0.1))  # with more passes than this
MANY = 20  # passes; with more, examples come two by two in half of the steps, which helps small sets (experiments/published)
FOR_ADAPTERS = 10  # times the rate for every weight: Schulman et al. 2025, "LoRA Without Regret"
MOST_FOR_ADAPTERS = 1e-3  # what peft's own examples use on T5 kinds
LEAST = {
    "cpu": 16,
    "cuda": 1,
}  # examples of a batch for each process where the number of processes is left to p2m


@dataclass(frozen=True)
class Plan:
    """How long and how to train.  steps: updates of the weights.  valid_every: steps between validations.

    devices: processes on this machine that share each batch, on `threads` threads each.
    adjust_lr_fn: how torch's Muon takes lr: original, as Jordan has it; match_rms_adamw: as AdamW takes it (Liu et al. 2025).
    residual_dropout: share of what each layer of a T5 adds that training leaves out; None: as its configuration has it.
    concatenate: share of the steps in which examples come two by two, one after the other.
    checkpoint_s: None: 30 seconds, or more where a checkpoint takes long.
    """

    seed: int
    steps: int
    batch_size: int
    max_tokens: int
    gradient_checkpointing: bool
    compile: bool
    valid_every: int
    select: str
    patience: int | None
    max_minutes: float | None
    optimizer: str
    adjust_lr_fn: str
    lr: float
    schedule: str
    warmup_steps: int
    weight_decay: float
    clip: float
    bf16: bool
    device: str
    devices: int
    nodes: int
    strategy: str
    threads: int
    residual_dropout: float | None
    concatenate: float
    checkpoint_s: float | None


def planned(
    settings: dict[str, Any], scratch: bool, architecture: str, parameters: int, n: int
) -> Plan:
    """The plan for *n* training examples of a student of so many *parameters*."""
    optimizer = _or(
        settings["optimizer"], "muon" if scratch and settings["strategy"] != "fsdp" else "adamw"
    )
    batch_size = min(_or(settings["batch_size"], BATCH), n)
    # three passes of a published student are often too few (Zhang et al. 2021, arXiv 2006.05987), twenty steady (Mosbach et al. 2021,
    # arXiv 2006.04884); `patience` ends them once they gain nothing
    examples = _or(settings["max_examples"], _enough(n) if scratch else 10 * n)
    passes = 0 if settings["overfit"] else examples / n  # those few are to be learnt by heart
    per_pass = math.ceil(
        n / batch_size
    )  # steps; a pass is split evenly, so batches may be smaller than batch_size
    steps = max(1, math.ceil(examples * per_pass / n))
    # twenty looks at the validation set in all cost less than a tenth of the time
    every = (
        math.ceil(steps / 20)
        if settings["valid_every"] == "auto"
        else math.ceil(settings["valid_every"] * per_pass / n)
    )
    refuse_of_t5(settings, architecture)
    if fault := next(
        lacking(settings["device"], settings["precision"], compiled=settings["compile"]), None
    ):
        raise UserError(f"trainer: {fault}")
    device = _device(settings["device"])
    devices = _devices(
        settings["devices"], device, settings["strategy"], n // per_pass, settings["nodes"]
    )
    shared = devices * settings["nodes"] > 1
    rate = (
        _from_scratch(optimizer, parameters)
        if scratch
        else _rate(optimizer, architecture, parameters, settings["method"])
    )
    return Plan(
        strategy=settings["strategy"] if shared else "auto", steps=steps, batch_size=batch_size, valid_every=min(every, steps),
        optimizer=optimizer, adjust_lr_fn="original" if scratch else "match_rms_adamw",
        lr=_or(settings["lr"], rate),
        bf16=settings["precision"] != "fp32" and has_bf16(device), device=device,
        devices=devices, threads=_or(settings["threads"], max(1, cores() // devices)),
        patience=_or(settings["patience"], None if scratch else 5),
        residual_dropout=_or(settings["residual_dropout"], _dropout(architecture, passes) if scratch else None),
        concatenate=_or(settings["concatenate"], 0.5 if scratch and architecture in T5 and passes > MANY else 0.0),
        checkpoint_s=None if settings["checkpoint_s"] == "auto" else settings["checkpoint_s"],
        warmup_steps=min(settings["warmup_steps"], steps // 10), **{name: settings[name] for name in AS_SET},
    )  # fmt: skip


def refuse_prior(labels: Sequence[str]) -> None:
    if not labels:
        raise UserError(
            "trainer.label_prior: this task's answers are no closed set of labels, so there is no prior to change; set it to 1"
        )


def refuse_of_t5(settings: dict[str, Any], architecture: str) -> None:
    for name in OF_T5:
        if settings[name] != "auto" and architecture not in T5:
            raise UserError(
                f"trainer.{name}: is for {' and '.join(T5)}, and this student is a {architecture}; set it to auto"
            )


def refuse_beyond(settings: dict[str, Any], positions: int | None, shared: bool) -> None:
    """For max_input and max_output where a student has so many positions, which a decoder-only one shares between both."""
    set_ = {
        name: settings[name] for name in ("max_input", "max_output") if settings[name] != "auto"
    }
    for name, value in set_.items():
        if positions and value > positions:
            raise UserError(
                f"trainer.{name}: this student has {positions} positions, got {value}; set {positions} or less, or auto"
            )
    if positions and shared and sum(set_.values()) > positions:
        both = " and ".join(f"{name}={value}" for name, value in set_.items())
        raise UserError(
            f"trainer: this student has {positions} positions for input and output together, got {both}; set one to auto"
        )


def refuse_no_room(most: int, fixed: int, wanted: int, is_causal: bool) -> None:
    """For an input of *most* tokens, *fixed* of which stand around each, where some have *wanted* of their own."""
    if most - fixed < min(fixed, wanted / 2):
        raise UserError(
            f"trainer.max_input: of {most} tokens, what stands before and after each input takes {fixed}, which leaves too little room"
            f" for inputs of {wanted}; set processor.instruction=never, or a larger trainer.max_input if the student can read more"
            f"{', or a smaller trainer.max_output' if is_causal else ''}"
        )


def frozen(model: Any, beginnings: Sequence[str]) -> None:
    """Leaves the weights whose names begin so as they are.  Raises UserError where none begins so, or none is left to train."""
    names = [name for name, _ in model.named_parameters()]
    for beginning in beginnings:
        if not any(name.startswith(beginning) for name in names):
            known = ", ".join(sorted({name.split(".")[0] for name in names}))
            raise UserError(
                f"trainer.freeze: no weight of this student begins with '{beginning}'; the first parts of their names are {known}"
            )
    for name, p in model.named_parameters():
        p.requires_grad_(not name.startswith(tuple(beginnings)))
    if not any(p.requires_grad for p in model.parameters()):
        raise UserError(f"trainer.freeze: {', '.join(beginnings)} leave no weight to train")


def _or(value: Any, otherwise: Any) -> Any:
    return otherwise if value == "auto" else value


def _enough(n: int) -> int:
    """Examples that a student from scratch sees of *n*: 50 passes within 200,000 to 400,000 examples, and 18 passes at least.

    By trials with a 1 M student (experiments/published): over 8,000 French words 50 passes instead of 25 made an error of a hundred less,
    over 33,000 English ones 18 instead of 12.  Most is learnt at the end, when the learning rate falls, so nothing ends it before.
    """
    return max(18 * n, min(max(50 * n, 200_000), 400_000))


def _dropout(architecture: str, passes: float) -> float | None:
    """More the oftener each example comes, as a student then comes to know it by heart.

    By trials with a 1 M student (experiments/published): over 800 and 1,000 examples, 100 passes and more, 0.3 did better than 0.1 by some
    ten points; over 8,000 French words, 25 passes, 0.2 differed less from seed to seed than 0.1.  Without any, 33,000 English words were
    learnt by heart after eight passes.  On 20,000 dates, seen once, 0.1 cost two points.
    """
    if architecture not in T5:
        return None
    return next((share for least, share in DROPOUT if passes > least), 0.0)


def _from_scratch(optimizer: str, parameters: int) -> float:
    """The highest learning rate of the schedule for random weights."""
    return {
        # on French words and on dates, 1 M: 3e-3 learns slower, 1.2e-2 no better, 2e-2 fails; 8 M: 3e-3 better than 1.5e-3, 5e-3 and 8e-3;
        # T5s, whose rates decoder-only students take over untried
        "muon": 8e-3 if parameters <= 4e6 else 3e-3,
        "adafactor": 1e-2,  # relative to the size of the weights, as in Shazeer & Stern 2018
        "adamw": 1e-3,  # on dates, 1 M: at 2e-3 the student reached 39 % instead of 95 %
    }[optimizer]


def _rate(optimizer: str, architecture: str, parameters: int, method: str) -> float:
    """The highest learning rate of the schedule for a published student.  Muon takes that of AdamW."""
    if optimizer == "adafactor":
        return 1e-3  # relative to the size of the weights, as Raffel et al. 2020 fine-tuned T5
    most, of_small = RATES_OF_SMALL.get(architecture, (0, 0.0))
    rate = of_small if parameters <= most else RATES[architecture]
    return min(FOR_ADAPTERS * rate, MOST_FOR_ADAPTERS) if method == "lora" else rate


def lacking(
    device: str, precision: str, devices: int | str = "auto", compiled: bool = False
) -> Iterator[str]:
    """What these settings name and this machine has not."""
    import torch

    if device == "gpu" and not torch.cuda.is_available():
        yield "device=gpu is set but torch sees none on this machine; use trainer.device=auto or trainer=cpu"
    elif precision == "bf16" and not has_bf16(where := _device(device)):
        yield f"precision=bf16 is set but this machine's {where} has no hardware for it; use trainer.precision=auto"
    if (
        isinstance(devices, int)
        and _device(device) == "cuda"
        and devices > (n := torch.cuda.device_count())
    ):
        seen = f"{n} GPU{'s' if n > 1 else ''}"
        yield f"devices={devices} is set but torch sees {seen} on this machine; use trainer.devices={n}, or trainer=cpu"
    if compiled and _device(device) == "cpu":
        yield "compile=true is for a GPU: on a processor training is slower with it; use trainer.compile=false"
    elif compiled and (missing := _missing_to_compile()):
        yield f"compile=true needs {' and '.join(missing)} on this machine; use trainer.compile=false"


def _missing_to_compile() -> list[str]:
    """What torch.compile would look for in vain, once examples were paid for: triton's kernels start from C."""
    compilers = [named] if (named := os.environ.get("CC")) else ["gcc", "clang"]
    there = {
        "triton": find_spec("triton"),
        f"a C compiler ({' or '.join(compilers)})": any(map(shutil.which, compilers)),
        "Python's headers": Path(sysconfig.get_path("include"), "Python.h").exists(),
    }
    return [name for name, found in there.items() if not found]


def _device(wanted: str) -> str:
    import torch

    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def _devices(wanted: Any, device: str, strategy: str, batch_size: int, nodes: int) -> int:
    """Processes of this machine.  Of itself it takes one, as two of one thread each were no faster on two cores than one of two threads.

    batch_size: examples of the smallest batch, of which each process must have one.
    """
    import torch

    if wanted == "auto":
        most = (
            1 if strategy == "auto" else torch.cuda.device_count() if device == "cuda" else cores()
        )
        wanted = min(most, max(1, batch_size // (nodes * LEAST[device])))
    refuse_more(wanted, nodes, batch_size)
    return int(wanted)


def refuse_more(devices: int, nodes: int, batch_size: int) -> None:
    """UserError where there are more processes than examples of a batch."""
    if devices * nodes > batch_size:
        where = f" on each of {nodes} machines" if nodes > 1 else ""
        raise UserError(
            f"trainer.devices: {devices} processes{where} cannot share a batch of {batch_size} examples;"
            " take fewer, or a larger trainer.batch_size"
        )
