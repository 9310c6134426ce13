"""The ledger of calls: what was asked, answered and paid, on disk before anybody is told.

One thread writes.  It takes all that is waiting, runs it in one transaction and syncs once: 1 answer or 100 cost one sync.
Attempts go through these states:
    out       reserved, perhaps sent                        answered  raw body on disk, not yet parsed
    paid      parsed and billed                             void      not billed
    open      sent, and nobody knows whether it was billed: charged at its reservation
Money is kept in whole nano-dollars, so that sums are exact.
"""

import contextlib
import queue
import shutil
import socket
import sqlite3
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from p2m.errors import DiskFullError, UserError

FILE = "calls.sqlite"
LAYOUT = 1  # PRAGMA user_version; raised when the tables change
BUSY_S = (
    60.0  # another process holds the file for milliseconds a transaction; 16 of them fit many times
)
WAL_SAFE = (
    3,
    51,
    3,
)  # earlier versions may lose a commit when two connections reset the write-ahead log at once
REMOTE = ("nfs", "cifs", "smb", "fuse", "9p", "lustre", "gpfs", "ceph", "afs", "beegfs", "virtiofs")
BROKEN = (
    "not a database",
    "malformed",
    "decode",
    "no such table",
    "no such column",
    "unsupported file format",
)  # in SQLite's messages
TABLES = """
CREATE TABLE IF NOT EXISTS requests(
  key TEXT PRIMARY KEY, endpoint TEXT NOT NULL, model TEXT NOT NULL, messages TEXT NOT NULL, params TEXT NOT NULL, schema TEXT,
  sample INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS attempts(
  id INTEGER PRIMARY KEY, key TEXT NOT NULL REFERENCES requests(key), state TEXT NOT NULL, owner TEXT, account TEXT NOT NULL,
  run TEXT NOT NULL, stage TEXT NOT NULL, started REAL NOT NULL, reserved INTEGER NOT NULL, billed INTEGER NOT NULL, seconds REAL,
  status INTEGER, outcome TEXT, reason TEXT, model TEXT, input_tokens INTEGER, output_tokens INTEGER, sha256 TEXT, body BLOB
);
CREATE INDEX IF NOT EXISTS attempts_by_key ON attempts(key);
CREATE INDEX IF NOT EXISTS attempts_owned ON attempts(owner) WHERE owner IS NOT NULL;
CREATE TABLE IF NOT EXISTS accounts(account TEXT PRIMARY KEY, nano INTEGER NOT NULL, calls INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS traits(
  endpoint TEXT NOT NULL, model TEXT NOT NULL, trait TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(endpoint, model, trait)
) WITHOUT ROWID;
"""

Transaction = Callable[[sqlite3.Connection], Any]
Told = Callable[[list[tuple[Any, Any, BaseException | None]]], None]


def connect(folder: Path, *, pages: int | None = None) -> sqlite3.Connection:
    """An open ledger in *folder*, made if there is none.  pages: PRAGMA max_page_count, for tests of a full disk.

    Raises UserError for a file that is no ledger, or one of a later p2m; DiskFullError where there is no room to make it.
    """
    path = folder / FILE
    with told(path):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"calls: cannot write to {folder} ({error.strerror}); give another folder, calls=..."
            ) from error
        db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            _prepare(db, path, pages)
        except BaseException:
            db.close()
            raise
    return db


def _prepare(db: sqlite3.Connection, path: Path, pages: int | None) -> None:
    db.execute(f"PRAGMA journal_mode={journal_mode(path.parent)}")
    db.execute("PRAGMA synchronous=FULL")
    if pages is not None:
        db.execute(f"PRAGMA max_page_count={int(pages)}")
    found = db.execute("PRAGMA user_version").fetchone()[0]
    if found > LAYOUT:
        raise UserError(
            f"{path}: written by a later p2m (layout {found}, not {LAYOUT}); update p2m or give another calls=..."
        )
    if found < LAYOUT:
        db.executescript(f"BEGIN IMMEDIATE;{TABLES}PRAGMA user_version={LAYOUT};COMMIT")


def journal_mode(folder: Path, version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str:
    return "WAL" if version >= WAL_SAFE and not _remote(folder) else "TRUNCATE"


@contextlib.contextmanager
def told(path: Path) -> Iterator[None]:
    """SQLite's errors that a user can cure, said so that they can."""
    try:
        yield
    except sqlite3.Error as error:
        said = str(error)
        if _is_full(error):
            free = shutil.disk_usage(path.parent).free / 2**20
            raise DiskFullError(
                f"{path}: no room left to write ({said}; {free:.0f} MiB free). Make room or move the folder (calls=...),"
                " then start the same command: every answer that was acknowledged is kept."
            ) from error
        if "locked" in said:
            raise UserError(
                f"{path}: another process holds it for more than {BUSY_S:.0f} s ({said}); end that process"
            ) from error
        if any(sign in said for sign in BROKEN):
            raise UserError(
                f"{path}: not a whole ledger ({said}); restore a copy of it, or give another folder, calls=..."
            ) from error
        if "unable to open" in said or "readonly" in said:
            raise UserError(
                f"{path}: cannot be written ({said}); give another folder, calls=..."
            ) from error
        raise


def _is_full(error: sqlite3.Error) -> bool:
    name = getattr(error, "sqlite_errorname", "")
    return name == "SQLITE_FULL" or name.startswith("SQLITE_IOERR") or "full" in str(error)


def _remote(folder: Path) -> bool:
    """Whether *folder* lies on a file system of another machine, whose shared memory a write-ahead log cannot use; True where unknown."""
    try:
        mounts = [
            line.split()
            for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
        ]
    except OSError:
        return True
    place = str(folder.resolve())
    over = [
        (m[1], m[2]) for m in mounts if place == m[1] or place.startswith(m[1].rstrip("/") + "/")
    ]
    return max(over, key=lambda m: len(m[0]))[1].startswith(REMOTE) if over else True


class Owner:
    """Who holds the attempts that are out: alive as long as its lock file is locked, on whatever machine, however it dies."""

    def __init__(self, folder: Path) -> None:
        self.name = f"{socket.gethostname()}-{uuid.uuid4().hex}"
        self._lock = FileLock(_lock_path(folder, self.name), thread_local=False)
        self._lock.acquire()

    def release(self) -> None:
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)


def _lock_path(folder: Path, name: str) -> Path:
    (folder / "owners").mkdir(exist_ok=True)
    return folder / "owners" / f"{name}.lock"


def alive(folder: Path, name: str) -> bool:
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


@dataclass
class _Waiting:
    tag: Any
    deed: Transaction


class Writer:
    """The thread that writes.  `do(tag, deed)` queues; after the sync, tell([(tag, result, error), ...]) says what is now on disk."""

    def __init__(self, folder: Path, tell: Told, pages: int | None = None) -> None:
        self.folder, self._tell = folder, tell
        self._db = connect(folder, pages=pages)
        self.owner = Owner(folder)
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name="ledger", daemon=True)
        self._thread.start()

    def do(self, tag: Any, deed: Transaction) -> None:
        self._queue.put(_Waiting(tag, deed))

    def close(self) -> None:
        """Writes what is waiting, opens the attempts still out (their fate is unknown), lets go of the file."""
        self._queue.put(None)
        self._thread.join()
        with contextlib.suppress(sqlite3.Error), self._transaction():
            abandon(self._db, self.owner.name, "stopped")
        self._db.close()
        self.owner.release()

    def _loop(self) -> None:
        ending = False
        while not ending:
            group = [self._queue.get()]
            while not self._queue.empty():
                group.append(self._queue.get())
            ending = None in group
            deeds = [waiting for waiting in group if waiting is not None]
            if deeds:
                self._tell(self._written(deeds))

    def _written(self, group: list[_Waiting]) -> list[tuple[Any, Any, BaseException | None]]:
        try:
            with told(self.folder / FILE), self._transaction():
                results = [waiting.deed(self._db) for waiting in group]
        except Exception as error:
            if (
                len(group) > 1
            ):  # one that cannot be written must not take the others with it: they may be paid answers
                return [self._written([waiting])[0] for waiting in group]
            return [(group[0].tag, None, error)]
        return [(waiting.tag, result, None) for waiting, result in zip(group, results, strict=True)]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


def abandon(db: sqlite3.Connection, owner: str, reason: str) -> None:
    """What *owner* had out when it ended stays charged at its reservation."""
    db.execute(
        "UPDATE attempts SET state='open', reason=?, owner=NULL WHERE owner=? AND state='out'",
        (reason, owner),
    )
    db.execute("UPDATE attempts SET owner=NULL WHERE owner=?", (owner,))


def sweep(db: sqlite3.Connection, folder: Path, account: str | None = None) -> int:
    """Attempts that are out or being settled now (of *account*, if given), after those whose owner died were abandoned."""
    for (owner,) in db.execute(
        "SELECT DISTINCT owner FROM attempts WHERE owner IS NOT NULL"
    ).fetchall():
        if not alive(folder, owner):
            abandon(db, owner, "killed")
    count = "SELECT COUNT(*) FROM attempts WHERE owner IS NOT NULL AND account=COALESCE(?, account)"
    return int(db.execute(count, (account,)).fetchone()[0])
