"""`p2m calls`: what teachers were asked, what they answered, what it cost, and what to do about calls of unknown fate."""

import argparse
import contextlib
import gzip
import json
import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from p2m import teacher
from p2m.errors import UsageError, UserError

NANO = 10**9
LIST = """SELECT substr(key,1,12) key, datetime(started,'unixepoch') started, run, stage, r.model, state, COALESCE(outcome,'') outcome,
  input_tokens 'in', output_tokens 'out', billed/1e9 usd, ROUND(seconds,2) s, COALESCE(reason,'') reason
  FROM attempts a JOIN requests r USING(key)"""
OPEN = "SELECT a.id, account, reserved, outcome, reason, r.endpoint, r.model FROM attempts a JOIN requests r USING(key)"
BY = {
    "run": "run", "stage": "run || ' ' || stage", "model": "r.endpoint || ' ' || r.model", "account": "account",
    "outcome": "state || ' ' || COALESCE(outcome,'')", "day": "date(started,'unixepoch')",
}  # fmt: skip
COST = """SELECT {by} AS what, COUNT(*) attempts, SUM(outcome='ok') ok, SUM(outcome IS NOT NULL AND outcome<>'ok') rejected,
  SUM(state='void') unbilled, SUM(state='open') unknown, SUM(input_tokens) 'in', SUM(output_tokens) 'out', SUM(billed)/1e9 usd,
  SUM(CASE state WHEN 'open' THEN billed ELSE 0 END)/1e9 unknown_usd FROM attempts a JOIN requests r USING(key)"""
EXPORT = """SELECT a.id, key, r.endpoint, r.model, r.messages, r.params, r.schema, r.sample, state, account, run, stage, started, seconds,
  status, outcome, reason, a.model model_answered, input_tokens, output_tokens, reserved, billed, sha256, body
  FROM attempts a JOIN requests r USING(key)"""
FILTERS = {
    "run": "run",
    "stage": "stage",
    "account": "account",
    "outcome": "outcome",
    "state": "state",
    "model": "r.model",
    "endpoint": "r.endpoint",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}\n{self.format_usage().strip()}")


def main(argv: Sequence[str]) -> int:
    """Runs `p2m calls <argv>`; the exit code.  Raises UsageError and UserError."""
    options = _parser().parse_args(list(argv))
    with contextlib.closing(teacher.ledger(options.calls)) as db, teacher.told(options.calls):
        db.row_factory = sqlite3.Row
        try:
            options.do(db, options)
        except (
            ValueError,
            TypeError,
            AttributeError,
            OverflowError,
        ) as error:  # SQLite checks pages, not what stands in them
            raise UserError(
                f"{options.calls}: a record of the ledger cannot be read ({error}); restore a copy of it"
            ) from error
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="p2m calls", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=_Parser)
    for name, do, about in (
        ("list", _list, "the latest calls, one line each"),
        ("show", _show, "all attempts of one call, with its messages and answers"),
        ("cost", _cost, "sums of calls, tokens and dollars"),
        (
            "reconcile",
            _reconcile,
            "calls of unknown fate: show them, or settle them by the provider's bill",
        ),
        ("export", _export, "every attempt as a JSON object a line"),
    ):
        verb = verbs.add_parser(name, help=about, description=about)
        verb.set_defaults(do=do)
        verb.add_argument(
            "--calls",
            type=Path,
            default=Path("outputs/calls"),
            help="folder of the ledger (default: %(default)s)",
        )
        for field in FILTERS:
            verb.add_argument(f"--{field}", help=f"only calls of this {field}")
        if name == "list":
            verb.add_argument("--limit", type=int, default=20, help="lines (default: %(default)s)")
        elif name == "show":
            verb.add_argument("key", help="the call's key or its beginning, as in list")
        elif name == "cost":
            verb.add_argument(
                "--by", choices=BY, default="stage", help="what to sum by (default: %(default)s)"
            )
        elif name == "export":
            verb.add_argument(
                "file",
                type=Path,
                nargs="?",
                help=".jsonl or .jsonl.gz; without it to standard output",
            )
        elif name == "reconcile":
            settle = verb.add_mutually_exclusive_group()
            settle.add_argument(
                "--unbilled", action="store_true", help="the provider billed none of them"
            )
            settle.add_argument(
                "--billed",
                action="store_true",
                help="the provider billed all of them, at most what was reserved",
            )
            settle.add_argument(
                "--total",
                type=float,
                metavar="USD",
                help="what the provider billed for them together",
            )
    return parser


def _where(options: argparse.Namespace, *more: str) -> tuple[str, list[str]]:
    """The WHERE clause of the filters given, and its values."""
    given = {
        column: getattr(options, name)
        for name, column in FILTERS.items()
        if getattr(options, name) is not None
    }
    parts = [*more, *(f"{column}=?" for column in given)]
    return (" WHERE " + " AND ".join(parts) if parts else ""), list(given.values())


def _list(db: sqlite3.Connection, options: argparse.Namespace) -> None:
    where, values = _where(options)
    rows = db.execute(
        f"{LIST}{where} ORDER BY a.id DESC LIMIT ?", [*values, options.limit]
    ).fetchall()
    _table(
        rows[::-1],
        [
            "key",
            "started",
            "run",
            "stage",
            "model",
            "state",
            "outcome",
            "in",
            "out",
            "usd",
            "s",
            "reason",
        ],
    )


def _show(db: sqlite3.Connection, options: argparse.Namespace) -> None:
    keys = [
        row[0]
        for row in db.execute(
            "SELECT key FROM requests WHERE substr(key,1,?)=? LIMIT 3",
            (len(options.key), options.key),
        )
    ]
    if len(keys) != 1:
        raise UserError(
            f"{'no call has' if not keys else 'several calls have'} a key that begins with '{options.key}'; see p2m calls list"
        )
    asked = db.execute("SELECT * FROM requests WHERE key=?", keys).fetchone()
    _say(
        f"key       {asked['key']}\nendpoint  {asked['endpoint']}\nmodel     {asked['model']}\nparams    {asked['params']}"
    )
    _say(f"sample    {asked['sample']}\nschema    {asked['schema'] or 'none'}")
    for message in json.loads(asked["messages"]):
        _say(f"--- {message['role']}\n{message['content']}")
    for row in db.execute("SELECT * FROM attempts WHERE key=? ORDER BY id", keys):
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(row["started"]))
        _say(
            f"=== attempt {row['id']}, {when} UTC, {row['run']} {row['stage']}: {row['state']} {row['outcome'] or ''} {row['reason'] or ''}"
        )
        _say(
            f"    reserved ${row['reserved'] / NANO:.6f}, billed ${row['billed'] / NANO:.6f}, HTTP {row['status']}, {row['seconds']} s"
        )
        _say("" if row["body"] is None else row["body"][:20_000].decode(errors="replace"))


def _cost(db: sqlite3.Connection, options: argparse.Namespace) -> None:
    where, values = _where(options)
    rows = db.execute(
        f"{COST.format(by=BY[options.by])}{where} GROUP BY what ORDER BY MIN(a.id)", values
    ).fetchall()
    total = db.execute(f"{COST.format(by=repr('total'))}{where}", values).fetchall()
    _table(
        [*rows, *total],
        [
            "what",
            "attempts",
            "ok",
            "rejected",
            "unbilled",
            "unknown",
            "in",
            "out",
            "usd",
            "unknown_usd",
        ],
    )


def _reconcile(db: sqlite3.Connection, options: argparse.Namespace) -> None:
    """An open call stays charged at its reservation; the provider's own bill is the only one who knows better."""
    where, values = _where(options, "state='open'")
    rows = db.execute(f"{OPEN}{where}", values).fetchall()
    reserved = sum(row["reserved"] for row in rows)
    if not (options.unbilled or options.billed or options.total is not None):
        _open_calls(rows, reserved)
        return
    total = (
        {True: 0, False: reserved}[options.unbilled]
        if options.total is None
        else round(options.total * NANO)
    )
    if not 0 <= total <= reserved:
        raise UserError(
            f"--total must lie between 0 and the ${reserved / NANO:.6f} that was reserved for these {len(rows)} calls, got {options.total}"
        )
    _settle(db, rows, reserved, total)
    _say(
        f"{len(rows)} calls settled: ${total / NANO:.6f} of ${reserved / NANO:.6f} billed; the rest is free to spend again."
    )


def _open_calls(rows: list[sqlite3.Row], reserved: int) -> None:
    _say(
        f"{len(rows)} calls of unknown fate (timeouts, lost connections, server errors, kills) are charged at ${reserved / NANO:.6f}."
    )
    groups: dict[tuple[str, str, str], list[int]] = {}
    for row in rows:
        groups.setdefault((row["endpoint"], row["model"], (row["reason"] or "")[:60]), []).append(
            row["reserved"]
        )
    table = [
        {"endpoint": e, "model": m, "reason": r, "calls": len(n), "usd": sum(n) / NANO}
        for (e, m, r), n in groups.items()
    ]
    _table(table, ["endpoint", "model", "reason", "calls", "usd"])
    _say(
        "Look at the provider's bill, then: p2m calls reconcile --unbilled | --billed | --total USD (and --endpoint, --run ... to choose)."
    )


def _settle(db: sqlite3.Connection, rows: list[sqlite3.Row], reserved: int, total: int) -> None:
    """Shares *total* among the calls as they were reserved; a call that got no answer and no bill is no call."""
    db.execute("BEGIN IMMEDIATE")
    left, weight = total, reserved
    for row in rows:
        billed = left * row["reserved"] // weight if weight else 0
        left, weight = left - billed, weight - row["reserved"]
        state = "paid" if row["outcome"] is not None else "lost" if billed else "void"
        db.execute("UPDATE attempts SET state=?, billed=? WHERE id=?", (state, billed, row["id"]))
        gone = (row["reserved"] - billed, state == "void", row["account"])
        db.execute("UPDATE accounts SET nano=nano-?, calls=calls-? WHERE account=?", gone)
    db.execute("COMMIT")


def _export(db: sqlite3.Connection, options: argparse.Namespace) -> None:
    where, values = _where(options)
    lines = (
        json.dumps(_plain(row), ensure_ascii=False) + "\n"
        for row in db.execute(f"{EXPORT}{where} ORDER BY a.id", values)
    )
    if options.file is None:
        sys.stdout.writelines(lines)
        return
    opener = gzip.open if options.file.suffix == ".gz" else open
    try:
        with opener(options.file, "wt", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
    except OSError as error:
        raise UserError(
            f"cannot write {options.file} ({error.strerror}); name a file in a folder that you may write to"
        ) from error


def _plain(row: sqlite3.Row) -> dict[str, Any]:
    """One attempt for JSON: money in dollars, what is JSON as JSON, the raw body as text."""
    record: dict[str, Any] = dict(row)
    for name in ("messages", "params", "schema"):
        record[name] = None if record[name] is None else json.loads(record[name])
    record |= {
        "reserved_usd": record.pop("reserved") / NANO,
        "billed_usd": record.pop("billed") / NANO,
    }
    record["body"] = None if row["body"] is None else row["body"].decode(errors="replace")
    return record


def _table(rows: Sequence[Any], columns: list[str]) -> None:
    cells = [columns, *([_cell(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        _say(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        )


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6f}"
    text = "" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
