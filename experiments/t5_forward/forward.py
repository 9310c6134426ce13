"""A T5's training forward with each trick behind a switch, so that each can be timed against its
absence.

Shapes: B examples, S input tokens, T output tokens, H heads, M of the model, V of the vocabulary.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own short name
from torch import Tensor

TRICKS = frozenset({"projections", "norm", "precision", "attention"})


class OwnForward:
    """logits_BTV of a T5, with the *tricks* that are named and plain torch for the others.

    projections: q, k and v (keys and values of the input; both halves of a gate) from one product
    norm: RMSNorm with its backward written out   precision: bf16 throughout   attention: written
    out, masks summed once
    """

    def __init__(self, model: Any, tricks: frozenset[str]) -> None:
        self.model, self.tricks, self.heads = model, tricks, model.config.num_heads
        self.dtype = torch.bfloat16 if "precision" in tricks else torch.float32

    def __call__(self, ids_BS: Tensor, fed_BT: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled="precision" not in self.tricks):
            return self.logits(ids_BS, fed_BT)

    def logits(self, ids_BS: Tensor, fed_BT: Tensor) -> Tensor:
        model, (S, T) = self.model, (ids_BS.shape[1], fed_BT.shape[1])
        padding_B11S = torch.zeros(ids_BS.shape, dtype=self.dtype)
        padding_B11S = padding_B11S.masked_fill(ids_BS == 0, torch.finfo(self.dtype).min)
        padding_B11S = padding_B11S[:, None, None, :]
        x = F.embedding(ids_BS, model.shared.weight).to(self.dtype)
        bias_BHSS = self.distances(model.encoder, S) + padding_B11S
        for block in model.encoder.block:
            x = self.attend(x, block.layer[0], block.layer[0].SelfAttention, x, bias_BHSS)
            x = self.feed(x, block.layer[1])
        seen_BSM = self.norm(x, model.encoder.final_layer_norm)
        x = F.embedding(fed_BT, model.shared.weight).to(self.dtype)
        later_TT = torch.full((T, T), torch.finfo(self.dtype).min, dtype=self.dtype).triu(1)
        bias_1HTT = self.distances(model.decoder, T) + later_TT
        for block in model.decoder.block:
            x = self.attend(x, block.layer[0], block.layer[0].SelfAttention, x, bias_1HTT)
            x = self.attend(
                x, block.layer[1], block.layer[1].EncDecAttention, seen_BSM, padding_B11S
            )
            x = self.feed(x, block.layer[2])
        x = self.norm(x, model.decoder.final_layer_norm)
        if getattr(model.config, "scale_decoder_outputs", False):
            x = x * model.config.d_model**-0.5
        return F.linear(x, model.lm_head.weight.to(self.dtype))

    def distances(self, stack: Any, n: int) -> Tensor:
        return stack.block[0].layer[0].SelfAttention.compute_bias(n, n).to(self.dtype)

    def attend(self, x: Tensor, layer: Any, at: Any, read: Tensor, bias: Tensor) -> Tensor:
        normed = self.norm(x, layer.layer_norm)
        if read is x:
            q, k, v = (self.split(part) for part in self.linear(normed, at.q, at.k, at.v))
        else:
            q = self.split(self.linear(normed, at.q)[0])
            k, v = (self.split(part) for part in self.linear(read, at.k, at.v))
        if "attention" in self.tricks:
            mixed = torch.softmax(q @ k.mT + bias, -1) @ v
        else:
            bias = bias.to(q.dtype).expand(len(x), self.heads, q.shape[2], k.shape[2])
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=1.0)
        return x + layer.dropout(self.linear(mixed.transpose(1, 2).flatten(2), at.o)[0])

    def feed(self, x: Tensor, layer: Any) -> Tensor:
        dense, normed = layer.DenseReluDense, self.norm(x, layer.layer_norm)
        if hasattr(dense, "wi_0"):
            gate, value = self.linear(normed, dense.wi_0, dense.wi_1)
            inner = dense.act(gate) * value
        else:
            inner = dense.act(self.linear(normed, dense.wi)[0])
        return x + layer.dropout(self.linear(inner, dense.wo)[0])

    def linear(self, x: Tensor, *layers: Any) -> list[Tensor]:
        weights = [layer.weight.to(self.dtype) for layer in layers]
        if "projections" in self.tricks and len(weights) > 1:
            return list(F.linear(x, torch.cat(weights)).chunk(len(weights), -1))
        return [F.linear(x, weight) for weight in weights]

    def norm(self, x: Tensor, layer: Any) -> Tensor:
        if "norm" in self.tricks:
            return _Norm.apply(x, layer.weight, layer.variance_epsilon)
        if "module norm" in self.tricks:
            return layer(x).to(self.dtype)
        return F.rms_norm(x, x.shape[-1:], layer.weight.to(x.dtype), layer.variance_epsilon)

    def split(self, x_BTM: Tensor) -> Tensor:
        return x_BTM.view(*x_BTM.shape[:2], self.heads, -1).transpose(1, 2)


class _Norm(torch.autograd.Function):
    """x / sqrt(mean(x^2) + epsilon) * weight; its gradient in seven passes over x, where torch's
    takes eighteen."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
        scale = (length.square_() / x.shape[-1]).add_(epsilon).rsqrt_().to(x.dtype)
        unit = x * scale
        weight = weight.to(x.dtype)
        ctx.save_for_backward(unit, scale, weight)
        return unit * weight

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        unit, scale, weight = ctx.saved_tensors
        along = gradient * unit
        shared = (along @ weight).unsqueeze(-1) / unit.shape[-1]
        to_x = torch.addcmul(gradient * weight, unit, shared, value=-1).mul_(scale)
        return to_x, along.flatten(0, -2).sum(0, dtype=torch.float32), None


class NumpyDropout(torch.nn.Module):
    """Dropout by 16-bit numbers of numpy's, from a seed of torch's."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        seed = int(torch.randint(2**63 - 1, ()))
        words = np.random.SFC64(seed).random_raw(-(-x.numel() // 4))  # 64 bits each
        drawn = words.view(np.uint16)[: x.numel()].reshape(x.shape)
        kept = torch.from_numpy((drawn >= round(self.share * 2**16)).view(np.uint8)).to(x.dtype)
        return x * kept.mul_(1 / (1 - self.share))


class TorchDropout(torch.nn.Module):
    """The same by torch's 16-bit numbers: one random_ call."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        drawn = words.view(torch.int16)[: x.numel()].view(x.shape)
        kept = (drawn >= round(self.share * 2**16) - 2**15).to(x.dtype)
        return x * kept.mul_(1 / (1 - self.share))
