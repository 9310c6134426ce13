"""One decoding step of a T5 in few calls, from the model's own weights.

transformers' forward spends most of a small model's step on Python; here are the same sums with the three projections of a layer in one
matrix, room for keys and values made once, and the position biases looked up.
Shapes: B answers, S input tokens, T output tokens, H heads, D of a head, M of the model.
"""

from typing import Any

import torch
from torch import Tensor

from p2m.student._t5_forward import forward, mixed, norm, product, seen, split


class T5Steps:
    """What is the same for every batch: fused weights and the biases of each distance."""

    def __init__(self, model: Any, max_output: int) -> None:
        self.model, self.max_output = model, max_output
        self.layers = [_Layer(block) for block in model.decoder.block]
        config = model.config
        self.heads, self.scale = (
            config.num_heads,
            config.d_model**-0.5 if getattr(config, "scale_decoder_outputs", False) else 1.0,
        )
        first = model.decoder.block[0].layer[0].SelfAttention
        with torch.inference_mode():  # the query at the last place sees every distance once
            self.bias_1H1T = first.compute_bias(1, max_output, past_seen_tokens=max_output - 1)

    def start(self, ids_BS: Tensor, mask_BS: Tensor) -> tuple[Any, Any]:
        batch = _Batch(self, ids_BS, mask_BS)
        return batch.step, batch.keep


class _Layer:
    """A decoder block with the projections of what its own attention sees in one matrix."""

    def __init__(self, block: Any) -> None:
        own, cross, self.feed = block.layer
        self.norms = [own.layer_norm, cross.layer_norm]
        attention, self.cross = own.SelfAttention, cross.EncDecAttention
        self.qkv = torch.cat([attention.q.weight, attention.k.weight, attention.v.weight]).detach()
        self.out = attention.o.weight


class _Batch:
    """The answers under way: their keys and values so far."""

    def __init__(self, steps: T5Steps, ids_BS: Tensor, mask_BS: Tensor) -> None:
        self.steps, self.t = steps, 0
        seen_BSM, self.mask_B11S = seen(
            steps.model, ids_BS, mask_BS, steps.model.shared.weight.dtype
        )
        self.crossed = [self._crossed(seen_BSM, layer.cross) for layer in steps.layers]
        B, H, D, T = (
            len(ids_BS),
            steps.heads,
            steps.layers[0].out.shape[1] // steps.heads,
            steps.max_output,
        )
        self.kept = [
            (seen_BSM.new_empty(B, H, D, T), seen_BSM.new_empty(B, H, T, D)) for _ in steps.layers
        ]

    def _crossed(self, seen_BSM: Tensor, cross: Any) -> tuple[Tensor, Tensor]:
        """Keys (B, H, D, S) and values (B, H, S, D) of the input, each in one piece of memory, as every step reads all of them."""
        k, v = (split(product(seen_BSM, w.weight), self.steps.heads) for w in (cross.k, cross.v))
        return k.mT.contiguous(), v.contiguous()

    def step(self, last: Tensor) -> Tensor:
        model, t = self.steps.model, self.t
        x_B1M = model.shared(last)[:, None]
        bias = self.steps.bias_1H1T[..., self.steps.max_output - 1 - t :]
        for layer, kept, crossed in zip(self.steps.layers, self.kept, self.crossed, strict=True):
            x_B1M = self._layer(x_B1M, layer, kept, crossed, bias)
        self.t += 1
        out_BM = norm(x_B1M[:, 0], model.decoder.final_layer_norm) * self.steps.scale
        return product(out_BM, model.lm_head.weight)

    def _layer(self, x: Tensor, layer: _Layer, kept: Any, crossed: Any, bias: Tensor) -> Tensor:
        t, heads = self.t, self.steps.heads
        q, k, v = (
            split(part, heads) for part in product(norm(x, layer.norms[0]), layer.qkv).chunk(3, -1)
        )
        kept[0][..., t : t + 1], kept[1][:, :, t : t + 1] = k.mT, v
        x = x + product(mixed(q, kept[0][..., : t + 1], kept[1][:, :, : t + 1], bias), layer.out)
        q = split(product(norm(x, layer.norms[1]), layer.cross.q.weight), heads)
        x = x + product(mixed(q, crossed[0], crossed[1], self.mask_B11S), layer.cross.o.weight)
        return forward(x, layer.feed)

    def keep(self, lines: Tensor) -> None:
        self.mask_B11S = self.mask_B11S[lines]
        self.crossed = [(k[lines], v[lines]) for k, v in self.crossed]
        self.kept = [(k[lines], v[lines]) for k, v in self.kept]
