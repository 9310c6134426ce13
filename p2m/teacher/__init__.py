"""Large models that are asked for examples and answers, and the ledger of what they were asked, answered and paid."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p2m.calls.forecast import Forecast


def ledger(folder: Path) -> sqlite3.Connection:
    """The ledger in *folder*, the calls of processes that died marked as such.  Raises UserError where there is none or it is broken."""
    from p2m.calls import ledger as _ledger
    from p2m.errors import UserError

    if not (folder / _ledger.FILE).is_file():
        raise UserError(
            f"there is no ledger of calls at {folder / _ledger.FILE}; name its folder with --calls"
        )
    db = _ledger.connect(folder)
    try:
        with _ledger.told(folder / _ledger.FILE):
            db.execute("BEGIN IMMEDIATE")
            _ledger.sweep(db, folder)
            db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


@contextlib.contextmanager
def told(folder: Path) -> Iterator[None]:
    """Faults of the ledger in *folder* become a UserError or DiskFullError that says what to do."""
    from p2m.calls import ledger as _ledger

    with _ledger.told(folder / _ledger.FILE):
        yield


def spent(folder: Path, account: str) -> tuple[float, int]:
    """Dollars and calls that count against the caps of *account*: a pilot of 20 may go up to these calls and 20 more."""
    from p2m.calls import ledger as _ledger
    from p2m.calls.prices import NANO

    if not (folder / _ledger.FILE).is_file():
        return 0.0, 0
    with contextlib.closing(ledger(folder)) as db:
        nano, calls = db.execute(
            "SELECT nano, calls FROM accounts WHERE account=?", (account,)
        ).fetchone() or (0, 0)
    return nano / NANO, calls


def forecast(folder: Path, run: str, calls: float, concurrency: int) -> "Forecast | None":
    """Dollars and seconds that *calls* calls like those of *run* (a pilot) will cost and take, with 95 % intervals."""
    from p2m.calls import forecast as _forecast

    return _forecast.forecast(folder, run, calls, concurrency)
