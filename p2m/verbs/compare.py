"""`p2m compare`: runs by configuration, and which of their differences are more than chance."""

import csv
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from p2m import runs
from p2m.errors import InputError, UserError
from p2m.text.printable import printable
from p2m.verbs._arguments import Arguments

if TYPE_CHECKING:
    from p2m.compare.table import Comparison


def main(argv: list[str]) -> int:
    """Prints the comparison; UsageError for a run that is not there or not complete."""
    args = _parser().parse_args(argv)
    folders = []
    for name in args.runs:
        folders += runs.find_jobs(name) or [runs.find(name, "compare")]
    from p2m.compare import groups, table, text

    comparison = table.compare([groups.read(folder) for folder in folders], args.metric, args.by)
    if comparison.fault:
        raise InputError(f"p2m compare: {comparison.fault}")
    if args.csv:
        _write(args.csv, comparison)
    if args.json:
        plain = asdict(comparison) | {"sentences": text.conclude(comparison)}
        sys.stdout.write(json.dumps(plain, ensure_ascii=False, indent=1) + "\n")
        return 0
    title = f"{len(folders)} runs, {comparison.n} examples, scores in per cent with 95 % intervals"
    text.show(comparison, title)
    for line in text.list_parted(comparison):
        sys.stdout.write(printable(line) + "\n")
    return 0


def _write(path: Path, comparison: "Comparison") -> None:
    """A row a configuration, shares of one."""
    rows = []
    for row in comparison.rows:
        cells = asdict(row) | {"metric": comparison.metric, "n": comparison.n}
        cells["runs"] = " ".join(row.runs)
        cells |= cells.pop("others")
        difference = cells.pop("difference") or {}
        rows.append(cells | {f"difference.{name}": difference[name] for name in difference})
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise UserError(f"p2m compare: cannot write {path} ({error.strerror})") from error


def _parser() -> Arguments:
    parser = Arguments(prog="p2m compare", description=__doc__, allow_abbrev=False)
    about = "folder or name of a complete run, latest, or that of a sweep, which is all its runs"
    parser.add_argument("runs", metavar="RUN|SWEEP", nargs="+", help=about)
    about = "group by this setting alone (generator.target, or a whole group, model)"
    parser.add_argument("--by", metavar="KEY", help=about)
    about = "the metric to compare (default: the first run's first)"
    parser.add_argument("--metric", help=about)
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the table there too")
    return parser
