"""What the ledger does for one request: find its answer or reserve its cost, then settle.  Each function runs inside a transaction."""

import hashlib
import math
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import Ge

from p2m.calls.ledger import NANO, NO_CAP, alive, sweep
from p2m.errors import BudgetError


@dataclass(frozen=True)
class Caps:
    """`budget` of the configuration.  None is no cap.  pilot: real calls that a plan may make to estimate from."""

    max_usd: Annotated[float, Ge(0)] | None
    max_calls: Annotated[int, Ge(0)] | None
    max_minutes: Annotated[float, Ge(0)] | None
    pilot: Annotated[int, Ge(0)]

    @property
    def nano(self) -> int:
        return NO_CAP if self.max_usd is None else math.floor(round(self.max_usd * NANO, 3))

    @property
    def calls(self) -> int:
        return NO_CAP if self.max_calls is None else self.max_calls


@dataclass(frozen=True)
class Price:
    """US dollars a million tokens."""

    input: Annotated[float, Ge(0)]
    output: Annotated[float, Ge(0)]

    def nano(self, input_tokens: int, output_tokens: int) -> int:
        """The cost, rounded up to a whole nano-dollar."""
        return math.ceil(
            round((input_tokens * self.input + output_tokens * self.output) * (NANO // 10**6), 6)
        )


FREE = Price(0, 0)


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
    caps: Caps
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
class Short:
    """The cap leaves no room.  others: attempts out on the account, whose settlement may make some.  kept: answers paid so far."""

    others: int
    nano: int
    calls: int
    open_nano: int


Found = Kept | Reserved | Busy | Short | None


def begin(db: sqlite3.Connection, entry: Entry, payer: Payer, *, send: bool) -> Found:
    """The kept answer, or a reservation to send with.  send False: None instead of a reservation."""
    known = _known(db, entry.key, payer.folder)
    if known is not None or not send:
        return known
    if payer.resumes and (taken := _taken_over(db, entry, payer)) is not None:
        return taken
    values = (entry.worst, payer.account, entry.worst, payer.caps.nano, payer.caps.calls)
    changed = db.execute(
        "UPDATE accounts SET nano=nano+?, calls=calls+1 WHERE account=? AND nano+?<=? AND calls<?",
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


def _short(db: sqlite3.Connection, payer: Payer) -> Short:
    others = sweep(db, payer.folder, payer.account)
    nano, calls = db.execute(
        "SELECT nano, calls FROM accounts WHERE account=?", (payer.account,)
    ).fetchone()
    owed = db.execute(
        "SELECT COALESCE(SUM(billed),0) FROM attempts WHERE account=? AND state='open'",
        (payer.account,),
    ).fetchone()[0]
    return Short(others, nano, calls, owed)


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


def exhausted(short: Short, caps: Caps, entry: Entry) -> BudgetError:
    """What was reached, and what it would take to go on."""
    spent = f"${short.nano / NANO:.6f} in {short.calls} calls"
    owed = (
        f" (${short.open_nano / NANO:.6f} of it for calls of unknown fate: see p2m calls reconcile)"
        if short.open_nano
        else ""
    )
    if caps.max_calls is not None and short.calls >= caps.max_calls:
        return BudgetError(
            f"budget.max_calls={caps.max_calls} is reached: {spent} on this prompt{owed}. All answers are kept."
            f" To go on, start the same command with budget.max_calls={short.calls + max(1, short.calls // 2)} or more."
        )
    least = (short.nano + entry.worst) / NANO
    return BudgetError(
        f"budget.max_usd={caps.max_usd} leaves no room for the next call, at most ${entry.worst / NANO:.6f}: {spent} on this prompt{owed}."
        f" All answers are kept. To go on, start the same command with budget.max_usd={math.ceil(least * 1e4) / 1e4} or more;"
        f" a call has cost ${short.nano / NANO / max(1, short.calls):.6f} on average."
    )


def too_late(caps: Caps) -> BudgetError:
    return BudgetError(
        f"budget.max_minutes={caps.max_minutes} is reached. All answers are kept; the same command goes on from here, for as long again."
    )
