"""Who holds the attempts that are out, and what becomes of those whose holder died."""

import socket
import sqlite3
import uuid
from pathlib import Path

from filelock import FileLock, Timeout


class Owner:
    """Alive as long as its lock file is locked, on whatever machine, however it dies."""

    def __init__(self, folder: Path) -> None:
        self.name = f"{socket.gethostname()}-{uuid.uuid4().hex}"
        self._lock = FileLock(_lock_path(folder, self.name), thread_local=False)
        self._lock.acquire()

    def release(self) -> None:
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)


def is_alive(folder: Path, name: str) -> bool:
    path = _lock_path(folder, name)
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    path.unlink(missing_ok=True)
    return False


def _lock_path(folder: Path, name: str) -> Path:
    (folder / "owners").mkdir(exist_ok=True)
    return folder / "owners" / f"{name}.lock"


def abandon(db: sqlite3.Connection, owner: str, reason: str) -> None:
    """What *owner* had out when it ended stays charged at its reservation."""
    db.execute(
        "UPDATE attempts SET state='open', reason=? WHERE owner=? AND state='out'", (reason, owner)
    )
    db.execute("UPDATE attempts SET owner=NULL WHERE owner=?", (owner,))


def sweep(db: sqlite3.Connection, folder: Path) -> None:
    """Abandons the attempts of every owner that died."""
    owners = db.execute("SELECT DISTINCT owner FROM attempts WHERE owner IS NOT NULL")
    for (owner,) in owners.fetchall():
        if not is_alive(folder, owner):
            abandon(db, owner, "killed")
