"""The most probable token at each step, with a cache of keys and values.

Shapes: B answers, S input tokens, V tokens of the vocabulary.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from p2m.student._forward import positions
from p2m.student.build import LoadedModel

Step = Callable[[Tensor], Tensor]  # last tokens (B) -> logits_BV
Keep = Callable[[Tensor], None]  # only these rows (indices) go on


def greedy(
    built: LoadedModel, max_output: int, stopped: Callable[[], bool]
) -> Callable[[NDArray[np.int64]], list[list[int]]]:
    """A function from ids_BS, padded as the student wants them, to the ids of each answer, without the end token.

    Once stopped() is true, which it asks before each step, it gives the answers as far as they are.
    """
    from p2m.student._t5 import T5Steps

    model = built.model
    lean = T5Steps(model, max_output) if model.config.model_type in {"t5", "mt5"} else None

    def steps() -> Iterator[int]:
        return takewhile(lambda _: not stopped(), range(max_output))

    @torch.inference_mode()
    def decode(ids: NDArray[np.int64]) -> list[list[int]]:
        ids_BS = torch.from_numpy(ids).to(model.device)
        mask_BS = ids_BS != built.tokenizer.pad
        if built.kind == "encoder":
            return [
                [i]
                for i in model(input_ids=ids_BS, attention_mask=mask_BS).logits.argmax(-1).tolist()
            ]
        if built.is_causal:
            return _run(
                *_continue(model, ids_BS, mask_BS), ids_BS[:, -1], steps(), built.tokenizer.end
            )
        step, keep = lean.start(ids_BS, mask_BS) if lean else _start(model, ids_BS, mask_BS)
        return _run(
            step,
            keep,
            ids_BS.new_full((len(ids),), model.config.decoder_start_token_id),
            steps(),
            built.tokenizer.end,
        )

    return decode


def _run(step: Step, keep: Keep, last: Tensor, steps: Iterable[int], end: int) -> list[list[int]]:
    """As many *steps* as there are from the tokens *last*, or until every answer has its end token.

    A batch of which half is finished is made smaller.
    """
    answers: list[list[int]] = [[] for _ in last]
    rows = list(range(len(last)))  # which answer each line of the batch belongs to
    going = set(rows)
    for _ in steps:
        last = step(last).argmax(-1)
        for row, token in zip(rows, last.tolist(), strict=True):
            if row in going:
                going.discard(row) if token == end else answers[row].append(token)
        if not going:
            break
        if 2 * len(going) <= len(rows):
            lines = torch.tensor(
                [i for i, row in enumerate(rows) if row in going], device=last.device
            )
            keep(lines)
            rows, last = [row for row in rows if row in going], last[lines]
    return answers


def _start(model: Any, ids_BS: Tensor, mask_BS: Tensor) -> tuple[Step, Keep]:
    """Any encoder-decoder of transformers, through its own forward and cache."""
    from transformers import DynamicCache, EncoderDecoderCache

    state = {
        "seen": model.get_encoder()(input_ids=ids_BS, attention_mask=mask_BS).last_hidden_state,
        "mask": mask_BS,
    }
    cache = EncoderDecoderCache(DynamicCache(), DynamicCache())

    def step(last: Tensor) -> Tensor:
        out = model(
            decoder_input_ids=last[:, None], encoder_outputs=(state["seen"],), attention_mask=state["mask"],
            past_key_values=cache, use_cache=True,
        )  # fmt: skip
        logits_BV: Tensor = out.logits[:, -1]
        return logits_BV

    def keep(lines: Tensor) -> None:
        state.update({name: value[lines] for name, value in state.items()})
        cache.batch_select_indices(lines)

    return step, keep


def _continue(model: Any, ids_BS: Tensor, mask_BS: Tensor) -> tuple[Step, Keep]:
    """Any decoder-only model of transformers.  Inputs are padded at the left, so their last column is the first token to step from."""
    from transformers import DynamicCache

    cache, state = DynamicCache(), {"mask": mask_BS[:, :-1]}
    if ids_BS.shape[1] > 1:
        read = {
            "input_ids": ids_BS[:, :-1],
            "attention_mask": state["mask"],
            "position_ids": positions(state["mask"]),
        }
        model(**read, past_key_values=cache, use_cache=True, logits_to_keep=1)

    def step(last: Tensor) -> Tensor:
        state["mask"] = torch.cat([state["mask"], state["mask"].new_ones(len(last), 1)], 1)
        out = model(
            input_ids=last[:, None], attention_mask=state["mask"], position_ids=state["mask"].sum(1, keepdim=True) - 1,
            past_key_values=cache, use_cache=True,
        )  # fmt: skip
        logits_BV: Tensor = out.logits[:, -1]
        return logits_BV

    def keep(lines: Tensor) -> None:
        state["mask"] = state["mask"][lines]
        cache.batch_select_indices(lines)

    return step, keep
