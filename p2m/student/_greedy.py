"""The most probable token at each step, with a cache of keys and values.

Shapes: B answers, S input tokens, V tokens of the vocabulary.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from p2m.student.build import Built

Step = Callable[[Tensor], Tensor]  # last tokens (B) -> logits_BV
Keep = Callable[[Tensor], None]  # only these rows (indices) go on


def greedy(built: Built, max_output: int) -> Callable[[NDArray[np.int64]], list[list[int]]]:
    """A function from ids_BS, padded at the right, to the ids of each answer, without the end token."""
    from p2m.student._t5 import T5Steps

    model = built.model
    lean = T5Steps(model, max_output) if model.config.model_type in {"t5", "mt5"} else None

    @torch.inference_mode()
    def decode(ids: NDArray[np.int64]) -> list[list[int]]:
        ids_BS = torch.from_numpy(ids).to(model.device)  # noqa: N806
        mask_BS = ids_BS != built.tokenizer.pad  # noqa: N806
        step, keep = lean.start(ids_BS, mask_BS) if lean else _start(model, ids_BS, mask_BS)
        return _run(step, keep, len(ids), model.config, built.tokenizer.end, max_output, model.device)

    return decode


def _run(step: Step, keep: Keep, n: int, config: Any, end: int, max_output: int, device: torch.device) -> list[list[int]]:
    """Steps until every answer has its end token.  A batch of which half is finished is made smaller."""
    answers: list[list[int]] = [[] for _ in range(n)]
    rows = list(range(n))  # which answer each line of the batch belongs to
    last = torch.full((n,), config.decoder_start_token_id, device=device)
    going = set(rows)
    for _ in range(max_output):
        last = step(last).argmax(-1)
        for row, token in zip(rows, last.tolist(), strict=True):
            if row in going:
                going.discard(row) if token == end else answers[row].append(token)
        if not going:
            break
        if 2 * len(going) <= len(rows):
            lines = torch.tensor([i for i, row in enumerate(rows) if row in going], device=device)
            keep(lines)
            rows, last = [row for row in rows if row in going], last[lines]
    return answers


def _start(model: Any, ids_BS: Tensor, mask_BS: Tensor) -> tuple[Step, Keep]:  # noqa: N803
    """Any encoder-decoder of transformers, through its own forward and cache."""
    from transformers import DynamicCache, EncoderDecoderCache

    state = {"seen": model.get_encoder()(input_ids=ids_BS, attention_mask=mask_BS).last_hidden_state, "mask": mask_BS}
    cache = EncoderDecoderCache(DynamicCache(), DynamicCache())

    def step(last: Tensor) -> Tensor:
        out = model(
            decoder_input_ids=last[:, None], encoder_outputs=(state["seen"],), attention_mask=state["mask"],
            past_key_values=cache, use_cache=True,
        )  # fmt: skip
        logits_BV: Tensor = out.logits[:, -1]  # noqa: N806
        return logits_BV

    def keep(lines: Tensor) -> None:
        state.update({name: value[lines] for name, value in state.items()})
        cache.batch_select_indices(lines)

    return step, keep
