"""One decoding step of a T5 in few calls, from the model's own weights.

transformers' forward spends most of a small model's step on Python; here are the same sums with the three projections of a layer in one
matrix, room for keys and values made once, and the position biases looked up.
Shapes: B answers, S input tokens, T output tokens, H heads, D of a head, M of the model.
"""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own short name
from torch import Tensor

from p2m.student._t5_forward import seen


class T5Steps:
    """What is the same for every batch: fused weights and the biases of each distance."""

    def __init__(self, model: Any, max_output: int) -> None:
        self.model, self.max_output = model, max_output
        self.layers = [_Layer(block) for block in model.decoder.block]
        config = model.config
        self.heads, self.scale = config.num_heads, config.d_model**-0.5 if getattr(config, "scale_decoder_outputs", False) else 1.0
        first = model.decoder.block[0].layer[0].SelfAttention
        with torch.inference_mode():  # the query at the last place sees every distance once
            self.bias_1H1T = first.compute_bias(1, max_output, past_seen_tokens=max_output - 1)

    def start(self, ids_BS: Tensor, mask_BS: Tensor) -> tuple[Any, Any]:  # noqa: N803
        batch = _Batch(self, ids_BS, mask_BS)
        return batch.step, batch.keep


class _Layer:
    """A decoder block's weights."""

    def __init__(self, block: Any) -> None:
        own, cross, forward = block.layer
        self.norms = [(part.layer_norm.weight, part.layer_norm.variance_epsilon) for part in (own, cross, forward)]
        attention, self.cross = own.SelfAttention, cross.EncDecAttention
        self.qkv = torch.cat([attention.q.weight, attention.k.weight, attention.v.weight]).detach()
        self.out, self.feed = attention.o.weight, forward.DenseReluDense


class _Batch:
    """The answers under way: their keys and values so far."""

    def __init__(self, steps: T5Steps, ids_BS: Tensor, mask_BS: Tensor) -> None:  # noqa: N803
        self.steps, self.t = steps, 0
        seen_BSM, self.mask_B11S = seen(steps.model, ids_BS, mask_BS, steps.model.shared.weight.dtype)  # noqa: N806
        self.crossed = [tuple(self._split(F.linear(seen_BSM, w.weight)) for w in (layer.cross.k, layer.cross.v)) for layer in steps.layers]
        B, H, D = len(ids_BS), steps.heads, steps.layers[0].out.shape[1] // steps.heads  # noqa: N806
        self.kept = [tuple(seen_BSM.new_empty(B, H, steps.max_output, D) for _ in range(2)) for _ in steps.layers]

    def _split(self, x_BTM: Tensor) -> Tensor:  # noqa: N803
        """Heads apart: (B, H, T, D)."""
        return x_BTM.view(*x_BTM.shape[:-1], self.steps.heads, -1).transpose(1, 2)

    def step(self, last: Tensor) -> Tensor:
        model, t = self.steps.model, self.t
        x_B1M = model.shared(last)[:, None]  # noqa: N806
        bias = self.steps.bias_1H1T[..., self.steps.max_output - 1 - t :]
        for layer, kept, crossed in zip(self.steps.layers, self.kept, self.crossed, strict=True):
            x_B1M = self._layer(x_B1M, layer, kept, crossed, bias)  # noqa: N806
        self.t += 1
        final = model.decoder.final_layer_norm
        out_BM = _norm(x_B1M[:, 0], final.weight, final.variance_epsilon) * self.steps.scale  # noqa: N806
        return F.linear(out_BM, model.lm_head.weight)

    def _layer(self, x: Tensor, layer: _Layer, kept: Any, crossed: Any, bias: Tensor) -> Tensor:
        t = self.t
        q, k, v = (self._split(part) for part in F.linear(_norm(x, *layer.norms[0]), layer.qkv).chunk(3, -1))
        kept[0][:, :, t : t + 1], kept[1][:, :, t : t + 1] = k, v
        mixed = F.scaled_dot_product_attention(q, kept[0][:, :, : t + 1], kept[1][:, :, : t + 1], attn_mask=bias, scale=1.0)
        x = x + F.linear(mixed.transpose(1, 2).flatten(2), layer.out)
        q = self._split(F.linear(_norm(x, *layer.norms[1]), layer.cross.q.weight))
        mixed = F.scaled_dot_product_attention(q, crossed[0], crossed[1], attn_mask=self.mask_B11S, scale=1.0)
        x = x + F.linear(mixed.transpose(1, 2).flatten(2), layer.cross.o.weight)
        fed: Tensor = layer.feed(_norm(x, *layer.norms[2]))
        return x + fed

    def keep(self, lines: Tensor) -> None:
        self.mask_B11S = self.mask_B11S[lines]
        self.crossed = [tuple(part[lines] for part in pair) for pair in self.crossed]
        self.kept = [tuple(part[lines] for part in pair) for pair in self.kept]


def _norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """T5's layer norm has neither mean nor bias (Zhang & Sennrich 2019)."""
    return F.rms_norm(x, weight.shape, weight, epsilon)
