"""Calls of unknown fate: each stays charged at the most that it can cost until a bill tells."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from p2m.calls.account import move
from p2m.calls.ledger import transact
from p2m.calls.listing import ATTEMPTS, Table, read_table, where

IS_OPEN = "state='open'"


@dataclass(frozen=True)
class OpenCalls:
    """attempts: (id, charged, whether it has an answer) each.  charged: their sum."""

    attempts: list[tuple[int, int, bool]]
    charged: int


def find_open(db: sqlite3.Connection, filters: Mapping[str, str]) -> OpenCalls:
    query = f"SELECT a.id, billed, outcome IS NOT NULL {ATTEMPTS} {where(filters, IS_OPEN)}"
    rows = db.execute(query, filters).fetchall()
    return OpenCalls(rows, sum(charged for _, charged, _ in rows))


def sum_known(db: sqlite3.Connection, filters: Mapping[str, str]) -> int:
    """Nano-dollars of the calls whose bill is known."""
    is_known = "state IN ('paid','lost')"
    query = f"SELECT COALESCE(SUM(billed),0) {ATTEMPTS} {where(filters, is_known)}"
    return int(db.execute(query, filters).fetchone()[0])


def list_open(db: sqlite3.Connection, filters: Mapping[str, str]) -> Table:
    """Where they were made, and what became of them."""
    query = (
        "SELECT r.endpoint endpoint, r.model model, substr(COALESCE(reason,''),1,60) reason,"
        f" COUNT(*) calls, SUM(billed)/1e9 usd {ATTEMPTS} {where(filters, IS_OPEN)}"
        " GROUP BY 1, 2, 3 ORDER BY MIN(a.id)"
    )
    return read_table(db, query, filters)


def settle_open(db: sqlite3.Connection, calls: OpenCalls, total: int) -> None:
    """Shares *total* nano-dollars as they were charged.  Without answer and bill it is no call."""
    left, weight = total, calls.charged
    with transact(db):
        for attempt, charged, is_answered in calls.attempts:
            billed = left * charged // weight if weight else 0
            left -= billed
            weight -= charged
            if is_answered:
                state = "paid"
            elif billed:
                state = "lost"
            else:
                state = "void"
            move(db, attempt, state, billed=billed)
