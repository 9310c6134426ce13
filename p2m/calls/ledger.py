"""The ledger of calls: what was asked, answered and paid, on disk before anybody hears of it.

One thread writes.  It takes all that is waiting, runs it in one transaction and syncs once: one
answer or a hundred cost one sync.  The states of an attempt are in states.py.
"""

import asyncio
import contextlib
import queue
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from p2m.calls.owner import Owner, abandon, sweep
from p2m.errors import DiskFullError, UserError

FILE = "calls.sqlite"
LAYOUT = 1  # PRAGMA user_version; raised when the tables change
BUSY_S = 60.0  # another process holds the file for milliseconds; 16 of them fit many times
# in SQLite's messages about a file that is damaged, or no database
BROKEN = re.compile(
    "not a database|malformed|decode|no such table|no such column|unsupported file format"
)
TABLES = """
CREATE TABLE IF NOT EXISTS requests(
  key TEXT PRIMARY KEY, endpoint TEXT NOT NULL, model TEXT NOT NULL, messages TEXT NOT NULL,
  params TEXT NOT NULL, schema TEXT, sample INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS attempts(
  id INTEGER PRIMARY KEY, key TEXT NOT NULL REFERENCES requests(key), state TEXT NOT NULL,
  owner TEXT, account TEXT NOT NULL, run TEXT NOT NULL, stage TEXT NOT NULL, started REAL NOT NULL,
  reserved INTEGER NOT NULL, billed INTEGER NOT NULL, seconds REAL, status INTEGER, outcome TEXT,
  reason TEXT, model TEXT, input_tokens INTEGER, output_tokens INTEGER, sha256 TEXT, body BLOB
);
CREATE INDEX IF NOT EXISTS attempts_by_key ON attempts(key);
CREATE INDEX IF NOT EXISTS attempts_owned ON attempts(owner) WHERE owner IS NOT NULL;
CREATE TABLE IF NOT EXISTS accounts(
  account TEXT PRIMARY KEY, nano INTEGER NOT NULL, calls INTEGER NOT NULL
) WITHOUT ROWID;
"""

Transaction = Callable[[sqlite3.Connection], Any]
Waiting = tuple[Transaction, "Future[Any]"]


def connect(folder: Path, *, pages: int | None = None) -> sqlite3.Connection:
    """An open ledger in *folder*, made if there is none.

    pages: PRAGMA max_page_count, for tests of a full disk.  Raises UserError for a file that is no
    ledger, or one of a later p2m; DiskFullError where there is no room to make it.
    """
    path = folder / FILE
    with explain_faults(path):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"calls: cannot write to {folder} ({error.strerror});"
                " give another folder, calls=..."
            ) from error
        db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            _prepare(db, path, pages)
        except BaseException:
            db.close()
            raise
    return db


def _prepare(db: sqlite3.Connection, path: Path, pages: int | None) -> None:
    # not WAL: it needs memory that all processes share, which a disk of the network has not, and
    # before SQLite 3.51.3 it may lose a commit
    db.execute("PRAGMA journal_mode=TRUNCATE")
    db.execute("PRAGMA synchronous=FULL")
    if pages is not None:
        db.execute(f"PRAGMA max_page_count={int(pages)}")
    layout = db.execute("PRAGMA user_version").fetchone()[0]
    if layout > LAYOUT:
        raise UserError(
            f"{path}: written by a later p2m (layout {layout}, not {LAYOUT});"
            " update p2m or give another calls=..."
        )
    if layout < LAYOUT:
        db.executescript(f"BEGIN IMMEDIATE;{TABLES}PRAGMA user_version={LAYOUT};COMMIT")


@contextlib.contextmanager
def open_ledger(folder: Path) -> Iterator[sqlite3.Connection]:
    """The ledger in *folder*, what dead processes had out abandoned.  UserError for none."""
    path = folder / FILE
    if not path.is_file():
        raise UserError(f"there is no ledger of calls at {path}; name its folder with --calls")
    with explain_faults(path), contextlib.closing(connect(folder)) as db:
        with transact(db):
            sweep(db, folder)
        yield db


@contextlib.contextmanager
def transact(db: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def explain_faults(path: Path) -> Iterator[None]:
    """SQLite's errors that a user can cure, said so that they can."""
    try:
        yield
    except sqlite3.Error as error:
        explanation = _explain(error, path)
        if explanation is None:
            raise
        raise explanation from error


def _explain(error: sqlite3.Error, path: Path) -> UserError | None:
    text = str(error)
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_FULL" or name.startswith("SQLITE_IOERR") or "full" in text:
        free = shutil.disk_usage(path.parent).free / 2**20
        return DiskFullError(
            f"{path}: no room left to write ({text}; {free:.0f} MiB free)."
            " Make room or move the folder (calls=...), then start the same command:"
            " every answer that was acknowledged is kept."
        )
    if "locked" in text:
        return UserError(
            f"{path}: another process holds it for more than {BUSY_S:.0f} s ({text});"
            " end that process"
        )
    if BROKEN.search(text):
        return UserError(
            f"{path}: not a whole ledger ({text});"
            " restore a copy of it, or give another folder, calls=..."
        )
    if "unable to open" in text or "readonly" in text:
        return UserError(f"{path}: cannot be written ({text}); give another folder, calls=...")
    return None


class Writer:
    """`do` gives a transaction's result once it is on disk, or its error.

    What was given to it is written even where nobody waits for it any more.
    """

    def __init__(self, folder: Path, pages: int | None = None) -> None:
        self.folder = folder
        self._db = connect(folder, pages=pages)
        self.owner = Owner(folder)
        self._waiting: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name="ledger", daemon=True)
        self._thread.start()

    def do(self, transaction: Transaction) -> "Future[Any]":
        result: Future[Any] = Future()
        result.set_running_or_notify_cancel()  # from here on it cannot be cancelled
        self._waiting.put((transaction, result))
        return result

    async def commit(self, transaction: Transaction) -> Any:
        """The same, for a coroutine to wait for."""
        return await asyncio.wrap_future(self.do(transaction))

    def close(self) -> None:
        """Writes what is waiting, opens the attempts still out (their fate is unknown), lets go."""
        self._waiting.put(None)
        self._thread.join()
        with contextlib.suppress(sqlite3.Error), transact(self._db):
            abandon(self._db, self.owner.name, "stopped")
        self._db.close()
        self.owner.release()

    def _loop(self) -> None:
        is_open = True
        while is_open:
            group = [self._waiting.get()]
            while not self._waiting.empty():
                group.append(self._waiting.get())
            is_open = None not in group
            self._write([item for item in group if item is not None])

    def _write(self, group: list[Waiting]) -> None:
        try:
            with explain_faults(self.folder / FILE), transact(self._db):
                results = [transaction(self._db) for transaction, _ in group]
        except Exception as error:
            if len(group) == 1:
                group[0][1].set_exception(error)
                return
            # one that cannot be written must not take the others along: they may be paid answers
            for item in group:
                self._write([item])
            return
        for (_, future), result in zip(group, results, strict=True):
            future.set_result(result)
