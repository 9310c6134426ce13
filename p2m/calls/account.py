"""What the ledger does for one request: find its answer or reserve its cost, then settle.

Each function runs inside a transaction.  An account's dollars are the sum of what its attempts are
charged, and its calls the number of those that count as one: `move` keeps it so.
"""

import hashlib
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from p2m.calls.budget import Budget
from p2m.calls.completion import Completion
from p2m.calls.endpoint import Entry, Reply
from p2m.calls.owner import is_alive, sweep
from p2m.calls.states import STATES


@dataclass(frozen=True)
class Payer:
    """On whose account, for which run and stage, by which owner, within which budget.

    resumes: a call that a killed process had out is taken over, since its answer can be fetched.
    """

    folder: Path
    owner: str
    account: str
    run: str
    stage: str
    budget: Budget
    resumes: bool = False


@dataclass(frozen=True)
class Kept:
    """The ledger holds the answer.  settled: False where it was not parsed yet.

    seconds: that it took.
    """

    attempt: int
    body: bytes
    billed: int
    settled: bool
    seconds: float


@dataclass(frozen=True)
class Reserved:
    """Room was set aside: the attempt may be sent."""

    attempt: int


@dataclass(frozen=True)
class Busy:
    """Another process has this very request out."""


@dataclass(frozen=True)
class OverBudget:
    """The budget leaves no room now; what others have out may, once it is settled."""


def open_account(db: sqlite3.Connection, account: str) -> None:
    db.execute("INSERT OR IGNORE INTO accounts VALUES(?,0,0)", (account,))


Found = Kept | Reserved | Busy | OverBudget


def begin(db: sqlite3.Connection, entry: Entry, payer: Payer) -> Found:
    """The kept answer, a reservation, or what to wait for; BudgetError where there is no hope."""
    found = _find(db, entry.key, payer.folder)
    if found is not None:
        return found
    if payer.budget.is_late():
        raise payer.budget.explain_lateness()
    if payer.resumes:
        taken = _take_over(db, entry, payer)
        if taken is not None:
            return taken
    room = {"max_nano": payer.budget.max_nano(), "max_calls": payer.budget.max_calls}
    charged = db.execute(
        "UPDATE accounts SET nano=nano+:worst, calls=calls+1 WHERE account=:account"
        " AND (:max_nano IS NULL OR nano+:worst<=:max_nano)"
        " AND (:max_calls IS NULL OR calls<:max_calls)",
        vars(payer) | vars(entry) | room,
    )
    if charged.rowcount:
        return _reserve(db, entry, payer)
    _raise_without_hope(db, entry, payer)
    return OverBudget()


def _find(db: sqlite3.Connection, key: str, folder: Path) -> Kept | Busy | None:
    row = db.execute(
        "SELECT id, body, billed, state<>'answered', seconds FROM attempts WHERE key=?"
        " AND (state='answered' OR outcome IS NOT NULL) ORDER BY id DESC LIMIT 1",
        (key,),
    ).fetchone()
    if row is not None:
        attempt, body, billed, settled, seconds = row
        return Kept(attempt, body or b"", billed, bool(settled), seconds or 0.0)
    owners = db.execute("SELECT owner FROM attempts WHERE key=? AND state='out'", (key,))
    for (owner,) in owners.fetchall():
        if owner is not None and is_alive(folder, owner):
            return Busy()
    return None


def _take_over(db: sqlite3.Connection, entry: Entry, payer: Payer) -> Reserved | None:
    """What a process that died had out, with the reservation that stands for it."""
    sweep(db, payer.folder)
    row = db.execute(
        "SELECT id FROM attempts WHERE key=? AND account=? AND state='open'"
        " AND reason IN ('killed','stopped') AND outcome IS NULL",
        (entry.key, payer.account),
    ).fetchone()
    if row is None:
        return None
    move(db, row[0], "out", owner=payer.owner, reason=None)
    return Reserved(row[0])


def _reserve(db: sqlite3.Connection, entry: Entry, payer: Payer) -> Reserved:
    values = vars(payer) | vars(entry) | {"started": time.time()}
    db.execute(
        "INSERT OR IGNORE INTO requests"
        " VALUES(:key,:endpoint,:model,:messages,:params,:schema,:sample)",
        values,
    )
    row = db.execute(
        "INSERT INTO attempts(key,state,owner,account,run,stage,started,reserved,billed)"
        " VALUES(:key,'out',:owner,:account,:run,:stage,:started,:worst,:worst)",
        values,
    )
    return Reserved(int(row.lastrowid or 0))


def _raise_without_hope(db: sqlite3.Connection, entry: Entry, payer: Payer) -> None:
    """Raises BudgetError where nothing is out on the account whose settlement may make room."""
    sweep(db, payer.folder)
    out, unknown = db.execute(
        "SELECT COUNT(owner), COALESCE(SUM(CASE state WHEN 'open' THEN billed END), 0)"
        " FROM attempts WHERE account=?",
        (payer.account,),
    ).fetchone()
    if not out:
        raise payer.budget.explain_excess(*read_charges(db, payer.account), unknown, entry.worst)


def read_charges(db: sqlite3.Connection, account: str) -> tuple[int, int]:
    """Nano-dollars and calls that count against the caps."""
    row = db.execute("SELECT nano, calls FROM accounts WHERE account=?", (account,)).fetchone()
    return (0, 0) if row is None else (row[0], row[1])


def record_body(db: sqlite3.Connection, attempt: int, reply: Reply, seconds: float) -> None:
    """The raw answer, before anything reads it."""
    (reserved,) = db.execute("SELECT reserved FROM attempts WHERE id=?", (attempt,)).fetchone()
    move(db, attempt, "answered", billed=reserved, **_evidence(reply, seconds))


def settle(
    db: sqlite3.Connection, attempt: int, completion: Completion, bill: int | None, most: int | None
) -> None:
    """Frees what was reserved beyond the bill, which is None if it cannot be known.

    most: what this very request can cost, now that its input is counted.  Tries of it whose fate
    is unknown are charged no more.
    """
    query = "SELECT reserved FROM attempts WHERE id=? AND state='answered'"
    row = db.execute(query, (attempt,)).fetchone()
    if row is None:  # it was settled before
        return
    columns = dict(vars(completion))
    del columns["text"]  # the body holds it
    if bill is None and row[0]:
        move(db, attempt, "open", **columns)
    else:
        move(db, attempt, "paid", billed=bill or 0, **columns)
    if most is not None:
        _lower_unknown(db, attempt, most)


def _lower_unknown(db: sqlite3.Connection, attempt: int, most: int) -> None:
    rows = db.execute(
        "SELECT id, account, billed FROM attempts WHERE state='open' AND outcome IS NULL"
        " AND key=(SELECT key FROM attempts WHERE id=:attempt) AND billed>:most",
        {"attempt": attempt, "most": most},
    )
    for unknown, account, billed in rows.fetchall():
        db.execute("UPDATE attempts SET billed=? WHERE id=?", (most, unknown))
        db.execute("UPDATE accounts SET nano=nano-? WHERE account=?", (billed - most, account))


def close(
    db: sqlite3.Connection,
    attempt: int,
    to: Literal["void", "open"],
    reply: Reply,
    reason: str,
    seconds: float,
) -> None:
    """Of an attempt without an answer: `void` was not billed and is given back.

    Of an `open` one nobody knows: it stays charged until it is reconciled.
    """
    billed = 0 if to == "void" else None
    move(db, attempt, to, billed=billed, reason=reason, **_evidence(reply, seconds))


def _evidence(reply: Reply, seconds: float) -> dict[str, Any]:
    """What came back, as the columns of an attempt."""
    body = reply.body or None
    return {
        "status": reply.status,
        "body": body,
        "sha256": None if body is None else hashlib.sha256(body).hexdigest(),
        "seconds": round(seconds, 6),
    }


def move(
    db: sqlite3.Connection, attempt: int, to: str, *, billed: int | None = None, **columns: Any
) -> bool:
    """Brings an attempt into another state, and its account along.

    billed: what it is charged from now on; None leaves it.  False, and nothing done, where the
    legend does not let it, as when another process was faster.
    """
    state, account, before = db.execute(
        "SELECT state, account, billed FROM attempts WHERE id=?", (attempt,)
    ).fetchone()
    new = STATES[to]
    if state not in new.after:
        return False
    values = columns | {"state": to, "billed": before if billed is None else billed}
    if not new.is_owned:
        values["owner"] = None
    assignments = ", ".join(f"{name}=:{name}" for name in values)
    query = f"UPDATE attempts SET {assignments} WHERE id=:id"  # noqa: S608 - names from this file
    db.execute(query, values | {"id": attempt})
    change = (values["billed"] - before, new.is_call - STATES[state].is_call, account)
    db.execute("UPDATE accounts SET nano=nano+?, calls=calls+? WHERE account=?", change)
    return True
