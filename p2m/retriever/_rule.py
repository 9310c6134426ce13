"""Which columns serve the task where no teacher says: those whose values have the form of the demonstrations."""

import math
import re
from collections.abc import Iterator, Sequence
from itertools import permutations

from p2m.artifacts import TaskSpec
from p2m.retriever._columns import Columns, Rows
from p2m.text.language import SURE, language_of

LABELLED = 0.9  # share of a column's values that must be labels of the task; the rest is dropped row by row
ALIKE = 0.55  # least likeness; with any 6 examples of a bundled task its own set reaches 0.56 or more, no other set of its folder 0.1
JOINED = 2  # columns that may make an input together: more are guesses, and their number grows as a power
UNUSUAL = 0.1  # by how much two input columns must be liker than one, and an output that stands left of its input than one to the right
COMMON = 0.5  # share of values that must be written as some demonstration is; a handful of these never shows every form
_SCALES = (
    2.0,
    2.0,
    0.3,
    0.3,
    0.3,
    0.3,
)  # difference at which two means are wholly unlike: a factor of 4 in length, 30 points in a share
_OVERLAP = 0.5  # difference in the share of an output's words that stand in its input: copying and rewriting are other tasks


def fitting(task: TaskSpec, columns: Sequence[str], rows: Rows) -> Columns | None:
    """The likest columns, ties to fewer and earlier ones; None if none is like enough or the task shows no example to go by."""
    if not task.demonstrations or not rows:
        return None
    scored = [
        (_likeness(task, found, rows) - _unusual(found, columns), found)
        for found in _possible(task, columns, rows)
    ]
    best = max(scored, key=lambda pair: pair[0], default=(0.0, None))  # the first of equals
    return best[1] if best[0] >= ALIKE else None


def _possible(task: TaskSpec, columns: Sequence[str], rows: Rows) -> Iterator[Columns]:
    outputs = [
        name
        for name in columns
        if _output_likeness(task, [row[name] or "" for row in rows]) >= ALIKE
    ]
    for size in range(1, JOINED + 1):
        for output in outputs:
            yield from (
                Columns(inputs, output)
                for inputs in permutations([c for c in columns if c != output], size)
            )


def _unusual(found: Columns, columns: Sequence[str]) -> float:
    """What form alone cannot tell: most tables hold the input in one column, and the output after it."""
    before = any(columns.index(found.output) < columns.index(name) for name in found.inputs)
    return UNUSUAL * (len(found.inputs) - 1 + before)


def _likeness(task: TaskSpec, found: Columns, rows: Rows) -> float:
    shown = [(d.input, d.output) for d in task.demonstrations]
    pairs = [(found.input_of(row) or "", row[found.output] or "") for row in rows]
    inputs = [i for i, _ in pairs]
    if (
        _another_language(inputs, task.input_language)
        or abs(_copied(shown) - _copied(pairs)) > _OVERLAP
    ):
        return 0.0
    if _same_opening([i for i, _ in shown], inputs) < COMMON:
        return 0.0
    return min(_output_likeness(task, [o for _, o in pairs]), _alike([i for i, _ in shown], inputs))


def _output_likeness(task: TaskSpec, values: Sequence[str]) -> float:
    if task.labels:
        labels = {label.casefold() for label in task.labels}
        share = sum(value.strip().casefold() in labels for value in values) / len(values)
        return share if share >= LABELLED else 0.0
    shown = [d.output for d in task.demonstrations]
    strange = (
        _another_language(values, task.output_language) or _same_pattern(shown, values) < COMMON
    )
    return 0.0 if strange else _alike(shown, values)


def _alike(shown: Sequence[str], values: Sequence[str]) -> float:
    """Mean over the values of how near each comes to the demonstration that is nearest to it in form.

    Not the distance of means: tasks with answers of several forms have a mean that no answer is near to, and few demonstrations shift it.
    """
    known = [_features(text) for text in set(shown)]
    return sum(max(_near(_features(value), one) for one in known) for value in values) / len(values)


def _near(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """1 for equal features, 0 as soon as one is wholly unlike."""
    return max(
        0.0, 1 - max(abs(a - b) / scale for a, b, scale in zip(one, other, _SCALES, strict=True))
    )


def _features(text: str) -> tuple[float, ...]:
    """Length and words as powers of two; shares of digits, capitals, signs and non-ASCII characters."""
    n = max(len(text), 1)
    kinds = (
        str.isdigit,
        str.isupper,
        lambda c: not (c.isalnum() or c.isspace()),
        lambda c: not c.isascii(),
    )
    return (
        math.log2(len(text) + 1),
        math.log2(len(text.split()) + 1),
        *(sum(map(kind, text)) / n for kind in kinds),
    )


def _same_pattern(shown: Sequence[str], values: Sequence[str]) -> float:
    """Share of values written in a pattern of the demonstrations, where these have patterns at all; 1 for outputs that are plain words."""
    patterns = {pattern(text) for text in shown}
    if (
        sum(re.fullmatch(r"a( a)*", pattern(text)) is None for text in shown) * 2 < len(shown)
        or len(patterns) * 2 > len(shown) + 2
    ):
        return 1.0
    return sum(pattern(value) in patterns for value in values) / len(values)


def _same_opening(shown: Sequence[str], values: Sequence[str]) -> float:
    """Share of values that begin with the sign that all demonstrations begin with, such as a bracket; 1 where these have none in common."""
    signs = {text[:1] for text in shown}
    if len(signs) > 1 or any(sign.isalnum() or not sign for sign in signs):
        return 1.0
    return sum(value[:1] in signs for value in values) / len(values)


def pattern(text: str) -> str:
    """`2024-03-16` as `9999-99-99`, `N/A` as `a/a`: digits one by one, letters by the run."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d", "9", " ".join(text.split())))


def _copied(pairs: Sequence[tuple[str, str]]) -> float:
    """Mean share of the output's words that stand in the input."""
    split = [(set(i.casefold().split()), o.casefold().split()) for i, o in pairs]
    shares = [sum(word in known for word in words) / max(len(words), 1) for known, words in split]
    return sum(shares) / len(shares)


def _another_language(texts: Sequence[str], wanted: str) -> bool:
    spoken = language_of("\n".join(texts[:50]), SURE)
    return "und" not in {wanted, spoken} and wanted != spoken
