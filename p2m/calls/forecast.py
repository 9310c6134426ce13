"""What more calls will cost and take, from those that the ledger holds: a mean with its 95 % interval."""

import math
import sqlite3
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from p2m.calls.ledger import FILE
from p2m.calls.prices import NANO, Price
from p2m.stages import Estimate

LATEST = 200  # calls that a mean is taken over: prices and prompts change
MADE = "SELECT billed, seconds FROM attempts a JOIN requests r USING(key) WHERE outcome IS NOT NULL"
TYPICAL_INPUT, TYPICAL_OUTPUT = (
    1500,
    400,
)  # tokens of a call where none was made yet: instruction, ten samples; five short examples


@dataclass(frozen=True)
class Forecast:
    """Dollars and seconds for a number of calls, each (expected, low, high), from n calls that were really made."""

    usd: tuple[float, float, float]
    seconds: tuple[float, float, float]
    n: int


def per_call(folder: Path, endpoint: str, model: str, price: Price, concurrency: int) -> Estimate:
    """One call: as the latest of this model were, else a typical one at this price.  Milliseconds, and no more than a look at a file."""
    made = _made(folder, "endpoint=? AND r.model=?", (endpoint, model))
    if not made:
        return Estimate(1, price.nano(TYPICAL_INPUT, TYPICAL_OUTPUT) / NANO, None)
    return Estimate(
        1,
        statistics.mean(usd for usd, _ in made),
        statistics.mean(s for _, s in made) / concurrency,
    )


def forecast(folder: Path, run: str, calls: float, concurrency: int) -> Forecast | None:
    """What *calls* calls like those of *run* will cost and take, *concurrency* at once; None if it made fewer than two."""
    made = _made(folder, "run=?", (run,))
    if len(made) < 2:
        return None
    usd, seconds = (
        _total([usd for usd, _ in made], calls),
        _total([s / concurrency for _, s in made], calls),
    )
    return Forecast(usd, seconds, len(made))


def _made(folder: Path, where: str, values: tuple[str, ...]) -> list[tuple[float, float]]:
    """(dollars, seconds) of the latest answered calls."""
    if not (folder / FILE).is_file():
        return []
    query = f"{MADE} AND {where} ORDER BY a.id DESC LIMIT ?"
    try:
        db = sqlite3.connect(f"file:{folder / FILE}?mode=ro", uri=True, timeout=1)
        try:
            return [
                (billed / NANO, seconds or 0.0)
                for billed, seconds in db.execute(query, (*values, LATEST))
            ]
        finally:
            db.close()
    except sqlite3.Error:  # a ledger in use or broken: an estimate can do without, and the run itself will say what is wrong
        return []


def _total(each: Sequence[float], calls: float) -> tuple[float, float, float]:
    """(expected, low, high) of the sum of *calls* further draws: the mean's error and the draws' own spread."""
    n, mean, spread = len(each), statistics.mean(each), statistics.stdev(each)
    t = 1.96 + 2.5 / (n - 1)  # within 3 % of Student's quantile from n = 10 on
    reach = t * spread * math.sqrt(calls * calls / n + calls)
    return calls * mean, max(0.0, calls * mean - reach), calls * mean + reach
