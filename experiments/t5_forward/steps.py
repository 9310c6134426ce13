"""A T5's decoding step with each trick behind a switch, so that each can be timed against its
absence.

Shapes: B answers, S input tokens, T output tokens, H heads, D of a head, M of the model.
"""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own short name
from torch import Tensor

STEP_TRICKS = frozenset({"onednn", "projections", "room", "bias", "norm", "pieces"})
MAX_OUTPUT = 11  # tokens of each answer: an ISO date in bytes and its end


def decode_by_steps(model: Any, tricks: frozenset[str], ids_BS: Tensor, labels_BT: Tensor) -> None:
    batch = _Batch(model, tricks, ids_BS)
    last = ids_BS.new_zeros(len(ids_BS))
    for _ in range(MAX_OUTPUT):
        last = batch.step(last).argmax(-1)


def decode_by_transformers(model: Any, ids_BS: Tensor, labels_BT: Tensor) -> None:
    from transformers import DynamicCache, EncoderDecoderCache

    mask_BS = ids_BS != 0
    seen = model.get_encoder()(input_ids=ids_BS, attention_mask=mask_BS).last_hidden_state
    cache, last = EncoderDecoderCache(DynamicCache(), DynamicCache()), ids_BS.new_zeros(len(ids_BS))
    for _ in range(MAX_OUTPUT):
        out = model(
            decoder_input_ids=last[:, None],
            encoder_outputs=(seen,),
            attention_mask=mask_BS,
            past_key_values=cache,
            use_cache=True,
        )
        last = out.logits[:, -1].argmax(-1)


class _Batch:
    """onednn: products by oneDNN instead of MKL   projections: q, k and v in one product   room:
    for keys and values, made once
    bias: of all distances, made once   norm: the root in one call   pieces: keys of the input laid
    out as the product reads them
    """

    def __init__(self, model: Any, tricks: frozenset[str], ids_BS: Tensor) -> None:
        self.model, self.tricks, self.heads, self.t = model, tricks, model.config.num_heads, 0
        mask_BS = ids_BS != 0
        padding = torch.zeros(mask_BS.shape).masked_fill(~mask_BS, torch.finfo(torch.float32).min)
        self.padding_B11S = padding[:, None, None, :]
        x = model.shared(ids_BS)
        first = model.encoder.block[0].layer[0].SelfAttention
        bias = first.compute_bias(ids_BS.shape[1], ids_BS.shape[1]) + self.padding_B11S
        for block in model.encoder.block:
            at = block.layer[0].SelfAttention
            q, k, v = self._qkv(self._norm(x, block.layer[0].layer_norm), at, self._fused(at))
            x = x + self._product(self._mix(q, k.mT, v, bias), at.o.weight)
            x = self._feed(x, block.layer[1])
        seen_BSM = self._norm(x, model.encoder.final_layer_norm)
        B, D = len(ids_BS), model.config.d_kv
        self.crossed, self.kept, self.fused = [], [], []
        for block in model.decoder.block:
            cross = block.layer[1].EncDecAttention
            k = self._split(self._product(seen_BSM, cross.k.weight)).mT
            v = self._split(self._product(seen_BSM, cross.v.weight))
            self.crossed.append((k.contiguous(), v.contiguous()) if "pieces" in tricks else (k, v))
            room = MAX_OUTPUT if "room" in tricks else 0
            shape = (B, self.heads, room, D)
            self.kept.append((x.new_empty(B, self.heads, D, room), x.new_empty(shape)))
            self.fused.append(self._fused(block.layer[0].SelfAttention))
        self.own = model.decoder.block[0].layer[0].SelfAttention
        self.bias_1H1T = self.own.compute_bias(1, MAX_OUTPUT, past_seen_tokens=MAX_OUTPUT - 1)

    def step(self, last: Tensor) -> Tensor:
        x, t = self.model.shared(last)[:, None], self.t
        bias = self.bias_1H1T[..., MAX_OUTPUT - 1 - t :]
        if "bias" not in self.tricks:
            bias = self.own.compute_bias(1, t + 1, past_seen_tokens=t)
        for i, block in enumerate(self.model.decoder.block):
            own, cross, feed = block.layer
            at, q_at = own.SelfAttention, cross.EncDecAttention
            q, k, v = self._qkv(self._norm(x, own.layer_norm), at, self.fused[i])
            keys, values = self.kept[i]
            if "room" in self.tricks:
                keys[..., t : t + 1], values[:, :, t : t + 1] = k.mT, v
                keys, values = keys[..., : t + 1], values[:, :, : t + 1]
            else:
                keys, values = torch.cat([keys, k.mT], -1), torch.cat([values, v], 2)
                self.kept[i] = keys, values
            x = x + self._product(self._mix(q, keys, values, bias), at.o.weight)
            q = self._split(self._product(self._norm(x, cross.layer_norm), q_at.q.weight))
            x = x + self._product(self._mix(q, *self.crossed[i], self.padding_B11S), q_at.o.weight)
            x = self._feed(x, feed)
        self.t += 1
        x = self._norm(x[:, 0], self.model.decoder.final_layer_norm)
        if getattr(self.model.config, "scale_decoder_outputs", False):
            x = x * self.model.config.d_model**-0.5
        return self._product(x, self.model.lm_head.weight)

    def _fused(self, at: Any) -> Tensor | None:
        if "projections" not in self.tricks:
            return None
        return torch.cat([at.q.weight, at.k.weight, at.v.weight])

    def _qkv(self, x: Tensor, at: Any, fused: Tensor | None) -> list[Tensor]:
        if fused is None:
            return [self._split(self._product(x, w.weight)) for w in (at.q, at.k, at.v)]
        return [self._split(part) for part in self._product(x, fused).chunk(3, -1)]

    def _mix(self, q: Tensor, k_BHDT: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        return (torch.softmax(q @ k_BHDT + bias, -1) @ v).transpose(1, 2).flatten(2)

    def _feed(self, x: Tensor, layer: Any) -> Tensor:
        dense, normed = layer.DenseReluDense, self._norm(x, layer.layer_norm)
        if hasattr(dense, "wi_0"):
            inner = dense.act(self._product(normed, dense.wi_0.weight))
            inner = inner * self._product(normed, dense.wi_1.weight)
        else:
            inner = dense.act(self._product(normed, dense.wi.weight))
        return x + self._product(inner, dense.wo.weight)

    def _norm(self, x: Tensor, layer: Any) -> Tensor:
        if "norm" not in self.tricks:
            return F.rms_norm(x, x.shape[-1:], layer.weight, layer.variance_epsilon)
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        return (
            x
            * (length.square_() / x.shape[-1]).add_(layer.variance_epsilon).rsqrt_()
            * layer.weight
        )

    def _product(self, x: Tensor, weight: Tensor) -> Tensor:
        if "onednn" in self.tricks:
            return torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
        return F.linear(x, weight)

    def _split(self, x_BTM: Tensor) -> Tensor:
        return x_BTM.view(*x_BTM.shape[:2], self.heads, -1).transpose(1, 2)
