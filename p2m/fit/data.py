"""Examples as tokens on disk, and each step's batch, which follows from seed and step."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningDataModule
from torch import Tensor

from p2m.artifacts import Example
from p2m.fit.place import Place
from p2m.fit.plan import Plan
from p2m.student._forward import IGNORED
from p2m.student.build import LoadedModel
from p2m.student.tokens import Codec, Tokenizer, Tokens

AT_ONCE = 4096  # texts tokenized together
# of it are the widths of batches: kernels are kept for each shape; all widths took twice the memory
MULTIPLE = 8
# examples that a probe reads, and tokens at once: more than 2,000 would take as long as fine-tuning
PROBED, TOKENS_OF_PROBE = 2000, 2048
PAIRING = 1  # seeds the choice of pairs, beside the numbers of passes, which seed their order
# batches sorted by length together: enough for 5 % of padding, few enough for a random order
SORTED = 50
Part = tuple[Tensor, Tensor]  # ids_BS, labels_BT


class Batch(NamedTuple):
    """One process's share of the examples of a step.  labels, examples: those of all processes."""

    parts: list[Part]
    labels: int
    examples: int


@dataclass(frozen=True)
class Pairs:
    """Inputs and outputs as tokens, with the most tokens of each that are used.

    closing: ids that a cut input ends in.  left: whether inputs are padded there.
    """

    inputs: Tokens
    outputs: Tokens
    max_input: int
    max_output: int
    tokenizer: Tokenizer
    closing: Sequence[int]
    left: bool

    def __len__(self) -> int:
        return len(self.inputs)

    @cached_property
    def input_widths(self) -> NDArray[np.int32]:
        """Width of each input in a batch of its own, cut ones as cut."""
        return _widths(self.inputs, self.max_input)

    @cached_property
    def output_widths(self) -> NDArray[np.int32]:
        return _widths(self.outputs, self.max_output)

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """Pairs sorted by it need little padding: width of the input, then tokens of the output."""
        outputs = np.minimum(self.outputs.lengths, self.max_output)
        ranks: NDArray[np.int64] = self.input_widths.astype(np.int64) * (self.max_output + 1)
        return ranks + outputs

    @property
    def cut(self) -> int:
        """Pairs of which an end is cut off."""
        long_input = self.inputs.lengths > self.max_input
        long_output = self.outputs.lengths > self.max_output
        return int((long_input | long_output).sum())

    def batch(self, rows: Sequence[int], max_tokens: int, rank: int, world: int) -> Batch:
        """The share of process *rank* of *world*: every world-th, so that lengths are alike."""
        labels = np.minimum(self.outputs.lengths[list(rows)], self.max_output)
        return Batch(self.parts(rows[rank::world], max_tokens), int(labels.sum()), len(rows))

    def parts(self, rows: Sequence[int], max_tokens: int) -> list[Part]:
        """A batch in parts of at most *max_tokens* with padding; together, its gradients."""
        sizes = []
        for i in rows:
            S, T = int(self.input_widths[i]), int(self.output_widths[i])
            sizes.append((S + T, i, S, T))
        parts: list[list[int]] = [[]]
        input_width = output_width = 0  # the widest of the last part
        for _, i, S, T in sorted(sizes):
            input_width, output_width = max(input_width, S), max(output_width, T)
            if parts[-1] and (len(parts[-1]) + 1) * (input_width + output_width) > max_tokens:
                parts.append([])
                input_width, output_width = S, T
            parts[-1].append(i)
        return [self._tensors(part) for part in parts]

    def two_by_two(self, rows: NDArray[np.int64], rng: np.random.Generator) -> "Pairs":
        """The examples of *rows* in pairs, at random: both inputs as one, and both outputs.

        What stands between them is the id of what the tokenizer does not know.
        """
        between, end = self.tokenizer.unknown, self.tokenizer.end
        order = rng.permutation(rows).tolist()
        inputs = [self.inputs[i][: self.max_input] for i in order]
        outputs = [self.outputs[i][: self.max_output] for i in order]
        return replace(
            self,
            inputs=_two_by_two(inputs, between, end),
            outputs=_two_by_two(outputs, between, end),
            max_input=2 * self.max_input,
            max_output=2 * self.max_output,
        )

    def _tensors(self, rows: Sequence[int]) -> Part:
        pad, end = self.tokenizer.pad, [self.tokenizer.end]
        ids = self.inputs.pad(rows, self.max_input, self.closing, pad, self.left, MULTIPLE)
        labels = self.outputs.pad(rows, self.max_output, end, IGNORED, multiple=MULTIPLE)
        return torch.from_numpy(ids), torch.from_numpy(labels)


def _widths(tokens: Tokens, limit: int) -> NDArray[np.int32]:
    return np.minimum(-(-tokens.lengths // MULTIPLE) * MULTIPLE, limit)


def _two_by_two(texts: list[NDArray[Any]], between: int, end: int) -> Tokens:
    """The first text and the second as one, and so on; the last may be alone.

    Each one's last token becomes *between* or *end*.
    """
    ends = np.cumsum([0, *map(len, texts)])
    flat = np.concatenate(texts)
    flat[ends[1:] - 1] = end  # which a text that was cut lacks
    flat[ends[1:-1:2] - 1] = between
    return Tokens(flat, ends[[*range(0, len(texts), 2), len(texts)]])


def tokenize(
    rows: Sequence[Example], template: tuple[str, str], loaded: LoadedModel, path: Path
) -> tuple[Tokens, Tokens]:
    """Inputs within their template, and outputs, in files whose names begin as *path*."""
    before, after = template
    texts = (before + row.input + after for row in rows)
    inputs = _write(texts, loaded.tokenizer, path.with_suffix(".input"))
    answers = (row.output for row in rows)
    outputs = _write(answers, loaded.output_tokenizer, path.with_suffix(".output"))
    return inputs.without_end() if loaded.is_causal else inputs, outputs


def _write(texts: Iterator[str], tokenizer: Codec, path: Path) -> Tokens:
    """*texts* as tokens in a file: memory holds eight bytes a text, however long it is."""
    lengths: list[NDArray[np.int32]] = [np.zeros(1, np.int32)]
    dtype = np.dtype(np.uint16 if tokenizer.size < 2**16 else np.int32)
    with path.open("wb") as file:
        while some := list(islice(texts, AT_ONCE)):
            tokens = tokenizer.encode(some)
            tokens.flat.astype(dtype).tofile(file)
            lengths.append(tokens.lengths)
    starts = np.cumsum(np.concatenate(lengths), dtype=np.int64)
    flat = np.memmap(path, dtype, "r") if starts[-1] else np.empty(0, dtype)
    return Tokens(flat, starts)


@dataclass(frozen=True)
class Order:
    """Which examples each step sees: every one once a pass, those of a batch of similar length,
    batches in random order.

    ranks: examples are sorted by it.  weights: how often each example is to come, relative to the
    others; None: all alike.
    """

    ranks: NDArray[np.int64]
    batch_size: int
    seed: int
    weights: NDArray[np.float64] | None = None

    @property
    def per_pass(self) -> int:
        return math.ceil(len(self.ranks) / self.batch_size)

    def one_pass(self, number: int) -> list[NDArray[np.int64]]:
        """The batches of a pass over the data.

        Their sizes differ by one at most, so no small rest weighs as much as a whole batch.
        """
        rng = np.random.default_rng([self.seed, number])
        drawn = self._draw(rng)
        window = self.batch_size * SORTED
        ranked = []
        for i in range(0, len(drawn), window):
            near = drawn[i : i + window]
            ranked.append(near[np.argsort(self.ranks[near], kind="stable")])
        batches = np.array_split(np.concatenate(ranked), self.per_pass)
        return [batches[i] for i in rng.permutation(self.per_pass)]

    def _draw(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """As many examples as there are, in random order: each once, or as often as its weight
        says, give or take one."""
        n = len(self.ranks)
        if self.weights is None:
            return rng.permutation(n)
        share = np.cumsum(self.weights) / self.weights.sum()
        places = np.searchsorted(share, (np.arange(n) + rng.random()) / n)
        return rng.permutation(places.clip(max=n - 1))

    def examples(self, steps: int) -> int:
        """How many examples the first *steps* show, repeats counted."""
        passes, rest = divmod(steps, self.per_pass)
        return passes * len(self.ranks) + sum(len(batch) for batch in self.one_pass(passes)[:rest])

    def from_step(self, step: int) -> Iterator[NDArray[np.int64]]:
        """The batches from *step* on, without end."""
        number, skipped = divmod(step, self.per_pass)
        while True:
            yield from self.one_pass(number)[skipped:]
            number, skipped = number + 1, 0


class Data(LightningDataModule):  # type: ignore[misc]
    """Batches for Lightning, one of whose epochs is what lies between two validations."""

    def __init__(
        self,
        train: Pairs,
        valid: Pairs,
        plan: Plan,
        place: Place,
        weights: NDArray[np.float64] | None = None,
    ) -> None:
        super().__init__()
        self.train, self.valid, self.plan, self.place = train, valid, plan, place
        self.max_tokens = plan.max_tokens
        self.order = Order(train.ranks, plan.batch_size, plan.seed, weights)

    def train_dataloader(self) -> Iterable[NDArray[np.int64]]:
        return _Again(self._until_validation)

    def val_dataloader(self) -> Iterable[list[Part]]:
        return _Again(self._validation) if len(self.valid) else []

    def _until_validation(self) -> Iterator[NDArray[np.int64]]:
        """The examples of each step from where training is up to the next validation."""
        assert self.trainer
        step, every = self.trainer.lightning_module.step, self.plan.valid_every
        until = min(self.plan.steps, (step // every + 1) * every)
        return islice(self.order.from_step(step), until - step)

    def _validation(self) -> Iterator[list[Part]]:
        """This process's share of the validation pairs, largest first, in batches like a step's."""
        assert self.trainer
        rank, world = self.trainer.global_rank, self.trainer.world_size
        if self.place.is_sharded:  # processes go through the model together, so each looks at all
            rank, world = 0, 1
        sizes = self.valid.input_widths + self.valid.output_widths
        ranked = np.argsort(-sizes, kind="stable")[rank::world]
        for i in range(0, len(ranked), self.plan.batch_size):
            rows = ranked[i : i + self.plan.batch_size].tolist()
            yield self.valid.parts(rows, self.max_tokens)

    def batch(self, step: int, rows: NDArray[np.int64], rank: int, world: int) -> Batch:
        """One process's share of a step's examples, which in some steps come two by two
        (Nguyen et al. 2021, arXiv 2105.01691)."""
        rng = np.random.default_rng([self.plan.seed, step, PAIRING])
        enough = -(-len(rows) // 2) >= world  # each process needs some
        if rng.random() >= self.plan.concatenate or not enough:
            return self.train.batch(rows.tolist(), self.max_tokens, rank, world)
        pairs = self.train.two_by_two(rows, rng)
        batch = pairs.batch(range(len(pairs)), self.max_tokens, rank, world)
        return batch._replace(examples=len(rows))

    def largest(self, world: int) -> list[Part]:
        """Stand-ins for the largest parts that one of *world* processes can be given: the widest,
        those of long inputs, and those of long answers."""
        times = 2 if self.plan.concatenate else 1
        longest_input = times * int(self.train.input_widths.max())
        longest_output = times * int(self.train.output_widths.max())
        share = math.ceil(math.ceil(self.plan.batch_size / times) / world)
        no_padding = int(self.train.tokenizer.pad == 0)
        parts = []
        for S, T in (
            (longest_input, longest_output),
            (longest_input, times),
            (times, longest_output),
        ):
            B = min(share, -(-self.max_tokens // (S + T)))
            ids_BS = torch.full((B, S), no_padding)
            parts.append((ids_BS, torch.zeros((B, T), dtype=torch.int64)))
        return parts

    def some(self, pairs: Pairs) -> list[Part]:
        """Of *pairs* as many as a probe needs, evenly spread, in parts as small as a step's."""
        n = min(len(pairs), PROBED)
        rows = [i * len(pairs) // n for i in range(n)]
        return pairs.parts(rows, min(self.max_tokens, TOKENS_OF_PROBE)) if rows else []

    def rows_of(self, step: int) -> NDArray[np.int64]:
        """The examples of a step."""
        return next(self.order.from_step(step))


class _Again:
    """Begins anew whenever Lightning asks for an epoch."""

    def __init__(self, begin: Callable[[], Iterator[Any]]) -> None:
        self.begin = begin

    def __iter__(self) -> Iterator[Any]:
        return self.begin()
