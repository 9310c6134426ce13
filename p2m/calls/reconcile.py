"""Calls of unknown fate: each stays charged at its reservation until the provider's bill tells."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from p2m.calls.account import move
from p2m.calls.ledger import transact
from p2m.calls.listing import ATTEMPTS, Table, read_table, where

IS_OPEN = "state='open'"


@dataclass(frozen=True)
class OpenCalls:
    """attempts: (id, reserved, whether it has an answer) each.  reserved: their sum."""

    attempts: list[tuple[int, int, bool]]
    reserved: int


def find_open(db: sqlite3.Connection, filters: Mapping[str, str]) -> OpenCalls:
    query = f"SELECT a.id, reserved, outcome IS NOT NULL {ATTEMPTS} {where(filters, IS_OPEN)}"
    rows = db.execute(query, filters).fetchall()
    return OpenCalls(rows, sum(reserved for _, reserved, _ in rows))


def list_open(db: sqlite3.Connection, filters: Mapping[str, str]) -> Table:
    """Where they were made, and what became of them."""
    query = (
        "SELECT r.endpoint endpoint, r.model model, substr(COALESCE(reason,''),1,60) reason,"
        f" COUNT(*) calls, SUM(reserved)/1e9 usd {ATTEMPTS} {where(filters, IS_OPEN)}"
        " GROUP BY 1, 2, 3 ORDER BY MIN(a.id)"
    )
    return read_table(db, query, filters)


def settle_open(db: sqlite3.Connection, calls: OpenCalls, total: int) -> None:
    """Shares *total* nano-dollars as they were reserved.  Without answer and bill it is no call."""
    left, weight = total, calls.reserved
    with transact(db):
        for attempt, reserved, is_answered in calls.attempts:
            billed = left * reserved // weight if weight else 0
            left -= billed
            weight -= reserved
            if is_answered:
                state = "paid"
            elif billed:
                state = "lost"
            else:
                state = "void"
            move(db, attempt, state, billed=billed)
