"""How often the intervals of a report, and the verdicts of `p2m compare`, are right.

Simulated answers, whose true scores are known: writes results.csv beside this file.
"""

import csv
from pathlib import Path

import numpy as np

from p2m.compare import _statistics as statistics
from p2m.evaluator._bootstrap import Bootstrap
from p2m.metric.exact_match import ExactMatch

SETS = 1000
DIFFICULTY = 2.0  # spread of the examples' difficulty, in logits
# of two students that differ by chance: true score, n, seeds of each, spread of seeds in logits
PAIRS = [(score, n, 1, 0.0) for score in (0.5, 0.9, 0.97) for n in (50, 300)]
PAIRS += [(0.7, 300, seeds, spread) for seeds in (2, 3) for spread in (0.0, 0.5)]
HERE = Path(__file__).parent


def report_coverage(score: float, n: int) -> float:
    """Share of test sets whose interval of an exact match in the report holds the true score."""
    rng = np.random.default_rng(0)
    held = 0
    for i in range(SETS):
        predictions = np.where(rng.random(n) < score, "y", "n").tolist()
        result = Bootstrap(1000, 0.95, i).score(ExactMatch(), predictions, [["y"]] * n)
        held += result.low <= score <= result.high
    return held / SETS


def offset_of(score: float, spread: float = 0.0) -> float:
    """The logit at which students have this mean score over all examples and seeds."""
    difficulty = np.random.default_rng(1).normal(0, np.hypot(DIFFICULTY, spread), 100_000)
    low, high = -10.0, 15.0
    for _ in range(40):
        middle = (low + high) / 2
        reached = (1 / (1 + np.exp(-middle - difficulty))).mean()
        low, high = (middle, high) if reached < score else (low, middle)
    return low


def draw(rng, offset: float, students: int, n: int, seeds: int, spread: float):
    """(students, seeds, n) right answers: examples are as difficult for all of them."""
    difficulty = rng.normal(0, DIFFICULTY, n)
    own = rng.normal(0, spread, (students, seeds, 1)) if spread else np.zeros((students, seeds, 1))
    chance = 1 / (1 + np.exp(-offset - difficulty - own))
    return (rng.random(chance.shape) < chance) * 1.0


def null_pairs(score: float, n: int, seeds: int, spread: float) -> tuple[float, float, float]:
    """Of pairs told apart, differences' intervals that hold 0, and own ones that hold the score."""
    rng, offset = np.random.default_rng(0), offset_of(score, spread)
    wrong = held = own = 0
    for _ in range(SETS):
        one, other = draw(rng, offset, 2, n, seeds, spread)
        low, high, p = statistics.difference(one, other)
        wrong += p < 0.05
        held += low <= 0 <= high
        if seeds > 1:
            low, high = statistics.mean_interval([], one)
            own += low <= score <= high
    return wrong / SETS, held / SETS, own / SETS


def detectable() -> float:
    """Share of true differences, as large as `would show` says, that are shown: 300 examples."""
    rng, offset = np.random.default_rng(0), offset_of(0.7)
    [one], [other] = draw(rng, offset, 2, 300, 1, 0.0)
    low, high, _ = statistics.difference(one[None], other[None])
    better = offset_of(0.7 + statistics.smallest_shown(low, high, 300))
    shown = 0
    for _ in range(SETS):
        difficulty = rng.normal(0, DIFFICULTY, 300)
        chances = [1 / (1 + np.exp(-o - difficulty)) for o in (better, offset)]
        one, other = [(rng.random((1, 300)) < chance) * 1.0 for chance in chances]
        shown += statistics.difference(one, other)[2] < 0.05
    return shown / SETS


def main() -> None:
    rows = []

    def note(figure: str, value: float, *about) -> None:
        rows.append([figure, *about, *[""] * (4 - len(about)), value])
        print(*rows[-1], flush=True)

    for n in (50, 300):
        for score in (0.5, 0.9, 0.99, 1.0):
            note("exact_match: interval of a report holds", report_coverage(score, n), score, n)
    for pair in PAIRS:
        wrong, held, own = null_pairs(*pair)
        note("null pairs told apart", wrong, *pair)
        note("null pairs whose interval holds 0", held, *pair)
        if pair[2] > 1:
            note("configurations whose interval holds their score", own, *pair)
    note("differences of `would show` that are shown", detectable(), 0.7, 300, 1, 0.0)
    with (HERE / "results.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["figure", "true score", "n", "seeds", "spread of seeds", "share"])
        writer.writerows(rows)


if __name__ == "__main__":
    main()
