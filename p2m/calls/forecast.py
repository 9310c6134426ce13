"""What calls have cost, and what more will cost and take: a mean with its 95 % interval."""

import contextlib
import math
import sqlite3
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from p2m.calls.account import read_charges
from p2m.calls.endpoint import Endpoint
from p2m.calls.ledger import FILE, open_ledger
from p2m.calls.prices import NANO
from p2m.stages import Estimate, Sizes

LATEST = 200  # calls that a mean is taken over: prices and prompts change
# tokens of a call where none was made yet: instruction and ten samples; five short examples
TYPICAL_INPUT, TYPICAL_OUTPUT = 1500, 400
ANSWERED = (
    "SELECT billed, seconds, output_tokens FROM attempts a JOIN requests r USING(key)"
    " WHERE outcome IS NOT NULL"
)


@dataclass(frozen=True)
class Forecast:
    """Each (expected, low, high), for a number of calls; from n calls that were really made."""

    usd: tuple[float, float, float]
    seconds: tuple[float, float, float]
    n: int


def spent(folder: Path, account: str) -> tuple[float, int]:
    """Dollars and calls that count against the caps of *account*."""
    if not (folder / FILE).is_file():
        return 0.0, 0
    with open_ledger(folder) as db:
        nano, calls = read_charges(db, account)
    return nano / NANO, calls


def per_call(folder: Path, endpoint: Endpoint, sizes: Sizes | None = None) -> Estimate:
    """One call of these *sizes*, else as the latest of this model were, else a typical one."""
    latest = _latest(folder, "endpoint=? AND r.model=?", (endpoint.address, endpoint.model))
    usd = endpoint.price.nano(*(sizes or (TYPICAL_INPUT, TYPICAL_OUTPUT))) / NANO
    if not latest:
        return Estimate(1, usd, None)
    if not sizes:
        usd = statistics.mean(usd for usd, _, _ in latest)
    seconds = sum(seconds for _, seconds, _ in latest) / endpoint.concurrency
    tokens = sum(tokens for _, _, tokens in latest)
    rate = tokens / seconds if tokens and seconds else None
    return Estimate(1, usd, seconds / len(latest), rate)


def forecast(folder: Path, run: str, calls: float, concurrency: int) -> Forecast | None:
    """What *calls* calls like those of *run* will cost and take, *concurrency* at once.

    None if it made fewer than two.
    """
    latest = _latest(folder, "run=?", (run,))
    if len(latest) < 2:
        return None
    usd = _total([usd for usd, _, _ in latest], calls)
    seconds = _total([seconds / concurrency for _, seconds, _ in latest], calls)
    return Forecast(usd, seconds, len(latest))


def _latest(folder: Path, where: str, values: tuple[str, ...]) -> list[tuple[float, float, int]]:
    """(dollars, seconds, tokens written) of the latest answered calls."""
    if not (folder / FILE).is_file():
        return []
    query = f"{ANSWERED} AND {where} ORDER BY a.id DESC LIMIT ?"
    read_only = f"file:{folder / FILE}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(read_only, uri=True, timeout=1)) as db:
            rows = db.execute(query, (*values, LATEST)).fetchall()
    except sqlite3.Error:  # in use or broken: an estimate can do without, and the run will say it
        return []
    return [(billed / NANO, seconds or 0.0, tokens or 0) for billed, seconds, tokens in rows]


def _total(each: Sequence[float], calls: float) -> tuple[float, float, float]:
    """(expected, low, high) of the sum of *calls* more: the mean's error and their own spread."""
    n, mean, spread = len(each), statistics.mean(each), statistics.stdev(each)
    t = 1.96 + 2.5 / (n - 1)  # within 3 % of Student's quantile from n = 10 on
    reach = t * spread * math.sqrt(calls * calls / n + calls)
    return calls * mean, max(0.0, calls * mean - reach), calls * mean + reach
