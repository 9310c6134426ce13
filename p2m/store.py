"""Keep what each stage made.  A stage runs again only if its own settings or its inputs changed."""

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from p2m import artifacts, disk
from p2m.artifacts import ExampleFile
from p2m.components import build, locate
from p2m.errors import UserError, explain_full_disk
from p2m.stages import Meter, Work

KEPT, TO_DO = "kept", "to do"
SPENT = "spent.json"  # of a stage under way: seconds of commands before this one, and when this one began


@dataclass(frozen=True)
class StageResult:
    """A stage's result: its key, the folder that holds it and, on demand, the artifact itself."""

    key: str
    folder: Path
    kind: type

    @property
    def kept(self) -> bool:
        return (self.folder / "manifest.json").exists()

    @property
    def value(self) -> Any:
        return artifacts.load(self.kind, self.folder)

    @property
    def note(self) -> dict[str, Any]:
        """What made.json says: stage, settings, inputs, seconds, usd, calls, commit."""
        return dict(json.loads((self.folder / "made.json").read_text(encoding="utf-8")))


@dataclass(frozen=True)
class Store:
    """Where results lie: <root>/<stage>/<key>/, written as <key>.part and renamed when whole."""

    root: Path
    work: Callable[[str, Path, Meter], Work]
    on_stage: Callable[[str, StageResult, str], None] = field(
        default=lambda stage, made, state: None
    )
    plan: bool = False

    def make(
        self, stage: str, node: dict[str, Any], kind: type, *inputs: StageResult
    ) -> StageResult:
        """The stage's result, from disk where a whole copy is there.

        Parallel jobs that need the same key wait for the first; a killed stage finds its leftovers in .part.
        Raises DiskFullError when there is no room; what was published before stays whole.
        """
        settings = _settings(node)
        made = StageResult(_digest([stage, settings, [i.key for i in inputs]]), Path(), kind)
        made = StageResult(made.key, self.root / stage / made.key, kind)
        self.on_stage(stage, made, KEPT if made.kept else TO_DO)
        if self.plan or made.kept:
            return made
        with (
            explain_full_disk(self.root),
            FileLock(_writable(made.folder.parent) / f"{made.key}.lock"),
        ):
            if not made.kept:
                self._run(stage, node, settings, made, inputs)
        self.on_stage(stage, made, "done")
        return made

    def _run(
        self,
        stage: str,
        node: dict[str, Any],
        settings: Any,
        made: StageResult,
        inputs: tuple[StageResult, ...],
    ) -> None:
        part = made.folder.with_name(f"{made.key}.part")
        part.mkdir(exist_ok=True)
        started, meter = time.monotonic(), Meter()
        before = _spent_before(part)  # a resumed stage tells the whole time
        (part / SPENT).write_text(json.dumps({"seconds": before, "since": time.time()}))
        try:
            value = build(node).run(*(i.value for i in inputs), work=self.work(stage, part, meter))
        finally:
            seconds = before + time.monotonic() - started
            (part / SPENT).write_text(json.dumps({"seconds": seconds}))
        artifacts.save(value, part)
        (part / SPENT).unlink()
        note = {
            "stage": stage,
            "settings": settings,
            "inputs": {i.folder.parent.name: i.key for i in inputs},
        }
        note |= {
            "seconds": round(seconds, 3),
            "usd": meter.usd,
            "calls": meter.calls,
            "commit": _commit(),
            "made": time.time(),
        }
        (part / "made.json").write_text(
            json.dumps(note, ensure_ascii=False, indent=1), encoding="utf-8"
        )
        publish(part, made.folder)


def publish(part: Path, folder: Path) -> None:
    """*part* becomes *folder* as a whole or not at all, whatever dies: manifest, fsync of every file, rename, fsync of the directory."""
    files = sorted(p for p in part.rglob("*") if p.is_file())
    manifest = {
        str(p.relative_to(part)): {"sha256": disk.digest(p), "bytes": p.stat().st_size}
        for p in files
    }
    rows = {name: len(ExampleFile(part / name)) for name in manifest if name.endswith(".jsonl")}
    (part / "manifest.json").write_text(
        json.dumps({"files": manifest, "rows": rows}, indent=1), encoding="utf-8"
    )
    for path in [*files, part / "manifest.json", *{p.parent for p in files}, part]:
        disk.sync(path)
    if folder.exists():  # a folder without a manifest: never published, so nobody counts on it
        shutil.rmtree(folder)
    part.rename(folder)
    disk.sync(folder.parent)


def identity(node: Any) -> str:
    """A component's settings, those that decide its result, as twelve hex digits."""
    return _digest(_settings(node))


def _settings(node: Any) -> Any:
    """What decides the result: every setting however deep, the contents of files, VERSION; not the fields that RUNTIME lists."""
    if isinstance(node, list):
        return [_settings(item) for item in node]
    if isinstance(node, Path):
        return _contents(node)
    if not isinstance(node, dict):
        return node
    cls = locate(node["_target_"]) if "_target_" in node else None
    kept = {k: _settings(v) for k, v in node.items() if k not in getattr(cls, "RUNTIME", ())}
    return kept | ({"_version_": cls.VERSION} if cls and hasattr(cls, "VERSION") else {})


def _contents(path: Path) -> dict[str, str]:
    """Where a file lies does not decide a result; what is in it does.  A folder is its files by name."""
    if path.is_dir():
        return {
            p.relative_to(path).as_posix(): disk.digest(p)
            for p in sorted(path.rglob("*"))
            if p.is_file()
        }
    return {"suffix": path.suffix, "sha256": disk.digest(path) if path.is_file() else "absent"}


def _digest(what: Any) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]


def _spent_before(part: Path) -> float:
    """Seconds that earlier commands worked on *part*.  One that was killed could not say: up to the last file that it wrote."""
    try:
        told = json.loads((part / SPENT).read_text())
        unsaid = (
            max(path.stat().st_mtime for path in part.rglob("*")) - told["since"]
            if "since" in told
            else 0.0
        )
        return float(told["seconds"]) + max(0.0, unsaid)
    except (OSError, ValueError, KeyError):
        return 0.0


def _writable(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"store: cannot write to {folder} ({error.strerror}); give a folder that you may write to, store=..."
        ) from error
    if not os.access(folder, os.W_OK):
        raise UserError(
            f"store: cannot write to {folder} (no permission); give a folder that you may write to, store=..."
        )
    return folder


def _commit() -> str | None:
    """The commit of the checkout that made a result, with + where it had changes; None outside a checkout."""
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"],
            cwd=Path(__file__).parent, capture_output=True, text=True, timeout=5, check=False,
        )  # fmt: skip
    except OSError:
        return None
    return said.stdout.strip() or None
