"""The forward pass of training: how likely each label is, each seen only by those after it.

Shapes: B examples, S input tokens, T output tokens, V of the vocabulary (or the number of labels).
"""

from typing import Any

import torch
from torch import Tensor

from p2m.student import _t5
from p2m.student.build import LoadedModel

IGNORED = -100  # label that carries no loss


def logits(built: LoadedModel, ids_BS: Tensor, labels_BT: Tensor, bf16: bool) -> Tensor:
    """logits_BTV in fp32.  Inputs are padded at the side that the kind of student wants."""
    model, pad = built.model, built.tokenizer.pad
    given_BT = labels_BT.masked_fill(labels_BT == IGNORED, pad)
    mask_BS = ids_BS != pad
    inputs: dict[str, Any] = {"input_ids": ids_BS, "attention_mask": mask_BS}
    # 1) what each kind of student reads
    if built.kind == "encoder-decoder":
        start = labels_BT.new_full((len(labels_BT), 1), model.config.decoder_start_token_id or 0)
        fed_BT = torch.cat([start, given_BT[:, :-1]], 1)
        if _t5.has_own_forward(model):
            dtype = torch.bfloat16 if bf16 else model.dtype
            return _t5.logits(model, ids_BS, mask_BS, fed_BT, dtype).float()
        inputs |= {"decoder_input_ids": fed_BT, "use_cache": False}
    elif built.is_causal:
        answer_mask = torch.ones_like(given_BT[:, :-1], dtype=torch.bool)
        mask_BL = torch.cat([mask_BS, answer_mask], 1)
        inputs = {
            "input_ids": torch.cat([ids_BS, given_BT[:, :-1]], 1),
            "attention_mask": mask_BL,
            "position_ids": positions(mask_BL),
            "use_cache": False,
            "logits_to_keep": labels_BT.shape[1],
        }
    # 2) transformers' forward
    with torch.autocast(ids_BS.device.type, torch.bfloat16, enabled=bf16):
        out: Tensor = model(**inputs).logits.float()
    return out[:, None] if built.kind == "encoder" else out


def positions(mask_BL: Tensor) -> Tensor:
    """Places counted from the first token of each row that is no padding."""
    return (mask_BL.long().cumsum(-1) - 1).clamp(min=0)
