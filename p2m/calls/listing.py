"""What the ledger holds, as tables and records: the queries behind `p2m calls`."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from p2m.errors import UserError

ATTEMPTS = "FROM attempts a JOIN requests r USING(key)"
# by the name of each option; a sweep's name stands for all its jobs
FILTERS = {
    "run": "(run=:run OR substr(run,1,length(:run)+1)=:run||'/')",
    "model": "r.model=:model",
    "day": "date(started,'unixepoch')=:day",
    **{name: f"{name}=:{name}" for name in ("stage", "account", "outcome", "state", "endpoint")},
}
GROUPS = {
    "run": "run",
    "stage": "run || ' ' || stage",
    "model": "r.endpoint || ' ' || r.model",
    "account": "account",
    "outcome": "state || ' ' || COALESCE(outcome,'')",
    "day": "date(started,'unixepoch')",
}
LATEST = """
SELECT substr(key,1,12) key, datetime(started,'unixepoch') started, run, stage, r.model model,
  state, COALESCE(outcome,'') outcome, input_tokens 'in', output_tokens 'out', billed/1e9 usd,
  ROUND(seconds,2) s, COALESCE(reason,'') reason
"""
COST = """
COUNT(*) attempts, SUM(outcome='ok') ok, SUM(outcome IS NOT NULL AND outcome<>'ok') rejected,
  SUM(state='void') unbilled, SUM(state='open') unknown, SUM(input_tokens) 'in',
  SUM(output_tokens) 'out', SUM(billed)/1e9 usd,
  SUM(CASE state WHEN 'open' THEN billed ELSE 0 END)/1e9 unknown_usd
"""
ANSWERS = """
SELECT r.messages, r.schema, r.model, account, run, started, billed, outcome, body,
  MAX(a.id) latest
"""


@dataclass(frozen=True)
class Table:
    """What a query gives."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


def where(filters: Mapping[str, str], *more: str) -> str:
    """The WHERE clause of the filters given, whose values go along by name."""
    conditions = [*more, *(FILTERS[name] for name in filters)]
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def read_table(db: sqlite3.Connection, query: str, values: Mapping[str, Any]) -> Table:
    cursor = db.execute(query, values)
    return Table([column[0] for column in cursor.description], cursor.fetchall())


def list_latest(db: sqlite3.Connection, filters: Mapping[str, str], limit: int) -> Table:
    """The latest attempts, the oldest of them first."""
    query = f"{LATEST} {ATTEMPTS} {where(filters)} ORDER BY a.id DESC LIMIT :limit"
    table = read_table(db, query, {**filters, "limit": limit})
    return Table(table.columns, table.rows[::-1])


def sum_cost(db: sqlite3.Connection, filters: Mapping[str, str], by: str) -> Table:
    """Calls, tokens and dollars of each group, and in total."""
    rest = f"{COST} {ATTEMPTS} {where(filters)}"
    groups = f"SELECT {GROUPS[by]} what, {rest} GROUP BY what ORDER BY MIN(a.id)"
    table = read_table(db, groups, filters)
    total = read_table(db, f"SELECT 'total' what, {rest}", filters)
    return Table(table.columns, table.rows + total.rows)


def read_call(db: sqlite3.Connection, key: str) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """The one request whose key begins with *key*, and its attempts; else UserError."""
    query = "SELECT * FROM requests WHERE substr(key,1,length(:key))=:key LIMIT 2"
    requests = list(_records(db, query, {"key": key}))
    if len(requests) != 1:
        many = "several calls have" if requests else "no call has"
        raise UserError(f"{many} a key that begins with '{key}'; see p2m calls list")
    attempts = _records(db, "SELECT * FROM attempts WHERE key=:key ORDER BY id", requests[0])
    return requests[0], attempts


def list_answers(db: sqlite3.Connection, filters: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Each request's raw answer, in the order of the requests: `sample` counts those of a kind."""
    answered = where(filters, "outcome IS NOT NULL", "body IS NOT NULL")
    query = f"{ANSWERS} {ATTEMPTS} {answered} GROUP BY key ORDER BY r.sample, latest"
    return _records(db, query, filters)


def _records(
    db: sqlite3.Connection, query: str, values: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    cursor = db.execute(query, values)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield dict(zip(names, row, strict=True))
