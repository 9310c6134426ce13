"""Answers of a student: greedy, in batches of similar length, the finished ones leaving their batch."""

import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from p2m.artifacts import Choice, Student
from p2m.student import build, machine
from p2m.student.tokens import of_student

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BATCH = 256  # answers under way at once: a third faster than 64 with the 1 M student on two cores
BATCH_TOKENS = 16384  # of inputs, and no more than twice as many of inputs and answers together, so that long texts fit into memory
AT_ONCE = 4  # batches, at most: each takes memory of its own


@dataclass(frozen=True)
class Decoder:
    """A model with its tokenizer and limits, ready to answer.

    batch: answers under way at once; it changes what is answered only where two tokens are as likely to the last bits.
    engine: gives the ids of each answer for padded inputs; None: torch.
    """

    built: build.LoadedModel
    prefix: str
    max_input: int
    max_output: int
    batch: int = BATCH
    suffix: str = ""
    engine: "Callable[[NDArray[np.int64]], list[list[int]]] | None" = None

    def answers(
        self, inputs: Sequence[str], on_done: Callable[[int], None] = lambda n: None
    ) -> list[str]:
        """One answer for each raw input, in their order, the most probable token at each step, at most max_output tokens.

        on_done is told after each batch how many more are answered.  Equal inputs are answered once.
        """
        from p2m.engine._greedy import greedy

        unique = list(dict.fromkeys(inputs))
        count = dict.fromkeys(unique, 0)
        for text in inputs:
            count[text] += 1
        tokens = self.built.read([self.prefix + text + self.suffix for text in unique])
        closing, says = self.built.closing(self.suffix), self.built.answers
        said: dict[str, str] = {}
        stopped = threading.Event()
        decode = self.engine or greedy(self.built, self.max_output, stopped.is_set)
        batches = list(self._batches(tokens.lengths.tolist()))

        def answered(rows: list[int]) -> list[str]:
            ids = tokens.padded(
                rows, self.max_input, closing, self.built.tokenizer.pad, self.built.is_causal
            )
            try:
                return says.decode(decode(ids))
            except RuntimeError as error:
                if len(rows) == 1 or not machine.out_of_memory(error):
                    raise
            machine.free()  # here, where the error has gone and with it what its frames held
            half = len(rows) // 2
            return answered(rows[:half]) + answered(rows[half:])

        for rows, texts in zip(
            batches,
            _side_by_side(answered, batches, self.built.model.device.type, stopped),
            strict=True,
        ):
            said.update(zip((unique[i] for i in rows), texts, strict=True))
            on_done(sum(count[unique[i]] for i in rows))
        return [said[text] for text in inputs]

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Indices in batches, longest first, so that a lack of memory shows at once."""
        rows: list[int] = []
        for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
            widest = min(self.max_input, lengths[rows[0]]) if rows else 0
            if len(rows) == self.batch or (
                rows
                and (len(rows) + 1) * max(widest, (widest + self.max_output) / 2) > BATCH_TOKENS
            ):
                yield rows
                rows = []
            rows.append(i)
        if rows:
            yield rows


def _side_by_side(
    answered: Callable[[list[int]], list[str]],
    batches: list[list[int]],
    device: str,
    stopped: threading.Event,
) -> Iterator[list[str]]:
    """The answers of each batch, in order.  On a processor some go side by side: its cores share the products of one batch badly.

    stopped: set when what comes first ends with an error or Ctrl-C, so that nobody waits for the batches under way.
    """
    import torch

    threads = torch.get_num_threads()
    at_once = min(threads, len(batches), AT_ONCE)
    if device != "cpu" or at_once <= 1:
        yield from map(answered, batches)
        return
    torch.set_num_threads(threads // at_once)  # for threads begun from here on
    try:
        with ThreadPoolExecutor(at_once) as pool:
            try:
                yield from pool.map(answered, batches)
            finally:
                stopped.set()
    finally:
        torch.set_num_threads(threads)


def load(student: Student) -> Decoder:
    """The trained student."""
    return _decoder(build.saved(student), student)


def untrained(choice: Choice, student: Student, seed: int) -> Decoder:
    """The student as it was before training, with the limits of the trained one."""
    return _decoder(build.fresh(choice, seed, of_student(student.folder), student.labels), student)


def in_bfloat16(decoder: Decoder) -> Decoder:
    """A copy of which all weights are of half the size.  Buffers, such as the frequencies of rotary positions, stay as they are."""
    model: Any = copy.deepcopy(decoder.built.model)
    for weight in model.parameters():
        weight.data = weight.data.bfloat16()
    return replace(decoder, built=replace(decoder.built, model=model))


def device() -> str:
    """Where a student answers: cuda where there is a GPU, else cpu."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _decoder(built: build.LoadedModel, student: Student) -> Decoder:
    """In evaluation mode."""
    model: Any = built.model.eval()
    placed = replace(built, model=model.to(device()))
    return Decoder(
        placed, student.prefix, student.max_input, student.max_output, suffix=student.suffix
    )
