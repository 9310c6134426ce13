"""What the ledger does for one request: find its answer or reserve its cost, then settle.  Each function runs inside a transaction."""

import hashlib
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from p2m.calls.budget import Budget
from p2m.calls.ledger import alive, sweep


@dataclass(frozen=True)
class Entry:
    """A request as the ledger knows it: its key, its parts in canonical JSON, and the most that it can cost."""

    key: str
    endpoint: str
    model: str
    messages: str
    params: str
    schema: str | None
    sample: int
    worst: int


@dataclass(frozen=True)
class Payer:
    """On whose account, for which run and stage, by which owner, within which caps.

    resumes: a call that a killed process had out is taken over as it is, since its answer can still be fetched.
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
    """The ledger holds the answer.  settled: False if the process that got it ended before it was parsed."""

    attempt: int
    body: bytes
    billed: int
    settled: bool


@dataclass(frozen=True)
class Reserved:
    """Room was set aside: the attempt may be sent."""

    attempt: int


@dataclass(frozen=True)
class Busy:
    """Another process has this very request out."""


@dataclass(frozen=True)
class OverBudget:
    """The cap leaves no room.  others: attempts out on the account, whose settlement may make some.  kept: answers paid so far."""

    others: int
    nano: int
    calls: int
    open_nano: int


Found = Kept | Reserved | Busy | OverBudget | None


def begin(db: sqlite3.Connection, entry: Entry, payer: Payer, *, send: bool) -> Found:
    """The kept answer, or a reservation to send with.  send False: None instead of a reservation."""
    known = _known(db, entry.key, payer.folder)
    if known is not None or not send:
        return known
    if payer.resumes and (taken := _taken_over(db, entry, payer)) is not None:
        return taken
    values = {"account": payer.account, "worst": entry.worst}
    values |= {"max_nano": payer.budget.max_nano(), "max_calls": payer.budget.max_calls}
    changed = db.execute(
        "UPDATE accounts SET nano=nano+:worst, calls=calls+1 WHERE account=:account"
        " AND (:max_nano IS NULL OR nano+:worst<=:max_nano)"
        " AND (:max_calls IS NULL OR calls<:max_calls)",
        values,
    ).rowcount
    return _reserved(db, entry, payer) if changed else _short(db, payer)


def _taken_over(db: sqlite3.Connection, entry: Entry, payer: Payer) -> Reserved | None:
    """The attempt that a process which died had out, with the reservation that stands for it."""
    sweep(db, payer.folder)
    row = db.execute(
        "SELECT id FROM attempts WHERE key=? AND account=? AND state='open' AND reason IN ('killed','stopped') AND outcome IS NULL",
        (entry.key, payer.account),
    ).fetchone()
    if row is None:
        return None
    db.execute(
        "UPDATE attempts SET state='out', owner=?, reason=NULL WHERE id=?", (payer.owner, row[0])
    )
    return Reserved(row[0])


def open_account(db: sqlite3.Connection, account: str) -> None:
    db.execute("INSERT OR IGNORE INTO accounts VALUES(?,0,0)", (account,))


def _known(db: sqlite3.Connection, key: str, folder: Path) -> Kept | Busy | None:
    rows = db.execute(
        "SELECT id, state, owner, body, billed, outcome FROM attempts WHERE key=? ORDER BY id DESC",
        (key,),
    ).fetchall()
    for attempt, state, _, body, billed, outcome in rows:
        if state in {"answered", "paid"} or (state == "open" and outcome is not None):
            return Kept(attempt, body, billed, state != "answered")
    for _, state, owner, *_ in rows:
        if state == "out" and owner is not None and alive(folder, owner):
            return Busy()
    return None


def _reserved(db: sqlite3.Connection, entry: Entry, payer: Payer) -> Reserved:
    values = (
        entry.key,
        entry.endpoint,
        entry.model,
        entry.messages,
        entry.params,
        entry.schema,
        entry.sample,
    )
    db.execute("INSERT OR IGNORE INTO requests VALUES(?,?,?,?,?,?,?)", values)
    made = db.execute(
        "INSERT INTO attempts(key,state,owner,account,run,stage,started,reserved,billed) VALUES(?,'out',?,?,?,?,?,?,?)",
        (
            entry.key,
            payer.owner,
            payer.account,
            payer.run,
            payer.stage,
            time.time(),
            entry.worst,
            entry.worst,
        ),
    )
    return Reserved(int(made.lastrowid or 0))


def _short(db: sqlite3.Connection, payer: Payer) -> OverBudget:
    others = sweep(db, payer.folder, payer.account)
    nano, calls = db.execute(
        "SELECT nano, calls FROM accounts WHERE account=?", (payer.account,)
    ).fetchone()
    owed = db.execute(
        "SELECT COALESCE(SUM(billed),0) FROM attempts WHERE account=? AND state='open'",
        (payer.account,),
    ).fetchone()[0]
    return OverBudget(others, nano, calls, owed)


def record_body(
    db: sqlite3.Connection, attempt: int, status: int, body: bytes, seconds: float
) -> None:
    """The raw answer, before anything reads it."""
    values = (status, body, hashlib.sha256(body).hexdigest(), round(seconds, 6), attempt)
    db.execute(
        "UPDATE attempts SET state='answered', status=?, body=?, sha256=?, seconds=? WHERE id=?",
        values,
    )


@dataclass(frozen=True)
class Settlement:
    """What an answer turned out to be.  nano: its bill, or None if it cannot be known, which leaves it at its reservation."""

    outcome: str
    reason: str
    model: str | None
    input_tokens: int | None
    output_tokens: int | None
    nano: int | None


def settle(db: sqlite3.Connection, attempt: int, bill: Settlement) -> None:
    """Frees what was reserved beyond the bill; an answer settled before stays as it is."""
    row = db.execute(
        "SELECT account, reserved FROM attempts WHERE id=? AND state='answered'", (attempt,)
    ).fetchone()
    if row is None:
        return
    billed = row[1] if bill.nano is None else bill.nano
    state = "open" if bill.nano is None and row[1] else "paid"
    db.execute(
        "UPDATE attempts SET state=?, billed=?, outcome=?, reason=?, model=?, input_tokens=?, output_tokens=?, owner=NULL WHERE id=?",
        (
            state,
            billed,
            bill.outcome,
            bill.reason,
            bill.model,
            bill.input_tokens,
            bill.output_tokens,
            attempt,
        ),
    )
    db.execute("UPDATE accounts SET nano=nano+? WHERE account=?", (billed - row[1], row[0]))


def void(
    db: sqlite3.Connection,
    attempt: int,
    status: int | None,
    reason: str,
    body: bytes,
    seconds: float,
) -> None:
    """The attempt was not billed: its reservation and its call are given back."""
    _end(db, attempt, "void", status, reason, body, seconds)
    account, reserved = db.execute(
        "SELECT account, reserved FROM attempts WHERE id=?", (attempt,)
    ).fetchone()
    db.execute("UPDATE attempts SET billed=0 WHERE id=?", (attempt,))
    db.execute(
        "UPDATE accounts SET nano=nano-?, calls=calls-1 WHERE account=?", (reserved, account)
    )


def leave_open(
    db: sqlite3.Connection,
    attempt: int,
    status: int | None,
    reason: str,
    body: bytes,
    seconds: float,
) -> None:
    """Nobody knows whether the attempt was billed: it stays charged at its reservation until it is reconciled."""
    _end(db, attempt, "open", status, reason, body, seconds)


def _end(
    db: sqlite3.Connection,
    attempt: int,
    state: str,
    status: int | None,
    reason: str,
    body: bytes,
    seconds: float,
) -> None:
    values = (
        state,
        status,
        reason,
        body or None,
        hashlib.sha256(body).hexdigest() if body else None,
        round(seconds, 6),
        attempt,
    )
    db.execute(
        "UPDATE attempts SET state=?, owner=NULL, status=?, reason=?, body=?, sha256=?, seconds=? WHERE id=?",
        values,
    )
