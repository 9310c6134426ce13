"""Fine-tunes a student with Lightning, in a process of its own that goes on where a killed run stopped."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Lt

from p2m.artifacts import Choice, Splits, Student, TaskSpec
from p2m.errors import IncompleteError
from p2m.fit.plan import Count, Parallel, Sampling, Share, write_plan
from p2m.stages import Metric, Work
from p2m.trainer._plan import make_plan
from p2m.trainer._preflight import clashes, preflight

Auto = Literal["auto"]
Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Tokens = Annotated[int, Ge(8)]
# of no use once the student is there
SPARE = ("plan.json", "train.jsonl", "valid.jsonl", "fit.log", "locks", "tokens", "checkpoints")


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
class Lightning:
    """Trains on `splits.train`, validates on `splits.valid`, keeps the weights of the best validation by `select`.

    Leaves the student (model.safetensors, config.json, tokenizer, student.json) and curve.jsonl.
    The same seed, settings and machine give the same student, byte for byte on a CPU, however often
    the run was killed.
    scorer: the metric that `select` names, if there is one.
    """

    VERSION: ClassVar = 16
    RUNTIME: ClassVar = frozenset({"checkpoint_s"})

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

    def __post_init__(self) -> None:
        faults = list(clashes(self))
        if faults:
            raise ValueError("; ".join(faults))

    def ready(self) -> Iterator[str]:
        launch, devices = self.parallel.launch, self.parallel.devices
        if self.lora_rank and find_spec("peft") is None:
            yield "lora_rank needs peft, which is not installed; pip install 'p2m[lora]'"
        if launch and not shutil.which(launch[0]):
            yield (
                f"parallel.launch: no command '{launch[0]}' on this machine; give its path, or"
                " leave launch empty on one machine"
            )
        asks = self.compile or self.device == "gpu" or self.precision == "bf16" or devices != "auto"
        # a launcher may start it on another machine
        if asks and not launch:
            from p2m.fit.place import lacking

            yield from lacking(self.device, self.precision, devices, self.compile)

    def preflight(
        self, task: TaskSpec, choice: Choice, validated: bool, template: tuple[str, str]
    ) -> None:
        """Raises UserError where a setting does not fit this task or this student.

        validated: whether there will be a validation set.  template: texts around each input.
        """
        preflight(self, task, choice, validated, template)

    def run(self, choice: Choice, splits: Splits, work: Work) -> Student:
        from p2m.student.build import find
        from p2m.trainer._process import fit

        student = find(work.folder)  # of a run that was killed after its training
        if not student:
            if not len(splits.train):
                raise IncompleteError(
                    "trainer: no example is left to train on; see what was dropped and why, or"
                    " give more examples"
                )
            write_plan(make_plan(self, choice, splits, work.folder), work.folder)
            student = fit(work, self.parallel.launch)
        for name in SPARE:
            path = work.folder / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        return student
