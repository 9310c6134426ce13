"""Fine-tunes a student with a Lightning module, in a process of its own, and goes on where a killed run stopped."""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt

from p2m.artifacts import Choice, Example, ExampleFile, Splits, Student, TaskSpec, write_rows
from p2m.errors import IncompleteError, UserError
from p2m.stages import Work

Count = Annotated[int, Gt(0)]
# what works on parts of weights
WITH_PARTS = {
    "optimizer": ("auto", "adamw"),
    "method": ("full",),
    "select": ("exact_match", "loss"),
    "compile": ("false",),
}
SPARE = (
    "job.json",
    "train.jsonl",
    "valid.jsonl",
    "fit.log",
    "locks",
    "tokens",
    "checkpoints",
)  # of no use once the student is there


@dataclass(frozen=True)
class Lightning:
    """Trains on `splits.train`, validates on `splits.valid`, keeps the weights of the best validation by `select`.

    Leaves the student (model.safetensors, config.json, tokenizer, student.json) and curve.jsonl: step, examples, loss, lr, valid,
    exact_match.
    The same seed, settings and machine give the same student, byte for byte on a CPU, however often the run was killed.
    """

    VERSION: ClassVar = 16
    RUNTIME: ClassVar = frozenset({"checkpoint_s", "launch"})

    seed: Annotated[int, Ge(0), Lt(2**63)]
    max_examples: Count | Literal["auto"]
    max_minutes: Annotated[float, Gt(0)] | None
    overfit: Count | None
    optimizer: Literal["auto", "adamw", "adafactor", "muon"]
    lr: Annotated[float, Gt(0)] | Literal["auto"]
    schedule: Literal["cosine", "linear", "wsd"]
    warmup_steps: Annotated[int, Ge(0)]
    weight_decay: Annotated[float, Ge(0)]
    clip: Annotated[float, Gt(0)]
    method: Literal["full", "lora"]
    lora_rank: Count
    lora_alpha: Count
    mix: Annotated[float, Ge(0), Le(1)]
    soft_votes: bool
    label_prior: Annotated[float, Ge(0), Le(1)]
    residual_dropout: Annotated[float, Ge(0), Lt(1)] | Literal["auto"]
    concatenate: Annotated[float, Ge(0), Le(1)] | Literal["auto"]
    batch_size: Count | Literal["auto"]
    max_tokens: Count
    gradient_checkpointing: bool
    compile: bool
    freeze: list[str]
    max_input: Annotated[int, Ge(8)] | Literal["auto"]
    max_output: Annotated[int, Ge(8)] | Literal["auto"]
    valid_every: Count | Literal["auto"]
    valid_examples: Count
    select: Literal["exact_match", "loss", "chrf", "f1", "normalised_exact_match"]
    patience: Count | Literal["auto"] | None
    precision: Literal["auto", "bf16", "fp32"]
    device: Literal["auto", "cpu", "gpu"]
    strategy: Literal["auto", "ddp", "fsdp"]
    devices: Count | Literal["auto"]
    nodes: Count
    launch: list[str]
    threads: Count | Literal["auto"]
    checkpoint_s: Annotated[float, Ge(0)] | Literal["auto"]

    def __post_init__(self) -> None:
        if self.method == "lora" and self.freeze:
            raise ValueError(
                "freeze has nothing to say with method=lora, which freezes all but its adapters; set freeze=[]"
            )
        if self.strategy == "fsdp":
            for name, fits in WITH_PARTS.items():
                if (value := str(getattr(self, name)).lower()) not in fits:
                    raise ValueError(
                        f"{name}={value} needs whole weights; with strategy=fsdp set {name}={' or '.join(fits)}"
                    )
        if self.nodes > 1 and not self.launch:
            raise ValueError(
                f'nodes={self.nodes} needs launch, the words that start a process on each machine, such as [srun,"--nodes={self.nodes}"]'
            )
        if self.launch and self.devices == "auto" and (self.strategy != "auto" or self.nodes > 1):
            raise ValueError(
                "devices=auto is not known where launch starts the processes; set it to how many it starts on each machine"
            )

    def ready(self) -> Iterator[str]:
        if self.method == "lora" and find_spec("peft") is None:
            yield "method=lora needs peft, which is not installed; pip install 'p2m[lora]'"
        if self.launch and not shutil.which(self.launch[0]):
            yield f"launch: no command '{self.launch[0]}' on this machine; give its path, or leave launch empty on one machine"
        # a launcher may start it on another machine
        if not self.launch and (
            self.compile
            or self.device == "gpu"
            or self.precision == "bf16"
            or self.devices not in {"auto", 1}
        ):
            from p2m.fit.plan import lacking

            yield from lacking(self.device, self.precision, self.devices, self.compile)

    def preflight(
        self, task: TaskSpec, choice: Choice, validated: bool, template: tuple[str, str] = ("", "")
    ) -> None:
        """Raises UserError where a setting does not fit this task or this student, which its name alone does not tell.

        validated: whether there will be a validation set.  template: what will stand before and after each input.
        """
        from p2m.fit import plan as _plan
        from p2m.student.tokenizer import of_base

        if not validated and not self.overfit:
            self._refuse_what_validates()
        if choice.base != "scratch":
            of_base(choice.base, choice.revision)  # which says what it lacks
        if self.devices != "auto":
            _plan.refuse_more(
                self.devices,
                self.nodes,
                _plan.BATCH if self.batch_size == "auto" else self.batch_size,
            )
        if self.label_prior != 1:
            _plan.refuse_prior(task.labels)
        set_ = any(
            value != "auto"
            for value in (self.residual_dropout, self.concatenate, self.max_input, self.max_output)
        )
        if self.freeze or set_ or template[0]:
            from p2m.student import build

            outline = build.outline(choice, task.labels)
            _plan.refuse_of_t5(asdict(self), outline.config.model_type)
            _plan.refuse_beyond(
                asdict(self), build.positions(outline), choice.kind == "decoder-only"
            )
            _plan.frozen(outline, self.freeze)
            limits = [
                most for most in (self.max_input, build.positions(outline)) if isinstance(most, int)
            ]
            if template[0] and limits and not choice.pieces:  # those are not learnt yet
                tokens = of_base(choice.base, choice.revision).encode(
                    ["".join(template), *(one.input for one in task.demonstrations)]
                )
                fixed, *inputs = (
                    int(n) for n in tokens.lengths
                )  # with an end token each, which an input has once
                _plan.refuse_no_room(
                    min(limits), fixed, min(inputs, default=2) - 1, choice.kind == "decoder-only"
                )

    def run(self, choice: Choice, splits: Splits, work: Work) -> Student:
        if not len(splits.train):
            raise IncompleteError(
                "trainer: no example is left to train on; see what was dropped and why, or give more examples"
            )
        if not len(splits.valid) and not self.overfit:
            self._refuse_what_validates()
        from p2m.student.build import find
        from p2m.trainer._process import fit

        student = find(work.folder)  # of a run that was killed after its training
        if not student:
            (work.folder / "job.json").write_text(
                json.dumps(self._job(choice, splits, work.folder), ensure_ascii=False),
                encoding="utf-8",
            )
            student = fit(work.folder, work.bar, self.launch)
        for name in SPARE:
            path = work.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        return student

    def _refuse_what_validates(self) -> None:
        for name, usual in (("select", ("exact_match",)), ("patience", ("auto", None))):
            if (value := getattr(self, name)) not in usual:
                raise UserError(
                    f"trainer.{name}: {value} looks at a validation set, and there is none; give one (prompt.valid=..., or"
                    f" processor.valid_share=0.05), or leave it at {usual[0]}"
                )

    def _job(self, choice: Choice, splits: Splits, folder: Path) -> dict[str, Any]:
        about = {
            "base": choice.base,
            "revision": choice.revision,
            "kind": choice.kind,
            "config": choice.config,
            "pieces": choice.pieces,
        }
        paths = {
            name: str(_on_disk(getattr(splits, name), folder / f"{name}.jsonl"))
            for name in ("train", "valid")
        }
        shown = {"prefix": splits.prefix, "suffix": splits.suffix, "labels": splits.labels}
        return {"settings": asdict(self), "choice": about, **shown, **paths}


def _on_disk(rows: Sequence[Example], path: Path) -> Path:
    """Where the process that trains can read *rows*: their own file, or *path*, written now."""
    if isinstance(rows, ExampleFile):
        return rows.path.resolve()
    write_rows(path, rows)
    return path.resolve()
