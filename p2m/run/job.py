"""One run: what is missing is told first, then the stages, then the report and the tracker."""

import contextlib
import json
import os
import socket
import tempfile
import time
import traceback
from collections.abc import Container, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from p2m import config, disk, pipeline
from p2m.artifacts import Choice, Prompt, TaskSpec
from p2m.calls.forecast import forecast, spent
from p2m.components import build
from p2m.config import Config
from p2m.disk import explain_disk, name_run
from p2m.errors import BudgetError, ConfigError, UserError, listed
from p2m.run import compose, plan, progress, reading, report, stopping
from p2m.run.plan import PromptFacts
from p2m.stages import (
    Estimates,
    Meter,
    Preflight,
    Sized,
    Template,
    Tracker,
    Work,
)
from p2m.store import DONE, KEPT, StageResult, Store
from p2m.student.machine import share_cores

PAID_FIRST = {"prompt", "parser", "model", "retriever", "generator"}  # what a pilot needs


def run(cfg: DictConfig) -> int:
    """The exit code of the job.

    A sweep's job returns it even after a bug, so that the others go on; a single run lets the bug
    through.
    """
    folder = Path(HydraConfig.get().runtime.output_dir)
    share_cores()  # before any stage loads torch
    try:
        _enter(HydraConfig.get().runtime.cwd)
        with explain_disk(folder):
            job = Job(compose.check_job(cfg), cfg, folder)
            if job.checked.root.mode == "run":
                job.run()
            else:
                job.plan()
        return 0
    except UserError as error:
        progress.say(str(error))
        return _note_failure(folder, error, error.code)
    except Exception as error:
        if HydraConfig.get().mode != RunMode.MULTIRUN:
            raise
        progress.say(traceback.format_exc())
        return _note_failure(folder, error, 1)


@dataclass(frozen=True)
class Job:
    """A checked configuration, and the folder of its run."""

    checked: Config
    cfg: DictConfig
    folder: Path

    def plan(self) -> None:
        """Says what a run would do, and with budget.pilot what its generator would cost."""
        facts, fault = self._read_prompt()
        to_do = [stage for stage, result in self._planned.items() if not result.kept]
        missing = [*filter(None, [fault]), *self.checked.lacking(to_do), *self._find_unwritable()]
        usd_calls = spent(self.checked.root.calls, self._account)
        made = plan.make(self.checked, self._planned, facts, usd_calls, missing)
        if self.checked.root.mode == "plan_json":
            progress.show(json.dumps(asdict(made), ensure_ascii=False))
        else:
            progress.show(plan.describe(made))
        if self.checked.root.budget.pilot and not self._planned["generator"].kept:
            progress.say(self._pilot())
        disk.remove_if_empty(self.folder)  # a plan leaves nothing behind

    def run(self) -> None:
        """Every stage, the report, and the tracker, which hears of the end however it comes."""
        began = time.monotonic()
        self._refuse_if_lacking()
        disk.write_text(self.folder / "config.yaml", OmegaConf.to_yaml(self.cfg, resolve=False))
        with self._track() as tracker:
            results = self._make(self._store(tracker), self.checked.nodes)
            for stage, result in results.items():
                _link(self.folder / report.ROOMS[stage], result.folder)
            kept = {stage for stage, result in results.items() if result.kept}
            seconds = time.monotonic() - began
            figures = report.write(self.folder, results, kept, self.checked.root.seed, seconds)
        report.show(self.folder, figures)

    @cached_property
    def _planned(self) -> dict[str, StageResult]:
        return pipeline.run(self.checked.nodes, replace(self._store(), plan=True).make)

    @cached_property
    def _account(self) -> str:
        """Whom the budget is counted for: the prompt, whatever labelled sets come with it."""
        return str(build(self.checked.nodes["prompt"]).digest())

    def _read_prompt(self) -> tuple[PromptFacts, str]:
        """What is read of the prompt, and why it cannot be read."""
        nodes = self.checked.nodes
        if build(nodes["parser"].get("teacher")) and not self._planned["parser"].kept:
            return PromptFacts(), ""
        with tempfile.TemporaryDirectory(prefix="p2m-plan-") as folder:
            store = self._store()
            if not self._planned["parser"].kept:
                store = replace(store, root=Path(folder))
            try:
                prompt = store.make("prompt", nodes["prompt"], Prompt)
                parsed = store.make("parser", nodes["parser"], TaskSpec, prompt)
            except UserError as error:
                return PromptFacts(), str(error)
            task = parsed.value
            if not self._planned["model"].kept:
                store = replace(store, root=Path(folder))
            choice, fault = self._choose(store, parsed)
            sizes = {}
            for stage in ("generator", "evaluator"):
                component = build(nodes[stage])
                if isinstance(component, Sized):
                    sizes[stage] = component.sizes(task)
            n_test = len(prompt.value.test) or None
            return PromptFacts(reading.summarize(task, choice), sizes, n_test), fault

    def _choose(self, store: Store, parsed: StageResult) -> tuple[Choice | None, str]:
        """The student, and why there is none; neither where a teacher would have to be asked."""
        model = self.checked.nodes["model"]
        if model.get("teacher") or self.checked.lacking(["model"]):
            return None, ""
        try:
            return store.make("model", model, Choice, parsed).value, ""
        except UserError as error:
            return None, str(error)

    def _find_unwritable(self) -> list[str]:
        """The folders that a run could not write to."""
        root = self.checked.root
        lines = []
        for name, folder in (("store", root.store), ("calls", root.calls)):
            place = folder.absolute()
            while not os.path.lexists(place):
                place = place.parent
            if not place.is_dir() or not os.access(place, os.W_OK):
                lines.append(f"{name}: {folder} cannot be written to; give another, {name}=...")
        return lines

    @contextlib.contextmanager
    def _track(self) -> Iterator[Tracker]:
        tracker: Tracker = build(self.checked.nodes["tracker"])
        settings: Any = OmegaConf.to_container(self.cfg, resolve=False)
        tracker.start(self.folder, settings)
        try:
            yield tracker
        except BaseException as error:
            tracker.end(self.folder, settings, str(error) or type(error).__name__)
            raise
        tracker.end(self.folder, settings, None)

    def _store(self, tracker: Tracker | None = None) -> Store:
        """The store; with a tracker, which makes it a run, each stage's state is said."""

        def work(stage: str, part: Path, meter: Meter) -> Work:
            bar = partial(progress.bar, stage, meter)
            work = Work(part, stage, name_run(self.folder), self._account, bar, meter)
            return replace(work, point=partial(tracker.point, stage)) if tracker else work

        store = Store(self.checked.root.store.absolute(), work)
        return replace(store, on_stage=_say_state) if tracker else store

    def _make(
        self, store: Store, nodes: dict[str, Any], stages: Container[str] = config.STAGES
    ) -> dict[str, StageResult]:
        """Results of these stages; the others are only looked up.

        What of the trainer fits neither task nor student is told once the student is chosen, before
        examples are looked for and paid.
        """
        results: dict[str, StageResult] = {}

        def make(stage: str, *about: Any) -> StageResult:
            maker = store if stage in stages else replace(store, plan=True)
            results[stage] = maker.make(stage, *about)
            if stage == "model" and not self._planned["trainer"].kept:
                self._preflight(results)
            return results[stage]

        return pipeline.run(nodes, make)

    def _preflight(self, results: dict[str, StageResult]) -> None:
        trainer = build(self.checked.nodes["trainer"])
        if not isinstance(trainer, Preflight):
            return
        processor = build(self.checked.nodes["processor"])
        task, choice = results["parser"].value, results["model"].value
        faults = config.clashes(self.checked.nodes, choice.kind)
        if faults:  # of a kind that showed only now
            raise ConfigError(listed("This run cannot go on:", faults))
        template = ("", "")
        if isinstance(processor, Template):
            template = processor.template(task, choice)
        validated = getattr(processor, "valid_share", 1) > 0
        validated = validated or len(results["prompt"].value.valid) > 0
        trainer.preflight(task, choice, validated, template)

    def _pilot(self) -> str:
        """What the generator will cost and take, from a few calls that are really made and kept."""
        generator = build(self.checked.nodes["generator"])
        if not isinstance(generator, Estimates):
            return "Pilot: this generator asks no teacher."
        self._refuse_if_lacking()
        root = self.checked.root
        most = spent(root.calls, self._account)[1] + root.budget.pilot
        nodes = plan.cap(self.checked.nodes, most)
        with contextlib.suppress(BudgetError):  # the pilot's own cap, or the user's
            self._make(self._store(), nodes, PAID_FIRST)
        calls = generator.estimate().calls or 0
        at_once = getattr(getattr(generator, "teacher", None), "concurrency", 1)
        return plan.describe_pilot(forecast(root.calls, name_run(self.folder), calls, at_once))

    def _refuse_if_lacking(self) -> None:
        """A key or a server is asked for only by what is still to do."""
        to_do = [stage for stage, result in self._planned.items() if not result.kept]
        faults = self.checked.lacking(to_do)
        if faults:
            raise ConfigError(listed("This run cannot start:", faults))


def _enter(start: str) -> None:
    """To the folder that the command was started in: paths are meant from there.

    A launcher may run a job anywhere.
    """
    if Path(start) == Path.cwd():
        return
    try:
        os.chdir(start)
    except OSError as error:
        raise ConfigError(
            f"{start}, where the sweep was started, cannot be reached on {socket.gethostname()}:"
            " jobs on other machines need a disk that all of them share, at the same path"
        ) from error


def _say_state(result: StageResult) -> None:
    stopping.check()
    line = f"{result.stage:<10} {result.state:<6} {result.key}"
    if result.state == DONE:
        line += f"  {result.note['seconds']:7.1f} s  ${result.note['usd']:.2f}"
    progress.say(line)
    if result.stage == "parser" and result.state in {DONE, KEPT}:
        for line in reading.describe(reading.summarize(result.value)):
            progress.say(f"  {line}")
    if result.stage == "model" and result.state in {DONE, KEPT}:
        progress.say(f"  student: {reading.describe_choice(result.value)}")


def _note_failure(folder: Path, error: Exception, code: int) -> int:
    note = {"error": type(error).__name__, "message": str(error), "code": code}
    with contextlib.suppress(OSError):  # a full disk: what is wrong was said
        disk.write_text(folder / "failed.json", json.dumps(note, indent=1))
    return code


def _link(link: Path, target: Path) -> None:
    """A name for what the store holds, relative, so that both can be moved together.

    Where links cannot be made, a small file says where it is.
    """
    path = os.path.relpath(target.resolve(), link.parent.resolve())
    try:
        link.symlink_to(path)
    except OSError:
        disk.write_text(link.with_suffix(".path"), path)
