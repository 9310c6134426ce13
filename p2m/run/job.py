"""One run: what is missing is told first, then the stages, then the report and the tracker."""

import contextlib
import json
import os
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from p2m import config, pipeline
from p2m.calls.forecast import forecast, spent
from p2m.components import build
from p2m.config import Config
from p2m.errors import BudgetError, ConfigError, UserError, explain_full_disk, listed
from p2m.run import plan, progress, report
from p2m.stages import Meter, Preflight, Template, Tracker, Work, no_point
from p2m.store import StageResult, Store, identity
from p2m.student.machine import share_cores


def run(cfg: DictConfig) -> int:
    """The exit code of the job.  A sweep's job returns it even after a bug, so that the others go on; a single run lets the bug through."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    share_cores()  # before any stage loads torch
    try:
        _go(HydraConfig.get().runtime.cwd)
        with explain_full_disk(folder):
            return _run(config.checked(cfg), cfg, folder)
    except UserError as error:
        progress.say(str(error))
        return _failed(folder, type(error).__name__, str(error), error.code)
    except Exception as error:
        if HydraConfig.get().mode != RunMode.MULTIRUN:
            raise
        progress.say(traceback.format_exc())
        return _failed(folder, type(error).__name__, str(error), 1)


def _run(checked: Config, cfg: DictConfig, folder: Path) -> int:
    began = time.monotonic()
    planned = pipeline.run(
        checked.nodes, _store(checked, folder, "", quiet=True, only_plan=True).make
    )
    if checked.root.mode == "plan":
        progress.say(plan.table(checked, planned))
        if checked.root.budget.pilot and not planned["generator"].kept:
            progress.say(_pilot(checked, planned, folder))
        _remove_empty(folder)
        return 0
    _refuse_if_lacking(checked, planned)
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(cfg, resolve=False), encoding="utf-8")
    kept = {stage for stage, made in planned.items() if made.kept}
    with _track(checked, cfg, folder) as tracker:
        store = _store(checked, folder, _account(checked), tracker=tracker)
        made = pipeline.run(checked.nodes, _fitting(checked, planned, store.make))
        for stage, result in made.items():
            _link(folder / report.ROOMS[stage], result.folder)
        told = report.write(folder, made, kept, checked.root.seed, time.monotonic() - began)
    report.show(folder, told)
    return 0


@contextlib.contextmanager
def _track(checked: Config, cfg: DictConfig, folder: Path) -> Iterator[Tracker]:
    """The run's tracker, which hears of its start and of its end, however it ends."""
    tracker: Tracker = build(checked.nodes["tracker"])
    settings: Any = OmegaConf.to_container(cfg, resolve=False)
    tracker.start(folder, settings)
    try:
        yield tracker
    except BaseException as error:
        tracker.end(folder, settings, str(error) or type(error).__name__)
        raise
    tracker.end(folder, settings, None)


def _go(start: str) -> None:
    """To the folder that the command was started in: a launcher may run a job anywhere, and paths are meant from there."""
    if Path(start) != Path.cwd():
        try:
            os.chdir(start)
        except OSError as error:
            raise ConfigError(
                f"{start}, where the sweep was started, cannot be reached on {socket.gethostname()}: jobs on other machines need a disk"
                " that all of them share, at the same path"
            ) from error


def _store(
    checked: Config,
    folder: Path,
    account: str,
    quiet: bool = False,
    only_plan: bool = False,
    tracker: Tracker | None = None,
) -> Store:
    def work(stage: str, part: Path, meter: Meter) -> Work:
        bar = partial(progress.bar, stage, meter)
        point = partial(tracker.point, stage) if tracker else no_point
        return Work(part, stage, folder.name, account, bar, meter, point)

    def told(stage: str, made: StageResult, state: str) -> None:
        if state == "done":
            note = made.note
            progress.say(
                f"{stage:<10} done   {made.key}  {note['seconds']:7.1f} s  ${note['usd']:.2f}"
            )
        else:
            progress.say(f"{stage:<10} {state:<6} {made.key}")

    store = Store(checked.root.store.absolute(), work, plan=only_plan)
    return store if quiet else replace(store, on_stage=told)


def _account(checked: Config) -> str:
    """Whom the budget is counted for: the prompt, whatever labelled examples come beside it."""
    return identity(
        {
            name: value
            for name, value in checked.nodes["prompt"].items()
            if name not in {"train", "valid", "test"}
        }
    )


def _pilot(checked: Config, planned: dict[str, StageResult], folder: Path) -> str:
    """What the generator will cost and take, from a few calls that are really made and kept: the run will not pay them again."""
    _refuse_if_lacking(checked, planned)
    calls, account = checked.root.calls, _account(checked)
    capped = replace(
        checked,
        nodes=plan.capped(checked.nodes, spent(calls, account)[1] + checked.root.budget.pilot),
    )
    store = _store(checked, folder, account, quiet=True)

    def up_to_generator(
        stage: str, node: dict[str, Any], kind: type, *inputs: StageResult
    ) -> StageResult:
        maker = (
            store
            if stage in {"prompt", "parser", "model", "retriever", "generator"}
            else replace(store, plan=True)
        )
        return maker.make(stage, node, kind, *inputs)

    with contextlib.suppress(BudgetError):  # the pilot's own cap, or the user's
        pipeline.run(capped.nodes, _fitting(checked, planned, up_to_generator))
    generator = build(checked.nodes["generator"])
    return plan.piloted(
        forecast(
            calls,
            folder.name,
            generator.estimate().calls,
            getattr(generator.teacher, "concurrency", 1),
        )
    )


def _refuse_if_lacking(checked: Config, planned: dict[str, StageResult]) -> None:
    """A key or a server is asked for only by what is still to do."""
    faults = checked.lacking(stage for stage, made in planned.items() if not made.kept)
    if faults:
        raise ConfigError(listed("This run cannot start:", faults))


def _fitting(
    checked: Config, planned: dict[str, StageResult], make: Callable[..., StageResult]
) -> Callable[..., StageResult]:
    """*make*, but what of the trainer fits neither task nor student is told before examples are looked for and paid."""
    processor = build(checked.nodes["processor"])
    validated = getattr(processor, "valid_share", 1) > 0

    def made(stage: str, node: dict[str, Any], kind: type, *inputs: StageResult) -> StageResult:
        nonlocal validated
        result = make(stage, node, kind, *inputs)
        if stage == "prompt":
            validated = validated or len(result.value.valid) > 0
        if stage == "model" and not planned["trainer"].kept:
            trainer = build(checked.nodes["trainer"])
            if isinstance(trainer, Preflight):
                task, choice = inputs[0].value, result.value
                template = ("", "")
                if isinstance(processor, Template):
                    template = processor.template(task, choice)
                trainer.preflight(task, choice, validated, template)
        return result

    return made


def _failed(folder: Path, kind: str, message: str, code: int) -> int:
    if folder.is_dir():
        (folder / "failed.json").write_text(
            json.dumps({"error": kind, "message": message, "code": code}, indent=1),
            encoding="utf-8",
        )
    return code


def _link(link: Path, target: Path) -> None:
    """A name for what the store holds; where links cannot be made, a small file that says where it is."""
    try:
        link.symlink_to(target)
    except OSError:
        link.with_suffix(".path").write_text(str(target), encoding="utf-8")


def _remove_empty(folder: Path) -> None:
    """A plan leaves nothing behind."""
    for path in (folder, folder.parent):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
