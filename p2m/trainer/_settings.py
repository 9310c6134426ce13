"""The trainer's settings, as conf/trainer/default.yaml explains them one by one."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Lt

from p2m.fit.plan import Count, Parallel, Sampling, Share
from p2m.stages import Metric

Auto = Literal["auto"]
Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Tokens = Annotated[int, Ge(8)]


@dataclass(frozen=True)
class Optimizer:
    """How weights are updated; lr is the highest learning rate of the schedule."""

    name: Literal["auto", "adamw", "adafactor", "muon"]
    lr: Positive | Auto
    schedule: Literal["cosine", "linear", "wsd"]
    warmup_steps: Annotated[int, Ge(0)]
    weight_decay: NotNegative
    clip: Positive


@dataclass(frozen=True)
class Settings:
    """scorer: the metric that `select` names, if there is one."""

    seed: Annotated[int, Ge(0), Lt(2**63)]
    max_examples: Count | Auto
    max_minutes: Positive | None
    overfit: Count | None
    optimizer: Optimizer
    sampling: Sampling
    freeze: list[str]
    lora_rank: Count | None
    residual_dropout: Annotated[float, Ge(0), Lt(1)] | Auto
    concatenate: Share | Auto
    batch_size: Count | Auto
    max_tokens: Count
    gradient_checkpointing: bool
    compile: bool
    max_input: Tokens | Auto
    max_output: Tokens | Auto
    valid_every: Count | Auto
    valid_examples: Count
    select: str
    scorer: Metric | None
    patience: Count | Auto | None
    precision: Literal["auto", "bf16", "fp32"]
    device: Literal["auto", "cpu", "gpu"]
    parallel: Parallel
    checkpoint_s: NotNegative | Auto
