"""`p2m calls`: what teachers were asked, answered and paid, and calls of unknown fate."""

import argparse
import json
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from p2m.calls import listing, reconcile
from p2m.calls.completion import judge, parse
from p2m.calls.ledger import open_ledger
from p2m.calls.prices import NANO
from p2m.calls.probe import PROBE
from p2m.errors import UserError
from p2m.recording import Header, Record, digest_of, kind_of, write
from p2m.stages import Request
from p2m.text.printable import printable
from p2m.verbs._arguments import Arguments

LONGEST_CELL = 60
LONGEST_BODY = 20_000


def main(argv: Sequence[str]) -> int:
    """Runs `p2m calls <argv>`; the exit code.  Raises UsageError and UserError."""
    options = _parser().parse_args(list(argv))
    options.filters = {}
    for name in listing.FILTERS:
        value = getattr(options, name)
        if value is not None:
            options.filters[name] = value
    with open_ledger(options.calls) as db:
        try:
            options.do(db, options)
        # SQLite checks pages, not what stands in them
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise UserError(
                f"{options.calls}: a record of the ledger cannot be read ({error});"
                " restore a copy of it"
            ) from error
    return 0


def _parser() -> Arguments:
    parser = Arguments(prog="p2m calls", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)

    def add(name: str, do: Any, about: str) -> argparse.ArgumentParser:
        verb = verbs.add_parser(name, help=about, description=about)
        verb.set_defaults(do=do)
        about_calls = "folder of the ledger (default: %(default)s)"
        verb.add_argument("--calls", type=Path, default=Path("outputs/calls"), help=about_calls)
        for field in listing.FILTERS:
            verb.add_argument(f"--{field}", help=f"only calls of this {field}")
        return verb

    verb = add("list", _list, "the latest calls, one line each")
    verb.add_argument("--limit", type=int, default=20, help="lines (default: %(default)s)")
    verb = add("show", _show, "all attempts of one call, with its messages and answers")
    verb.add_argument("key", help="the call's key or its beginning, as in list")
    verb = add("cost", _cost, "sums of calls, tokens and dollars")
    about = "what to sum by (default: %(default)s)"
    verb.add_argument("--by", choices=listing.GROUPS, default="stage", help=about)
    about = "calls of unknown fate: show them, or settle them by the provider's bill"
    settle = add("reconcile", _reconcile, about).add_mutually_exclusive_group()
    about = "the provider billed none of them"
    settle.add_argument("--unbilled", dest="total", action="store_const", const=0.0, help=about)
    about = "the provider billed all of them, at what they are charged"
    settle.add_argument("--billed", action="store_true", help=about)
    about = "what the provider billed for them together"
    settle.add_argument("--total", type=float, metavar="USD", help=about)
    about = "what the provider billed for all calls, those of known fate too"
    settle.add_argument("--bill", type=float, metavar="USD", help=about)
    about = "raw answers to one prompt as a recording, which teacher=recorded replays"
    verb = add("export", _export, about)
    verb.add_argument("file", type=Path, help="ends in .jsonl, .jsonl.gz or .jsonl.xz")
    return parser


def _list(db: sqlite3.Connection, options: argparse.Namespace) -> None:
    _print(listing.list_latest(db, options.filters, options.limit))


def _show(db: sqlite3.Connection, options: argparse.Namespace) -> None:
    request, attempts = listing.read_call(db, options.key)
    for name in ("key", "endpoint", "model", "params", "sample", "schema"):
        value = request[name]
        _say(f"{name:<9} {'none' if value is None else value}")
    for message in json.loads(request["messages"]):
        _say(f"--- {message['role']}\n{message['content']}")
    for row in attempts:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(row["started"]))
        what = f"{row['state']} {row['outcome'] or ''} {row['reason'] or ''}"
        _say(f"=== attempt {row['id']}, {when} UTC, {row['run']} {row['stage']}: {what}")
        money = f"reserved ${row['reserved'] / NANO:.6f}, billed ${row['billed'] / NANO:.6f}"
        _say(f"    {money}, HTTP {row['status']}, {row['seconds']} s")
        _say((row["body"] or b"")[:LONGEST_BODY].decode(errors="replace"))


def _cost(db: sqlite3.Connection, options: argparse.Namespace) -> None:
    _print(listing.sum_cost(db, options.filters, options.by))


def _reconcile(db: sqlite3.Connection, options: argparse.Namespace) -> None:
    """Only the provider's own bill knows better than the reservation."""
    calls = reconcile.find_open(db, options.filters)
    n, charged = len(calls.attempts), f"${calls.charged / NANO:.6f}"
    given = f"got {options.total}"
    if options.bill is not None:
        known = reconcile.sum_known(db, options.filters) / NANO
        options.total = round(options.bill - known, 9)
        given = f"got {options.total} (--bill less ${known:.6f} for calls whose bill is known)"
    if options.total is None and not options.billed:
        _say(
            f"{n} calls of unknown fate (timeouts, lost connections, server errors, kills)"
            f" are charged at {charged}."
        )
        _print(reconcile.list_open(db, options.filters))
        _say(
            "Look at the provider's bill, then: p2m calls reconcile --unbilled | --billed"
            " | --total USD | --bill USD (and --day, --endpoint, --run ... to choose)."
        )
        return
    total = calls.charged if options.billed else options.total * NANO
    if not 0 <= total <= calls.charged:
        raise UserError(
            f"--total must lie between 0 and the {charged} that these {n} calls are charged,"
            f" {given}"
        )
    reconcile.settle_open(db, calls, round(total))
    _say(
        f"{n} calls settled: ${total / NANO:.6f} of {charged} billed;"
        " the rest is free to spend again."
    )


def _export(db: sqlite3.Connection, options: argparse.Namespace) -> None:
    rows = list(listing.list_answers(db, options.filters))
    prompts = {row["account"] for row in rows}
    if not rows:
        raise UserError("there is no such answer; see p2m calls list")
    if len(prompts) > 1:
        names = ", ".join(sorted(prompts))
        raise UserError(f"these answers are to several prompts ({names}); choose one, --account")
    models = ", ".join(sorted({row["model"] for row in rows}))
    date = time.strftime("%Y-%m-%d", time.gmtime(max(row["started"] for row in rows)))
    runs = ", ".join(sorted({row["run"] for row in rows}))
    usd = sum(row["billed"] for row in rows) / NANO
    header = Header(models, prompts.pop(), date, f"run {runs}", usd)
    records = list(_records(rows))
    try:
        write(options.file, header, records)
    except OSError as error:
        raise UserError(
            f"cannot write {options.file} ({error.strerror}); name a file in a folder you may"
            " write to"
        ) from error
    _say(f"{len(records)} answers of {models}: teacher=recorded prompt.recording={options.file}")


def _records(rows: Sequence[dict[str, Any]]) -> Iterator[Record]:
    """Less the answer to the probe, which is about a server.

    A text that reads well and was not taken (cut off by a filter, of another model) is left empty.
    """
    for row in rows:
        schema = json.loads(row["schema"] or "null")
        request = Request(tuple(json.loads(row["messages"])), 0.0, 0, schema)
        text = parse(row["body"], request).text
        if row["outcome"] != "ok" and judge(text, request)[0] == "ok":
            text = ""
        if kind_of(request) != kind_of(PROBE):
            yield Record(kind_of(request), digest_of(request), text)


def _print(table: listing.Table) -> None:
    rows = [table.columns, *([_cell(value) for value in row] for row in table.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        _say("  ".join(cells).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6f}"
    text = "" if value is None else printable(str(value)).replace("\n", " ")
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 3] + "..."


def _say(text: str) -> None:
    sys.stdout.write(printable(text) + "\n")
