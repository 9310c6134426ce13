"""Examples as tokens on disk, and the batch of each step: a function of seed and step alone, so that a resumed run needs nothing else."""

import math
from collections.abc import Iterator, Sequence
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
from p2m.fit.plan import Plan
from p2m.student._forward import IGNORED
from p2m.student.build import LoadedModel
from p2m.student.tokens import Tokenizer, Tokens

AT_ONCE = 4096  # texts tokenized together
MULTIPLE = 8  # of it are the widths of batches: kernels are made anew for each shape, and kept; all widths took twice the memory
PAIRING = 1  # what its numbers are for, beside those of a pass, which come from the seed, too
SORTED = 50  # batches whose examples are sorted by length together: enough for 5 % of padding, few enough to leave the order random
Part = tuple[Tensor, Tensor]  # ids_BS, labels_BT


class Batch(NamedTuple):
    """One process's share of the examples of a step.  labels and examples are those of all processes."""

    parts: list[Part]
    labels: int
    examples: int


@dataclass(frozen=True)
class Pairs:
    """Inputs and outputs as tokens, with the most tokens of each that are used.

    between: the id that stands between two examples that come as one.  closing: ids that a cut input ends in.
    left: whether inputs are padded there.
    """

    inputs: Tokens
    outputs: Tokens
    max_input: int
    max_output: int
    pad: int
    end: int
    between: int
    closing: Sequence[int]
    left: bool

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def sizes(self) -> NDArray[np.int32]:
        """Tokens of each pair in a batch of its own, cut ones as cut."""
        return self.read + self.said

    @cached_property
    def read(self) -> NDArray[np.int32]:
        """Width of each input in a batch of its own."""
        return self._widths(self.inputs, self.max_input)

    @cached_property
    def said(self) -> NDArray[np.int32]:
        """Width of each output, likewise."""
        return self._widths(self.outputs, self.max_output)

    def _widths(self, tokens: Tokens, limit: int) -> NDArray[np.int32]:
        return np.minimum(-(-tokens.lengths // MULTIPLE) * MULTIPLE, limit)

    @cached_property
    def ranks(self) -> NDArray[np.int64]:
        """What pairs are sorted by so that those side by side need little padding: width of the input, then tokens of the output."""
        outputs = np.minimum(self.outputs.lengths, self.max_output)
        ranks: NDArray[np.int64] = self.read.astype(np.int64) * (self.max_output + 1) + outputs
        return ranks

    @property
    def cut(self) -> int:
        """Pairs of which an end is cut off."""
        return int(
            (
                (self.inputs.lengths > self.max_input) | (self.outputs.lengths > self.max_output)
            ).sum()
        )

    def batch(self, rows: Sequence[int], max_tokens: int, rank: int, world: int) -> Batch:
        """The share of process *rank* of *world*: every world-th example, so that shares are of like lengths."""
        labels = np.minimum(self.outputs.lengths[list(rows)], self.max_output)
        return Batch(self.parts(rows[rank::world], max_tokens), int(labels.sum()), len(rows))

    def parts(self, rows: Sequence[int], max_tokens: int) -> list[Part]:
        """A batch in as many parts as keep each within *max_tokens*, padding counted; its gradients are those of the whole."""
        some = list(rows)
        read, said = (column[some].tolist() for column in (self.read, self.said))
        parts: list[list[int]] = [[]]
        widest = (0, 0)  # of the last part: inputs, outputs
        for _, i, *width in sorted(
            (S + T, i, S, T) for i, S, T in zip(some, read, said, strict=True)
        ):
            wider = (max(widest[0], width[0]), max(widest[1], width[1]))
            if parts[-1] and (len(parts[-1]) + 1) * sum(wider) > max_tokens:
                parts.append([])
                wider = (width[0], width[1])
            parts[-1].append(i)
            widest = wider
        return [self._tensors(part) for part in parts]

    def concatenated(self, rows: NDArray[np.int64], rng: np.random.Generator) -> "Pairs":
        """The examples of *rows* two by two, at random: both inputs as one, and both outputs."""
        mixed = rng.permutation(rows).tolist()
        inputs = _two_by_two(
            [self.inputs[i][: self.max_input] for i in mixed], self.between, self.end
        )
        outputs = _two_by_two(
            [self.outputs[i][: self.max_output] for i in mixed], self.between, self.end
        )
        return replace(
            self,
            inputs=inputs,
            outputs=outputs,
            max_input=2 * self.max_input,
            max_output=2 * self.max_output,
        )

    def _tensors(self, rows: Sequence[int]) -> Part:
        ids = self.inputs.pad(rows, self.max_input, self.closing, self.pad, self.left, MULTIPLE)
        labels = self.outputs.pad(rows, self.max_output, [self.end], IGNORED, multiple=MULTIPLE)
        return torch.from_numpy(ids), torch.from_numpy(labels)


def _two_by_two(texts: list[NDArray[Any]], between: int, end: int) -> Tokens:
    """The first text and the second as one, and so on; the last may be alone.  Each one's last token becomes *between* or *end*."""
    ends = np.cumsum([0, *map(len, texts)])
    flat = np.concatenate(texts)
    flat[ends[1:] - 1] = end  # which a text that was cut lacks
    flat[ends[1:-1:2] - 1] = between
    return Tokens(flat, ends[[*range(0, len(texts), 2), len(texts)]])


def written(texts: Iterator[str], tokenizer: Tokenizer, path: Path) -> Tokens:
    """*texts* as tokens in the file *path*, so that memory holds eight bytes a text however long it is."""
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


def tokenized(
    rows: Sequence[Example], around: tuple[str, str], built: LoadedModel, folder: Path, name: str
) -> tuple[Tokens, Tokens]:
    """Inputs between their prefix and suffix, and outputs."""
    prefix, suffix = around
    inputs = written(
        (prefix + row.input + suffix for row in rows), built.tokenizer, folder / f"{name}.input"
    )
    return inputs.without_end() if built.is_causal else inputs, written(
        (row.output for row in rows), built.output_tokenizer, folder / f"{name}.output"
    )


@dataclass(frozen=True)
class Order:
    """Which examples each step sees: every one once a pass, those of a batch of similar length, batches in random order.

    ranks: what examples of similar length have in common: they are sorted by it.
    weights: how often each example is to come, relative to the others; None: all alike.
    """

    ranks: NDArray[np.int64]
    batch_size: int
    seed: int
    weights: NDArray[np.float64] | None = None

    @property
    def per_pass(self) -> int:
        return math.ceil(len(self.ranks) / self.batch_size)

    def one_pass(self, number: int) -> list[NDArray[np.int64]]:
        """The batches of a pass over the data.  Their sizes differ by one at most, so no small rest weighs as much as a whole batch."""
        rng = np.random.default_rng([self.seed, number])
        mixed = self._drawn(rng)
        window = self.batch_size * SORTED
        ranked = np.concatenate(
            [
                w[np.argsort(self.ranks[w], kind="stable")]
                for w in np.split(mixed, range(window, len(mixed), window))
            ]
        )
        batches = np.array_split(ranked, self.per_pass)
        return [batches[i] for i in rng.permutation(self.per_pass)]

    def _drawn(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """As many examples as there are, in random order: each once, or as often as its weight says, give or take one."""
        n = len(self.ranks)
        if self.weights is None:
            return rng.permutation(n)
        share = np.cumsum(self.weights) / self.weights.sum()
        return rng.permutation(
            np.searchsorted(share, (np.arange(n) + rng.random()) / n).clip(max=n - 1)
        )

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
    """Batches for the Lightning trainer.  One of its epochs is what lies between two validations."""

    def __init__(
        self,
        train: Pairs,
        valid: Pairs | None,
        plan: Plan,
        weights: NDArray[np.float64] | None = None,
    ) -> None:
        super().__init__()
        self.train, self.valid, self.plan, self.max_tokens = train, valid, plan, plan.max_tokens
        self.order = Order(train.ranks, plan.batch_size, plan.seed, weights)

    def train_dataloader(self) -> "_Stretch":
        return _Stretch(self)

    def val_dataloader(self) -> "_Once | list[Part]":
        if not self.valid:
            return []
        assert self.trainer
        # processes that hold parts of the weights go through the model together, so each looks at all
        share = (
            (0, 1)
            if self.plan.strategy == "fsdp"
            else (self.trainer.global_rank, self.trainer.world_size)
        )
        return _Once(self, self.valid, *share)

    def batch(self, step: int, rows: NDArray[np.int64], rank: int, world: int) -> Batch:
        """One process's share of a step's examples, which in some steps come two by two (Nguyen et al. 2021, arXiv 2105.01691)."""
        rng = np.random.default_rng([self.plan.seed, step, PAIRING])
        if (
            rng.random() >= self.plan.concatenate or -(-len(rows) // 2) < world
        ):  # each process needs some
            return self.train.batch(rows.tolist(), self.max_tokens, rank, world)
        pairs = self.train.concatenated(rows, rng)
        return pairs.batch(range(len(pairs)), self.max_tokens, rank, world)._replace(
            examples=len(rows)
        )

    def largest(self, world: int) -> list[Part]:
        """Stand-ins for the largest parts that one of *world* processes can be given: the widest, those of long inputs, of long answers."""
        times = 2 if self.plan.concatenate else 1
        read, said = times * int(self.train.read.max()), times * int(self.train.said.max())
        share = math.ceil(math.ceil(self.plan.batch_size / times) / world)
        parts = []
        for S, T in ((read, said), (read, times), (times, said)):
            B = min(share, -(-self.max_tokens // (S + T)))
            parts.append(
                (
                    torch.full((B, S), int(self.train.pad == 0)),
                    torch.zeros((B, T), dtype=torch.int64),
                )
            )  # no padding
        return parts

    def rows_of(self, step: int) -> NDArray[np.int64]:
        """The examples of a step."""
        return next(self.order.from_step(step))


class _Stretch:
    """The steps from where training is up to the next validation."""

    def __init__(self, data: Data) -> None:
        self.data = data

    def __iter__(self) -> Iterator[Batch]:
        plan, trainer = self.data.plan, self.data.trainer
        assert trainer
        step = trainer.lightning_module.step
        left = min(plan.steps, (step // plan.valid_every + 1) * plan.valid_every) - step
        for number, rows in enumerate(islice(self.data.order.from_step(step), left), step):
            yield self.data.batch(number, rows, trainer.global_rank, trainer.world_size)


class _Once:
    """One process's share of the validation pairs, the largest first, in batches like those of a step."""

    def __init__(self, data: Data, pairs: Pairs, rank: int, world: int) -> None:
        self.data, self.pairs, self.rank, self.world = data, pairs, rank, world

    def __iter__(self) -> Iterator[list[Part]]:
        ranked = np.argsort(-self.pairs.sizes, kind="stable")[self.rank :: self.world]
        size = self.data.plan.batch_size
        for i in range(0, len(ranked), size):
            yield self.pairs.parts(ranked[i : i + size].tolist(), self.data.max_tokens)
