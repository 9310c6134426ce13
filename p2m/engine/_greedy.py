"""The most probable token at each step, by transformers' forward with a cache of keys and values.

Shapes: B answers, S input tokens, T output tokens, V tokens of the vocabulary.
"""

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache

from p2m.student._forward import positions
from p2m.student.build import LoadedModel


def choose(built: LoadedModel) -> Callable[[NDArray[np.int64]], list[list[float]]]:
    """A function from ids_BS to how likely each label is."""

    @torch.inference_mode()
    def find(ids: NDArray[np.int64]) -> list[list[float]]:
        rows: list[list[float]] = _label_logits(built, ids).float().softmax(-1).tolist()
        return rows

    return find


def _label_logits(built: LoadedModel, ids: NDArray[np.int64]) -> Tensor:
    ids_BS = torch.from_numpy(ids).to(built.model.device)
    mask_BS = ids_BS != built.tokenizer.pad
    logits_BV: Tensor = built.model(input_ids=ids_BS, attention_mask=mask_BS).logits
    return logits_BV


def greedy(
    built: LoadedModel, max_output: int, stopped: Callable[[], bool]
) -> Callable[[NDArray[np.int64]], list[list[int]]]:
    """A function from ids_BS, padded as the student wants them, to the ids of each answer.

    Without the end token.  Once stopped() is true, which it asks before each step, it gives the
    answers as far as they are.
    """
    model, end = built.model, built.tokenizer.end

    @torch.inference_mode()
    def decode(ids: NDArray[np.int64]) -> list[list[int]]:
        ids_BS = torch.from_numpy(ids).to(model.device)
        mask_BS = ids_BS != built.tokenizer.pad
        if built.kind == "encoder":
            return [[label] for label in _label_logits(built, ids).argmax(-1).tolist()]
        steps: _Steps
        if built.is_causal:
            steps, last_B = _CausalSteps(model, ids_BS, mask_BS), ids_BS[:, -1]
        else:
            steps = _Seq2SeqSteps(model, ids_BS, mask_BS)
            last_B = ids_BS.new_full((len(ids),), model.config.decoder_start_token_id)
        running = itertools.takewhile(lambda _: not stopped(), range(max_output))
        out_BT = ids_BS.new_full((len(ids), max_output), end)
        _run(steps, last_B, running, out_BT, end)
        # what a finished answer got while others went on does not count
        return [list(itertools.takewhile(lambda i: i != end, row)) for row in out_BT.tolist()]

    return decode


def _run(steps: "_Steps", last_B: Tensor, running: Iterable[int], out_BT: Tensor, end: int) -> None:
    """Fills out_BT, which holds end tokens, with what follows the tokens last_B.

    Until every answer has its end, as long as *running* goes.
    """
    rows = torch.arange(len(last_B), device=last_B.device)  # the answer of each line of the batch
    finished = torch.zeros_like(rows, dtype=torch.bool)
    for t in running:
        last_B = steps.step(last_B).argmax(-1)
        out_BT[rows, t] = last_B
        finished |= last_B == end
        if finished.all():
            break
        if 2 * int(finished.sum()) >= len(rows):  # half of the batch is done with: leave it out
            lines = (~finished).nonzero().flatten()
            steps.keep(lines)
            rows, last_B, finished = rows[lines], last_B[lines], finished[lines]


class _Seq2SeqSteps:
    """An encoder-decoder: its encoder has read the input, its decoder goes on from there."""

    def __init__(self, model: Any, ids_BS: Tensor, mask_BS: Tensor) -> None:
        self.model, self.mask = model, mask_BS
        encoder = model.get_encoder()
        self.read = encoder(input_ids=ids_BS, attention_mask=mask_BS).last_hidden_state
        self.cache = EncoderDecoderCache(DynamicCache(), DynamicCache())

    def step(self, last: Tensor) -> Tensor:
        """logits_BV after the tokens *last* (B)."""
        out = self.model(
            decoder_input_ids=last[:, None],
            encoder_outputs=(self.read,),
            attention_mask=self.mask,
            past_key_values=self.cache,
            use_cache=True,
        )
        logits_BV: Tensor = out.logits[:, -1]
        return logits_BV

    def keep(self, lines: Tensor) -> None:
        """Goes on with these lines of the batch alone."""
        self.read, self.mask = self.read[lines], self.mask[lines]
        self.cache.batch_select_indices(lines)


class _CausalSteps:
    """A decoder-only model.

    Inputs are padded at the left, so their last column is the first token to step from.
    """

    def __init__(self, model: Any, ids_BS: Tensor, mask_BS: Tensor) -> None:
        self.model, self.mask, self.cache = model, mask_BS[:, :-1], DynamicCache()
        if ids_BS.shape[1] > 1:
            self._read(ids_BS[:, :-1], positions(self.mask))

    def step(self, last: Tensor) -> Tensor:
        """logits_BV after the tokens *last* (B)."""
        self.mask = torch.cat([self.mask, self.mask.new_ones(len(last), 1)], 1)
        return self._read(last[:, None], self.mask.sum(1, keepdim=True) - 1)

    def _read(self, ids: Tensor, at: Tensor) -> Tensor:
        out = self.model(
            input_ids=ids,
            attention_mask=self.mask,
            position_ids=at,
            past_key_values=self.cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits_BV: Tensor = out.logits[:, -1]
        return logits_BV

    def keep(self, lines: Tensor) -> None:
        """Goes on with these lines of the batch alone."""
        self.mask = self.mask[lines]
        self.cache.batch_select_indices(lines)


_Steps = _Seq2SeqSteps | _CausalSteps
