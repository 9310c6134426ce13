"""Text to text: clean, split by content, within the words that the student is asked in."""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Ge, Lt, MinLen

from p2m.artifacts import Choice, Example, Examples, Prompt, Splits, TaskSpec
from p2m.errors import IncompleteError
from p2m.examples import by_reason
from p2m.processor._bounds import Bounds
from p2m.processor._subset import Subset
from p2m.stages import Bar, Work
from p2m.text.same import near

if TYPE_CHECKING:
    from p2m.processor._split import Shares

Share = Annotated[float, Ge(0), Lt(1)]
Count = Annotated[int, Ge(0)]
Positive = Annotated[int, Ge(1)]
TICK = 1024  # examples between two moves of the bar


@dataclass(frozen=True)
class Text:
    """Joins what was given, retrieved and generated; counts by reason what it leaves out.

    suffix: stands between an input and the answer of a student that only writes on.
    """

    VERSION: ClassVar = 7

    instruction: Literal["auto", "always", "never"]
    instruction_max_chars: Count
    valid_share: Share
    valid_max: Count
    test_share: Share
    test_max: Count
    test_of_user: Literal["auto", "always", "never"]
    min_train: Positive
    max_input_chars: Positive
    max_output_chars: Positive
    suffix: Annotated[str, MinLen(1)]

    def __post_init__(self) -> None:
        if self.valid_share + self.test_share >= 1:
            both = f"valid_share={self.valid_share:g} and test_share={self.test_share:g}"
            raise ValueError(f"{both} leave nothing to train on; keep their sum below 1")

    def run(
        self,
        prompt: Prompt,
        task: TaskSpec,
        retrieved: Examples,
        generated: Examples,
        choice: Choice,
        work: Work,
    ) -> Splits:
        from p2m.processor._split import split  # here, as numpy takes its time

        # the user's first: of equals, the first is kept
        sources = (prompt.train, retrieved.rows, generated.rows)
        bounds = Bounds(self.max_input_chars, self.max_output_chars, task.labels)
        with work.bar(sum(len(rows) for rows in sources), "examples") as bar:
            places, dropped = split(
                _advance(chain(*sources), bar),
                len(prompt.train),
                bounds,
                self._shares(prompt),
                measured=_near_keys(prompt.test, prompt.valid),
                demonstrated=_near_keys(task.demonstrations),
            )
        train, valid, test = (Subset(sources, side, bounds.clean) for side in places)
        if len(prompt.valid):
            valid = _own_valid(prompt, bounds, dropped)
        counts = {reason: n for reason, n in sorted(dropped.items()) if n}
        if len(train) < self.min_train:
            left = by_reason(retrieved.dropped) if not len(retrieved.rows) else ""
            raise IncompleteError(self._too_few(sources, (train, valid, test), counts, left))
        real = Subset((prompt.test,), range(len(prompt.test)), bounds.clean)
        prefix, suffix = self.template(task, choice)
        return Splits(train, valid, test, real, prefix, task.labels, counts, suffix)

    def _shares(self, prompt: Prompt) -> "Shares":
        from p2m.processor._split import Shares

        valid_share = 0.0 if len(prompt.valid) else self.valid_share
        user_tests = self.test_of_user == "always"
        if self.test_of_user == "auto":
            user_tests = not len(prompt.test)
        return Shares(valid_share, self.valid_max, self.test_share, self.test_max, user_tests)

    def template(self, task: TaskSpec, choice: Choice) -> tuple[str, str]:
        """What will stand before and after each input."""
        stands = self.instruction == "always"
        if self.instruction == "auto":
            short = len(task.instruction) <= self.instruction_max_chars
            # to a student that chooses among labels it says nothing: it is the same each time
            stands = short and choice.base != "scratch" and choice.kind != "encoder"
        instruction = f"{task.instruction}\n\n" if stands else ""
        if choice.chat:
            before, after = choice.chat
            return before + instruction, after
        return instruction, self.suffix if choice.kind == "decoder-only" else ""

    def _too_few(
        self,
        sources: tuple[Sequence[Example], ...],
        split: tuple[Sequence[Example], ...],
        dropped: dict[str, int],
        not_retrieved: str,
    ) -> str:
        """not_retrieved: what the retriever left, where it gave nothing."""
        given, retrieved, generated = (len(rows) for rows in sources)
        train, valid, test = (len(rows) for rows in split)
        return (
            f"processor: {train} examples are left to train on, and"
            f" processor.min_train={self.min_train} are wanted."
            f" There were {given} of your own, {retrieved} retrieved"
            f"{f' ({not_retrieved})' if not_retrieved not in {'', 'none'} else ''},"
            f" {generated} generated;"
            f" dropped: {by_reason(dropped)}; validation took {valid} and test {test}."
            " Generate more (generator=prompt2model generator.target=...),"
            " retrieve some (retriever=bm25), give your own (prompt.train=...),"
            " or accept fewer (processor.min_train=...)."
        )


def _own_valid(prompt: Prompt, bounds: Bounds, dropped: Counter[str]) -> Subset:
    """The user's validation set less what cannot be answered and what stands in their test set.

    The test set's score would be flattered.
    """
    measured = _near_keys(prompt.test)
    places = array("Q")
    for place, row in enumerate(prompt.valid):
        fault = bounds.fault(bounds.clean(row))
        if fault:
            dropped[f"validation example: {fault}"] += 1
        elif near(row.input) in measured:
            dropped["validation example in the test set"] += 1
        else:
            places.append(place)
    return Subset((prompt.valid,), places, bounds.clean)


def _near_keys(*sets: Sequence[Example]) -> set[int]:
    return {near(row.input) for rows in sets for row in rows}


def _advance(rows: Iterable[Example], bar: Bar) -> Iterator[Example]:
    """*rows*, while the bar moves."""
    n = 0
    for n, row in enumerate(rows, 1):
        yield row
        if n % TICK == 0:
            bar.advance(TICK)
    bar.advance(n % TICK)
