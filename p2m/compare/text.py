"""A comparison for people: a table, what can be claimed, and the examples behind it."""

import sys

from rich.console import Console
from rich.table import Table

from p2m.compare.table import Comparison, Difference, Row
from p2m.text.printable import printable, shorten

LEVEL = 0.05  # of chance, for a difference that is said to be there
WIDTH = 160  # of a table that goes into a file
CELL = 70  # of an example's text
ONE_SEED = "(!)"


def show(comparison: Comparison, title: str) -> None:
    """The table and what it says, on standard output."""
    width = None if sys.stdout.isatty() else WIDTH
    console = Console(highlight=False, markup=False, emoji=False, width=width)
    console.print(_table(comparison, title))
    for line in conclude(comparison):
        console.print(printable(line), soft_wrap=True)


def conclude(comparison: Comparison) -> list[str]:
    """What can be claimed, in words, and what it rests on."""
    if comparison.fault:
        return [f"No differences: {comparison.fault}."]
    if len(comparison.rows) == 1:
        return ["One configuration: there is nothing to compare it with."]
    first, *others = comparison.rows
    lines = [_claim(comparison)]
    if len(others) > 1:
        shown = [row for row in others if row.difference and row.difference.p < LEVEL]
        better = sum(row.value > first.value for row in shown)
        lines.append(
            f"Of {len(others)} configurations {better} are shown to be better than"
            f" {first.label}, {len(shown) - better} to be worse."
        )
    single = sum(row.seeds == 1 for row in comparison.rows)
    if single:
        lines.append(
            f"{ONE_SEED} Of one seed only, {single} of {len(comparison.rows)}: what is said is"
            " about the students that were trained, and other seeds may turn it round."
            " Train more, seed=0,1,2."
        )
    return lines


def list_parted(comparison: Comparison) -> list[str]:
    """The examples on which the best configuration and the first part."""
    lines = ["Where they part most:"] if comparison.parted else []
    for example in comparison.parted:
        wanted = shorten(" | ".join(example.outputs), CELL)
        lines.append(f"  {shorten(example.input, CELL)}  ->  {wanted}")
        for label, prediction in example.predictions.items():
            lines.append(f"    {label}: {shorten(prediction, CELL)}")
    return lines


def _claim(comparison: Comparison) -> str:
    first, best = comparison.rows[0].label, comparison.best
    difference = best.difference
    assert difference is not None
    points = (
        f"{100 * abs(difference.value):.1f} points"
        f" (interval of the difference {_interval(difference)}, p = {difference.p:.2g})"
    )
    if difference.p < LEVEL:
        order = "better" if difference.value > 0 else "worse"
        return f"{best.label} is {order} than {first}, by {points}."
    return (
        f"No difference is shown between {best.label} and {first}: {points};"
        f" {comparison.n} examples would show one of {100 * difference.detectable:.1f} points"
        " 8 times in 10."
    )


def _table(comparison: Comparison, title: str) -> Table:
    table = Table(title=title, title_justify="left")
    metrics = dict.fromkeys(name for row in comparison.rows for name in row.others)
    names = ["configuration", "seeds", comparison.metric, *metrics]
    names += ["less the first", "p", "would show", "train", "seconds", "dollars"]
    for name in names:
        table.add_column(name, overflow="fold")
    for row in comparison.rows:
        others = [_per_cent(row.others[name]) if name in row.others else "-" for name in metrics]
        cells = ["-", "-", "-"]
        if row.difference:
            value = f"{100 * row.difference.value:+.1f} {_interval(row.difference)}"
            cells = [value, f"{row.difference.p:.2g}", _per_cent(row.difference.detectable)]
        table.add_row(
            printable(row.label),
            f"{row.seeds} {ONE_SEED}" if row.seeds == 1 else str(row.seeds),
            f"{_per_cent(row.value)} {_interval(row)}",
            *others,
            *cells,
            f"{row.train:.0f}",
            f"{row.seconds:.1f}",
            f"{row.usd:.2f}",
        )
    return table


def _interval(what: Row | Difference) -> str:
    return f"[{_per_cent(what.low)}, {_per_cent(what.high)}]"


def _per_cent(share: float) -> str:
    return f"{100 * share:.1f}"
