"""The forward pass of training: how likely each label is, each seen only by those after it.

Shapes: B examples, S input tokens, T output tokens, V of the vocabulary (or the number of labels).
"""

import torch
from torch import Tensor
from transformers import PreTrainedModel

from p2m.student import _t5_forward
from p2m.student.build import LoadedModel

IGNORED = -100  # label that carries no loss


def logits(built: LoadedModel, ids_BS: Tensor, labels_BT: Tensor, bf16: bool, lean: bool) -> Tensor:
    """logits_BTV in fp32.  Inputs are padded at the side that the kind of student wants.  lean: p2m's own forward where there is one."""
    model, pad = built.model, built.tokenizer.pad
    mask_BS = ids_BS != pad
    if built.kind == "encoder":
        with torch.autocast(ids_BS.device.type, torch.bfloat16, enabled=bf16):
            classes_BV: Tensor = model(input_ids=ids_BS, attention_mask=mask_BS).logits
        return classes_BV.float()[:, None]
    start = labels_BT.new_full(
        (len(labels_BT), 1), getattr(model.config, "decoder_start_token_id", None) or 0
    )
    given_BT = labels_BT.masked_fill(labels_BT == IGNORED, pad)
    if built.kind == "encoder-decoder":
        fed_BT = torch.cat([start, given_BT[:, :-1]], 1)
        plain = isinstance(
            model, PreTrainedModel
        )  # with no adapters around its layers, which the lean forward would pass by
        if lean and plain and _t5_forward.gains(model.config, ids_BS.device.type):
            return _t5_forward.logits(
                model, ids_BS, mask_BS, fed_BT, torch.bfloat16 if bf16 else torch.float32
            ).float()
        with torch.autocast(ids_BS.device.type, torch.bfloat16, enabled=bf16):
            out = model(
                input_ids=ids_BS, attention_mask=mask_BS, decoder_input_ids=fed_BT, use_cache=False
            )
    else:
        ids_BL = torch.cat([ids_BS, given_BT[:, :-1]], 1)
        mask_BL = torch.cat([mask_BS, torch.ones_like(given_BT[:, :-1], dtype=torch.bool)], 1)
        with torch.autocast(ids_BS.device.type, torch.bfloat16, enabled=bf16):
            out = model(
                input_ids=ids_BL, attention_mask=mask_BL, position_ids=positions(mask_BL), use_cache=False,
                logits_to_keep=labels_BT.shape[1],
            )  # fmt: skip
    logits_BTV: Tensor = out.logits.float()
    return logits_BTV


def positions(mask_BL: Tensor) -> Tensor:
    """Places counted from the first token of each row that is no padding."""
    return (mask_BL.long().cumsum(-1) - 1).clamp(min=0)
