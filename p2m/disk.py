"""Files and folders that are whole or absent, whatever dies, and whether they still are."""

import contextlib
import errno
import functools
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from p2m.errors import DiskFullError, UserError

MANIFEST = "manifest.json"  # of a published folder: size and sha256 of each of its files
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
REFUSED = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
    *(errno.EIO, errno.ESTALE, errno.ENAMETOOLONG, errno.ELOOP),
}
MODE = 0o644  # others may read it; the user's umask takes its part away


def write_text(path: Path, text: str) -> None:
    """UTF-8, whole or absent, on disk when this returns."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Written beside, synced, renamed, folder synced: a reader meets the old file or the new."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE)
    try:
        with open(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync(path.parent)


def remove_if_empty(folder: Path) -> None:
    """With those above it below the working folder that are then empty, too."""
    with contextlib.suppress(OSError):  # not empty
        while folder.is_relative_to(Path.cwd()) and folder != Path.cwd():
            folder.rmdir()
            folder = folder.parent


def sync(path: Path) -> None:
    """Returns when the file's bytes, or the folder's names, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest(path: Path) -> str:
    """sha256 of the file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def publish(part: Path, folder: Path) -> None:
    """*part* becomes *folder* as a whole or not at all.

    What *folder* held before, damaged as it is, goes only when all of *part* is on disk.
    """
    for path in part.rglob("*.part"):  # a write that was killed
        path.unlink()
    (part / MANIFEST).unlink(missing_ok=True)  # of a command that was killed before the rename
    files = sorted(path for path in part.rglob("*") if path.is_file())
    entries = {}
    for path in files:
        name = path.relative_to(part).as_posix()
        entries[name] = {"sha256": digest(path), "bytes": path.stat().st_size}
    write_text(part / MANIFEST, json.dumps({"files": entries}, indent=1))
    mode = (part / MANIFEST).stat().st_mode  # as the umask has it; some libraries write 0600
    for path in files:
        path.chmod(mode)
        sync(path)
    for path in {part, *(path.parent for path in files)}:
        sync(path)
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)
    sync(folder.parent)


def read_digests(folder: Path) -> dict[str, str]:
    """The sha256 of each file of a published folder, by its name, as it was when written."""
    listed = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    return {name: entry["sha256"] for name, entry in listed.items()}


def find_damage(folder: Path, needed: Iterable[str] = ()) -> str:
    """Why a published folder cannot be used, in a few words; empty where it can.

    Sizes are looked at every time, contents once a process.  needed: files that it must have.
    """
    try:
        listed = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
        for name in [*needed, *listed]:
            size, sha256 = listed[name]["bytes"], listed[name]["sha256"]
            found = (folder / name).stat()
            if found.st_size != size:
                return f"{name} has {found.st_size:,} bytes instead of {size:,}"
            if _digest_as_of(folder / name, found.st_mtime_ns) != sha256:
                return f"{name} is not what was written"
    except FileNotFoundError as error:
        return f"{Path(error.filename).name} is missing"
    except (OSError, ValueError, LookupError, TypeError):
        return f"{MANIFEST} cannot be read"
    return ""


@functools.cache
def _digest_as_of(path: Path, mtime_ns: int) -> str:
    """Read once a process, unless the file is written anew."""
    return digest(path)


def name_run(folder: Path) -> str:
    """`date/time` of a run and `date/time/job` of a sweep's job, as ledger and tracker know it.

    Of a folder elsewhere than in outputs/runs and outputs/sweeps: its last three parts.
    """
    for place in ("runs", "sweeps"):
        root = Path("outputs", place).absolute()
        if folder.absolute().is_relative_to(root):
            return folder.absolute().relative_to(root).as_posix()
    return "/".join(folder.absolute().parts[-3:])


@contextlib.contextmanager
def explain_disk(root: Path) -> Iterator[None]:
    """What the system says of the disk becomes a UserError that says how to go on.

    A DiskFullError where it is full or a quota is spent.  root: what may be full, or removed.
    """
    was_there = root.is_dir()
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise _disk_full(root, error) from error
        if error.errno == errno.ENOENT and was_there and not root.is_dir():
            raise UserError(
                f"{root}: was removed while p2m worked in it; the same command goes on from what"
                " is left"
            ) from error
        if error.errno not in REFUSED:
            raise
        raise UserError(
            f"{error.filename or root}: cannot be used ({error.strerror}); give folders that you"
            " may write to: hydra.run.dir=... for a run, hydra.sweep.dir=... for a sweep,"
            " store=..., calls=..."
        ) from error


def _disk_full(root: Path, error: OSError) -> DiskFullError:
    free = shutil.disk_usage(root).free / 2**20 if root.exists() else 0
    return DiskFullError(
        f"{root}: no room left to write ({error.strerror}; {free:.0f} MiB free). Make room or give"
        " other folders (store=, calls=), then start the same command: what was finished and paid"
        " for is kept."
    )
