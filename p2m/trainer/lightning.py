"""Fine-tunes a student in a process of its own, which goes on where a killed run stopped."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import ClassVar

from p2m.artifacts import Choice, Splits, Student, TaskSpec
from p2m.errors import IncompleteError
from p2m.fit.plan import write_plan
from p2m.stages import Work
from p2m.trainer._plan import make_plan
from p2m.trainer._preflight import clashes, preflight
from p2m.trainer._settings import Settings

# of no use once the student is there
SPARE = ("plan.json", "train.jsonl", "valid.jsonl", "fit.log", "locks", "tokens", "checkpoints")


@dataclass(frozen=True)
class Lightning(Settings):
    """Trains on `splits.train`, validates on `splits.valid`, keeps the weights of the best
    validation by `select`.

    Leaves the student (model.safetensors, config.json, tokenizer, student.json) and curve.jsonl.
    The same seed, settings and machine give the same student, byte for byte on a CPU, however often
    the run was killed.
    """

    VERSION: ClassVar = 18
    RUNTIME: ClassVar = frozenset({"checkpoint_s"})
    USES: ClassVar = {"processor": ("train", "valid", "prefix", "suffix", "labels")}

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
