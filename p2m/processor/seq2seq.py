"""Text to text: clean, split by content, ready for a student with an encoder."""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Ge, Lt

from p2m.artifacts import Choice, Example, Examples, Prompt, Splits, TaskSpec
from p2m.errors import IncompleteError
from p2m.processor._keys import Bounds, inputs_of, keys_of
from p2m.processor._picked import Subset
from p2m.stages import Bar, Work
from p2m.text.same import near

if TYPE_CHECKING:
    from p2m.processor._sides import Shares

Share = Annotated[float, Ge(0), Lt(1)]
Count = Annotated[int, Ge(0)]
Positive = Annotated[int, Ge(1)]
TICK = 1024  # examples between two moves of the bar


@dataclass(frozen=True)
class Seq2Seq:
    """Joins what was given, retrieved and generated; counts by reason what it leaves out.  KINDS: of the students that can read it."""

    VERSION: ClassVar = 5
    KINDS: ClassVar[tuple[str, ...]] = ("encoder-decoder", "encoder")

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
        from p2m.processor._sides import sides_of  # here, as numpy takes its time

        sources = (
            prompt.train,
            retrieved.rows,
            generated.rows,
        )  # the user's first: of equals, the first is kept
        bounds = Bounds(self.max_input_chars, self.max_output_chars, task.labels)
        with work.bar(sum(len(rows) for rows in sources), "examples") as bar:
            keys = keys_of(_counted(chain(*sources), bar), len(prompt.train), bounds)
        measured, demonstrated = (
            inputs_of(prompt.test, prompt.valid),
            inputs_of(task.demonstrations),
        )
        places, dropped = sides_of(keys, self._shares(prompt), measured, demonstrated)
        train, valid, test = (Subset(sources, side, bounds.settle) for side in places)
        if len(prompt.valid):
            valid = _own_valid(prompt, bounds, dropped)
        kept = {reason: n for reason, n in sorted(dropped.items()) if n}
        if len(train) < self.min_train:
            raise IncompleteError(self._too_few(sources, (train, valid, test), kept))
        real = Subset((prompt.test,), range(len(prompt.test)), bounds.settle)
        prefix, suffix = self.template(task, choice)
        return Splits(train, valid, test, real, prefix, task.labels, kept, suffix=suffix)

    def _shares(self, prompt: Prompt) -> "Shares":
        from p2m.processor._sides import Shares

        user_tests = self.test_of_user == "always" or (
            self.test_of_user == "auto" and not len(prompt.test)
        )
        return Shares(
            0.0 if len(prompt.valid) else self.valid_share,
            self.valid_max,
            self.test_share,
            self.test_max,
            user_tests,
        )

    def template(self, task: TaskSpec, choice: Choice) -> tuple[str, str]:
        """What will stand before and after each input."""
        short = len(task.instruction) <= self.instruction_max_chars
        stands = self.instruction == "always" or (
            self.instruction == "auto" and choice.base != "scratch" and short
        )
        return f"{task.instruction}\n\n" if stands else "", ""

    def _too_few(
        self,
        sources: tuple[Sequence[Example], ...],
        split: tuple[Sequence[Example], ...],
        dropped: dict[str, int],
    ) -> str:
        given, retrieved, generated = (len(rows) for rows in sources)
        train, valid, test = (len(rows) for rows in split)
        lost = (
            ", ".join(
                f"{n} {reason}" for reason, n in sorted(dropped.items(), key=lambda item: -item[1])
            )
            or "none"
        )
        return (
            f"processor: {train} examples are left to train on, and processor.min_train={self.min_train} are wanted."
            f" There were {given} of your own, {retrieved} retrieved, {generated} generated; dropped: {lost};"
            f" validation took {valid} and test {test}. Generate more (generator=prompt2model generator.target=...),"
            " retrieve some (retriever=bm25), give your own (prompt.train=...), or accept fewer (processor.min_train=...)."
        )


def _own_valid(prompt: Prompt, bounds: Bounds, dropped: Counter[str]) -> Subset:
    """The user's validation set less what cannot be answered and what stands in their test set, whose score would be flattered."""
    measured, places = set(inputs_of(prompt.test)), array("Q")
    for i, row in enumerate(prompt.valid):
        if fault := bounds.fault(bounds.settle(row)):
            dropped[f"validation example: {fault}"] += 1
        elif near(row.input) in measured:
            dropped["validation example in the test set"] += 1
        else:
            places.append(i)
    return Subset((prompt.valid,), places, bounds.settle)


def _counted(rows: Iterable[Example], bar: Bar) -> Iterator[Example]:
    n = 0
    for n, row in enumerate(rows, 1):
        yield row
        if n % TICK == 0:
            bar.advance(TICK)
    bar.advance(n % TICK)
