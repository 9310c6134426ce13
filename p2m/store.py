"""Keep what each stage gave, under a name made of what decided it, and check it when it is read."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filelock import FileLock

from p2m import artifacts, disk
from p2m.artifacts import RECORD, VALUE
from p2m.components import build, deciding_settings, digest, locate
from p2m.disk import explain_disk
from p2m.errors import UserError
from p2m.stages import Meter, Work

KEPT, TO_DO, DONE, DAMAGED = "kept", "to do", "done", "damaged, made again"
UNKNOWN = "unknown"
Contents = dict[str, str | None]  # by stage: digest of what is used of its result
SPENT = "spent.json"  # of a stage under way: seconds of earlier commands, and when this one began


@dataclass(frozen=True)
class StageResult:
    """What a stage gave, or will give.

    key: UNKNOWN where the content of an input is.  folder: <store>/<stage>/<key>.
    state: KEPT from an earlier command, DONE by this one, or why there is something to do.
    unless: it will turn out kept if these stages, still to do, give what they gave before.
    """

    stage: str
    kind: type
    key: str
    folder: Path
    state: str = TO_DO
    unless: tuple[str, ...] = ()

    @property
    def kept(self) -> bool:
        return self.state == KEPT

    @property
    def value(self) -> Any:
        return artifacts.load(self.kind, self.folder)

    @property
    def note(self) -> dict[str, Any]:
        """What made.json says: stage, settings, inputs, contents, seconds, usd, calls, commit."""
        return dict(json.loads((self.folder / RECORD).read_text(encoding="utf-8")))

    def content(self, parts: Collection[str] | None = None) -> str | None:
        """Digest of what later stages may look at, however it came; None while there is nothing.

        parts: of the value, those that count; None for all.
        """
        if self.state not in (KEPT, DONE):
            return None
        digests = disk.read_digests(self.folder)
        return digest(artifacts.content(self.kind, self.folder, digests, parts))


@dataclass(frozen=True)
class Store:
    """Where results lie: <root>/<stage>/<key>/, written as <key>.part and renamed when whole.

    on_stage hears of each result when it is looked up, and again when it is done.
    plan: only look up.
    """

    root: Path
    work: Callable[[str, Path, Meter], Work]
    on_stage: Callable[[StageResult], None] = lambda result: None
    plan: bool = False

    def make(
        self, stage: str, node: dict[str, Any], kind: type, *inputs: StageResult
    ) -> StageResult:
        """The stage's result, from disk where a whole copy is there.

        Parallel jobs that need the same key wait for the first; a killed stage finds its leftovers
        in .part.  Raises DiskFullError when there is no room; what was published stays whole.
        """
        settings = deciding_settings(node)
        uses = getattr(locate(node["_target_"]), "USES", {})
        contents = {source.stage: source.content(uses.get(source.stage)) for source in inputs}
        key = UNKNOWN
        if all(contents.values()):
            key = digest([stage, settings, list(contents.values())])
        result = StageResult(stage, kind, key, self.root / stage / key)
        if key == UNKNOWN:
            return _guess(result, settings, inputs, contents)
        result = _look_up(result)
        self.on_stage(result)
        if self.plan or result.kept:
            return result
        lock = _writable(result.folder.parent) / f"{key}.lock"
        with explain_disk(lock.parent), FileLock(lock):
            result = _look_up(result)  # another job may have made it meanwhile
            if not result.kept:
                self._run(node, settings, result, inputs, contents)
                result = replace(result, state=DONE)
        self.on_stage(result)
        return result

    def _run(
        self,
        node: dict[str, Any],
        settings: Any,
        result: StageResult,
        inputs: tuple[StageResult, ...],
        contents: Contents,
    ) -> None:
        part = result.folder.with_name(f"{result.key}.part")
        part.mkdir(exist_ok=True)
        meter = Meter()

        # 1) the stage, timed together with the commands that were stopped in it
        before, began = _spent_before(part), time.monotonic()
        disk.write_text(part / SPENT, json.dumps({"seconds": before, "since": time.time()}))
        try:
            values = [source.value for source in inputs]
            value = build(node).run(*values, work=self.work(result.stage, part, meter))
        finally:
            (part / SPENT).touch()
        seconds = before + time.monotonic() - began

        # 2) what it gave, and what is to be known of it
        artifacts.save(value, part)
        (part / SPENT).unlink()
        record = {
            "stage": result.stage,
            "settings": settings,
            "inputs": {source.stage: source.key for source in inputs},
            "contents": contents,
            "seconds": round(seconds, 3),
            "usd": meter.usd,
            "calls": meter.calls,
            "commit": _commit(),
            "made": time.time(),
        }
        disk.write_text(part / RECORD, json.dumps(record, ensure_ascii=False, indent=1))
        disk.publish(part, result.folder)


def records(folder: Path) -> list[dict[str, Any]]:
    """What made.json says of each result of a stage, where it can be read."""
    notes = []
    for path in sorted(folder.glob(f"*/{RECORD}")):
        try:
            note = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue  # damaged: told and made again when it is needed
        if path.parent.suffix != ".part":
            notes.append(note)
    return notes


def _look_up(result: StageResult) -> StageResult:
    if not result.folder.exists():
        return result
    damage = disk.find_damage(result.folder, [VALUE, RECORD])
    return replace(result, state=f"{DAMAGED}: {damage}" if damage else KEPT)


def _guess(
    result: StageResult, settings: Any, inputs: tuple[StageResult, ...], contents: Contents
) -> StageResult:
    """*result*, with the stages to do that spare it if they give what they gave before."""
    known = {stage: content for stage, content in contents.items() if content}
    if not _was_made(result.folder.parent, settings, known):
        return result
    names: dict[str, None] = {}
    for source in inputs:
        if not contents[source.stage]:
            names |= dict.fromkeys(source.unless or [source.stage])
    gives = "give what they gave" if len(names) > 1 else "gives what it gave"
    state = f"{TO_DO} unless {' and '.join(names)} {gives}"
    return replace(result, state=state, unless=tuple(names))


def _was_made(folder: Path, settings: Any, known: dict[str, str]) -> bool:
    """Whether a stage has a result of these settings and inputs, whatever the others were."""
    wanted = digest(settings)
    for record in records(folder):
        same = digest(record.get("settings")) == wanted
        if same and known.items() <= record.get("contents", {}).items():
            return True
    return False


def _spent_before(part: Path) -> float:
    """Seconds that earlier commands worked on *part*.

    One that was killed could not say: up to the last file that it wrote.
    """
    try:
        spent: dict[str, float] = json.loads((part / SPENT).read_text())
        last = max(path.stat().st_mtime for path in part.rglob("*"))
        return spent["seconds"] + max(0.0, last - spent["since"])
    except (OSError, ValueError, KeyError):
        return 0.0


def _writable(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(None, "no permission")
    except OSError as error:
        raise UserError(
            f"store: cannot write to {folder} ({error.strerror});"
            " give a folder that you may write to, store=..."
        ) from error
    return folder


def _commit() -> str | None:
    """The checkout's commit, with + where it had changes; None outside a checkout."""
    command = ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    here = Path(__file__).parent
    try:
        result = subprocess.run(
            command, cwd=here, capture_output=True, text=True, timeout=5, check=False
        )
    except OSError:
        return None
    return result.stdout.strip() or None
