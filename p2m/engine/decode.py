"""Answers of a student: greedy, in batches of like length, which finished ones leave."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from p2m.artifacts import Choice, Student
from p2m.student import build, machine
from p2m.student.tokenizer import of_student
from p2m.student.tokens import Tokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")

BATCH = 256  # answers under way: a third faster than 64 with the 1 M student on two cores
BATCH_TOKENS = (
    16384  # of inputs, and twice as many with answers, so that long texts fit into memory
)
AT_ONCE = 4  # batches, at most: each takes memory of its own


@dataclass(frozen=True)
class Decoder:
    """A model with its tokenizer and limits, ready to answer.

    batch: answers under way at once; it changes what is answered only where two tokens are as
    likely to the last bits.  greedy: gives the ids of each answer for padded inputs; None: torch.
    """

    built: build.LoadedModel
    prefix: str
    max_input: int
    max_output: int
    batch: int = BATCH
    suffix: str = ""
    greedy: "Callable[[NDArray[np.int64]], list[list[int]]] | None" = None

    def answers(
        self, inputs: Sequence[str], on_done: Callable[[int], None] = lambda n: None
    ) -> list[str]:
        """One answer for each raw input, in their order, of at most max_output tokens.

        Greedy: the most probable token at each step.  on_done is given after each batch how many
        more are answered.  Equal inputs are answered once.
        """
        from p2m.engine._greedy import greedy

        built, stop = self.built, threading.Event()
        decode = self.greedy or greedy(built, self.max_output, stop.is_set)
        tokenizer = built.output_tokenizer
        return self._each(inputs, lambda ids_BS: tokenizer.decode(decode(ids_BS)), stop, on_done)

    def probabilities(
        self, inputs: Sequence[str], on_done: Callable[[int], None] = lambda n: None
    ) -> list[list[float]]:
        """Of each label of a student that chooses, in their order, for each raw input."""
        from p2m.engine._greedy import choose

        return self._each(inputs, choose(self.built), threading.Event(), on_done)

    def _each(
        self,
        inputs: Sequence[str],
        find: "Callable[[NDArray[np.int64]], list[T]]",
        stop: threading.Event,
        on_done: Callable[[int], None],
    ) -> list[T]:
        """What *find* finds for ids_BS of each input.  stop: set when it is to leave off."""
        unique = list(dict.fromkeys(inputs))
        count = Counter(inputs)
        tokens = self.built.encode_inputs([self.prefix + text + self.suffix for text in unique])
        batches = list(self._batches(tokens.lengths.tolist()))
        outputs = _side_by_side(
            self._find_rows(tokens, find), batches, self.built.model.device.type, stop
        )
        found: dict[str, T] = {}
        for rows, some in zip(batches, outputs, strict=True):
            texts = [unique[i] for i in rows]
            found.update(zip(texts, some, strict=True))
            on_done(sum(count[text] for text in texts))
        return [found[text] for text in inputs]

    def _find_rows(
        self, tokens: Tokens, find: "Callable[[NDArray[np.int64]], list[T]]"
    ) -> Callable[[list[int]], list[T]]:
        """A function from indices of *tokens* to what is found; in halves where memory runs out."""
        built, end_ids = self.built, self.built.end_ids(self.suffix)

        def find_rows(rows: list[int]) -> list[T]:
            ids_BS = tokens.pad(rows, self.max_input, end_ids, built.tokenizer.pad, built.is_causal)
            try:
                return find(ids_BS)
            except RuntimeError as error:
                if len(rows) == 1 or not machine.out_of_memory(error):
                    raise
            machine.free()  # here, where the error has gone and with it what its frames held
            half = len(rows) // 2
            return find_rows(rows[:half]) + find_rows(rows[half:])

        return find_rows

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Indices in batches, longest first, so that a lack of memory shows at once."""
        rows: list[int] = []
        width = 0  # of the batch's first input, the longest
        for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
            tokens = (len(rows) + 1) * max(width, (width + self.max_output) / 2)
            if rows and (len(rows) == self.batch or tokens > BATCH_TOKENS):
                yield rows
                rows = []
            if not rows:
                width = min(self.max_input, lengths[i])
            rows.append(i)
        if rows:
            yield rows


def _side_by_side(
    answer: Callable[[list[int]], list[T]],
    batches: list[list[int]],
    device: str,
    stop: threading.Event,
) -> Iterator[list[T]]:
    """The answers of each batch, in order.

    On a processor some go side by side: its cores share the products of one batch badly.
    stop: set when what comes first ends with an error or Ctrl-C, so that nobody waits for the
    batches under way.
    """
    import torch

    threads = torch.get_num_threads()
    at_once = min(threads, len(batches), AT_ONCE)
    if device != "cpu" or at_once <= 1:
        yield from map(answer, batches)
        return
    torch.set_num_threads(threads // at_once)  # for threads begun from here on
    try:
        with ThreadPoolExecutor(at_once) as pool:
            try:
                yield from pool.map(answer, batches)
            finally:
                stop.set()
    finally:
        torch.set_num_threads(threads)


def load(student: Student) -> Decoder:
    """The trained student, in float32."""
    return _decoder(build.load(student), student)


def load_base(choice: Choice, student: Student, seed: int) -> Decoder:
    """The student as it was before training, with the limits of the trained one."""
    tokenizer = of_student(student.folder)
    return _decoder(build.fresh(choice, seed, tokenizer, student.labels), student)


def device() -> str:
    """Where a student answers: cuda where there is a GPU, else cpu."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _decoder(built: build.LoadedModel, student: Student) -> Decoder:
    """In evaluation mode."""
    model: Any = built.model
    model.eval().to(device())
    return Decoder(
        built, student.prefix, student.max_input, student.max_output, suffix=student.suffix
    )
