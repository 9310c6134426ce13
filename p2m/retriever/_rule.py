"""Which columns serve the task where no teacher says: those formed as the demonstrations are."""

import math
import re
from collections.abc import Iterator, Sequence
from itertools import permutations

from p2m.artifacts import TaskSpec
from p2m.retriever._columns import Columns, Row
from p2m.text.language import SURE, UNKNOWN, language_of
from p2m.text.same import LabelSet

# share of a column's values that must be labels of the task; the rest is dropped row by row
LABELLED = 0.9
# least likeness; with any 6 examples of a bundled task its own set reaches 0.56 or more, no other
# set of its folder 0.1
ALIKE = 0.55
# columns that may make an input together: more are guesses, and their number grows as a power
JOINED = 2
# by how much two input columns must be liker than one, and an output that stands left of its input
# than one to the right
UNUSUAL = 0.1
# share of values that must be written as some demonstration is; a handful of these never shows
# every form
COMMON = 0.5
# difference in the share of an output's words that stand in its input: copying and rewriting are
# other tasks
_OVERLAP = 0.5
# difference at which two features are wholly unlike: a factor of 4 in length and in words, 30
# points in a share (see _features)
_SCALES = (2.0, 2.0, 0.3, 0.3, 0.3, 0.3)


def fit_columns(task: TaskSpec, columns: Sequence[str], rows: Sequence[Row]) -> Columns | None:
    """The likest columns, ties to fewer and earlier ones.

    None if none is like enough or the task shows no example to go by.
    """
    if not task.demonstrations or not rows:
        return None
    best, best_score = None, 0.0
    for choice in _choices(task, columns, rows):
        score = _likeness(task, choice, rows) - _oddity(choice, columns)
        if score > best_score:
            best, best_score = choice, score
    return best if best_score >= ALIKE else None


def _choices(task: TaskSpec, columns: Sequence[str], rows: Sequence[Row]) -> Iterator[Columns]:
    outputs = [name for name in columns if _output_likeness(task, _values(name, rows)) >= ALIKE]
    for size in range(1, JOINED + 1):
        for output in outputs:
            for inputs in permutations(columns, size):
                if output not in inputs:
                    yield Columns(inputs, output)


def _values(column: str, rows: Sequence[Row]) -> list[str]:
    return [row[column] or "" for row in rows]


def _oddity(choice: Columns, columns: Sequence[str]) -> float:
    """What form alone cannot tell: most tables hold one column of inputs, the outputs after it."""
    output = columns.index(choice.output)
    before = any(output < columns.index(name) for name in choice.inputs)
    return UNUSUAL * (len(choice.inputs) - 1 + before)


def _likeness(task: TaskSpec, choice: Columns, rows: Sequence[Row]) -> float:
    example_inputs = [d.input for d in task.demonstrations]
    example_outputs = [d.output for d in task.demonstrations]
    inputs = [choice.input_of(row) or "" for row in rows]
    outputs = _values(choice.output, rows)
    copied = _copied_share(example_inputs, example_outputs)
    if abs(copied - _copied_share(inputs, outputs)) > _OVERLAP:
        return 0.0
    if _is_foreign(inputs, task.input_language) or _same_opening(example_inputs, inputs) < COMMON:
        return 0.0
    return min(_output_likeness(task, outputs), _alike(example_inputs, inputs))


def _output_likeness(task: TaskSpec, values: Sequence[str]) -> float:
    if task.labels:
        labels = LabelSet(task.labels)
        share = sum(labels.find(value) is not None for value in values) / len(values)
        return share if share >= LABELLED else 0.0
    outputs = [d.output for d in task.demonstrations]
    if _is_foreign(values, task.output_language) or _same_pattern(outputs, values) < COMMON:
        return 0.0
    return _alike(outputs, values)


def _alike(examples: Sequence[str], values: Sequence[str]) -> float:
    """Mean over the values of how near each comes to the example nearest to it in form.

    Not the distance of means: tasks with answers of several forms have a mean that no answer is
    near to, and few demonstrations shift it.
    """
    known = [_features(text) for text in set(examples)]
    nearness = 0.0
    for value in values:
        features = _features(value)
        nearness += max(_nearness(features, one) for one in known)
    return nearness / len(values)


def _nearness(one: Sequence[float], other: Sequence[float]) -> float:
    """1 for equal features, 0 as soon as one is wholly unlike."""
    gaps = [abs(a - b) / scale for a, b, scale in zip(one, other, _SCALES, strict=True)]
    return max(0.0, 1 - max(gaps))


def _features(text: str) -> tuple[float, ...]:
    """Length and words as powers of two; shares of digits, capitals, signs and non-ASCII."""
    n = max(len(text), 1)
    signs = sum(not (c.isalnum() or c.isspace()) for c in text)
    return (
        math.log2(len(text) + 1),
        math.log2(len(text.split()) + 1),
        sum(map(str.isdigit, text)) / n,
        sum(map(str.isupper, text)) / n,
        signs / n,
        sum(not c.isascii() for c in text) / n,
    )


def _same_pattern(examples: Sequence[str], values: Sequence[str]) -> float:
    """Share of values written in a pattern of the examples.

    1 where these show none: most are plain words, or hardly two are written alike.
    """
    patterns = [pattern(text) for text in examples]
    formed = sum(re.fullmatch(r"a( a)*", one) is None for one in patterns)
    if formed * 2 < len(examples) or len(set(patterns)) * 2 > len(examples) + 2:
        return 1.0
    return sum(pattern(value) in patterns for value in values) / len(values)


def _same_opening(examples: Sequence[str], values: Sequence[str]) -> float:
    """Share of values that begin with the sign that all examples begin with, such as a bracket.

    1 where these have none in common.
    """
    signs = {text[:1] for text in examples}
    if len(signs) > 1 or any(sign.isalnum() or not sign for sign in signs):
        return 1.0
    return sum(value[:1] in signs for value in values) / len(values)


def pattern(text: str) -> str:
    """`2024-03-16` as `9999-99-99`, `N/A` as `a/a`: digits one by one, letters by the run."""
    digits = re.sub(r"\d", "9", " ".join(text.split()))
    return re.sub(r"[^\W\d_]+", "a", digits)


def _copied_share(inputs: Sequence[str], outputs: Sequence[str]) -> float:
    """Mean share of the output's words that stand in the input."""
    shares = 0.0
    for source, output in zip(inputs, outputs, strict=True):
        known = set(source.casefold().split())
        words = output.casefold().split()
        shares += sum(word in known for word in words) / max(len(words), 1)
    return shares / len(inputs)


def _is_foreign(texts: Sequence[str], wanted: str) -> bool:
    """Whether the texts are plainly of another language than the one wanted."""
    language = language_of("\n".join(texts[:50]), SURE)
    return UNKNOWN not in {wanted, language} and wanted != language
