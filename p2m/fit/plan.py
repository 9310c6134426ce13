"""All that the training process is told: one typed plan, in a file of the student's folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le
from pydantic import TypeAdapter

from p2m import disk
from p2m.artifacts import Choice

FILE = "plan.json"
Count = Annotated[int, Gt(0)]
Share = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True)
class Sampling:
    """How often each example is seen.

    mix: an origin of n examples is seen in proportion to n ** mix (Arivazhagan et al. 2019).
    label_prior: an answer likewise.  soft_votes: learn every answer that the teacher gave to an
    input, each in its share of the votes.
    """

    mix: Share
    label_prior: Share
    soft_votes: bool


@dataclass(frozen=True)
class Parallel:
    """Which processes share a batch, and on what.

    devices: processes on each machine.  launch: words before the training command, of a launcher
    such as torchrun or srun.  threads: of a process; they decide the last bits of sums.
    """

    RUNTIME: ClassVar = frozenset({"launch"})

    strategy: Literal["auto", "ddp", "fsdp"]
    devices: Count | Literal["auto"]
    nodes: Count
    launch: list[str]
    threads: Count | Literal["auto"]


@dataclass(frozen=True)
class Updates:
    """How weights are updated.

    adjust_lr_fn: how torch's Muon takes lr: `original`, as Jordan et al. 2024, or
    `match_rms_adamw`, as AdamW takes it (Liu et al. 2025).
    """

    optimizer: str
    adjust_lr_fn: str
    lr: float
    schedule: str
    warmup_steps: int
    weight_decay: float
    clip: float


@dataclass(frozen=True)
class Plan:
    """What to train, on which examples, and how.

    template: texts before and after each input.  train, valid: files of examples.
    scorer: the node of the metric that `select` names; None where labels alone tell it.
    max_input, max_output: tokens; None: as the examples need.
    lora_rank: None: every weight that is not frozen is trained.
    residual_dropout: share of what each layer of a T5 adds that training leaves out; None: as its
    configuration has it.  concatenate: share of the steps whose examples come two by two.
    steps: updates of the weights.  valid_every: steps between two validations.
    checkpoint_s: None: 30 seconds, or more where a checkpoint takes long.
    """

    choice: Choice
    labels: tuple[str, ...]
    template: tuple[str, str]
    train: Path
    valid: Path
    overfit: int | None
    sampling: Sampling
    max_input: int | None
    max_output: int | None
    freeze: tuple[str, ...]
    lora_rank: int | None
    residual_dropout: float | None
    concatenate: float
    seed: int
    steps: int
    max_minutes: float | None
    batch_size: int
    max_tokens: int
    gradient_checkpointing: bool
    compile: bool
    updates: Updates
    valid_every: int
    valid_examples: int
    select: str
    scorer: dict[str, Any] | None
    patience: int | None
    precision: str
    device: str
    parallel: Parallel
    checkpoint_s: float | None


def write_plan(plan: Plan, folder: Path) -> None:
    disk.write_bytes(folder / FILE, TypeAdapter(Plan).dump_json(plan, indent=1))


def read_plan(folder: Path) -> Plan:
    return TypeAdapter(Plan).validate_json((folder / FILE).read_bytes())
