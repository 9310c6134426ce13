"""The forward pass of a T5 from the model's own weights, on a processor in three fifths of transformers' time in training.

The same sums in fewer calls: a layer's projections in one product, a fused norm, one precision throughout instead of a cast at each call.
A GPU waits for calls more than it works (experiments/gpu_speed), and so gains too.
Shapes: B examples, S input tokens, T output tokens, H heads, M of the model, V of the vocabulary.
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own short name
from torch import Tensor
from transformers.activations import NewGELUActivation

_ONEDNN = hasattr(
    torch.ops.mkldnn, "_linear_pointwise"
)  # what torch.compile takes for linear layers; it has no public name


def gains(config: Any, device: str) -> bool:
    """Whether logits() computes what such a model does, and in less time than transformers.

    On a processor T5's own dropout, which torch draws slowly, takes most of what is saved.
    """
    return config.model_type in {"t5", "mt5"} and (device != "cpu" or not config.dropout_rate)


def dropped(t5: Any, share: float) -> None:
    """From now on training leaves out a *share* of what each layer of a T5 adds, as in Vaswani et al. 2017, section 5.4.

    T5's own dropout_rate also takes from inputs, attention and inner layers, which a small student recovers from slowly.
    """
    for block in (*t5.encoder.block, *t5.decoder.block):
        for layer in block.layer:
            layer.dropout = FastDropout(share)


class FastDropout(torch.nn.Module):
    """Dropout.  On a processor by numbers of numpy's, from a seed of torch's, in a fifth of the time: torch draws one after the other."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and self.share):
            return x
        if _by_torch(x):
            return F.dropout(x, self.share)
        words = np.random.SFC64(int(torch.randint(2**63 - 1, ()))).random_raw(
            -(-x.numel() // 4)
        )  # 64 bits each
        drawn = words.view(np.uint16)[: x.numel()].reshape(x.shape)
        kept = torch.from_numpy((drawn >= round(self.share * 2**16)).view(np.uint8)).to(x.dtype)
        return x * kept.mul_(1 / (1 - self.share))


def logits(
    model: Any, ids_BS: Tensor, mask_BS: Tensor, fed_BT: Tensor, dtype: torch.dtype
) -> Tensor:
    """logits_BTV in *dtype*, with gradients to the weights.  mask_BS is False where an input is padding; fed_BT goes to the decoder."""
    heads = model.config.num_heads
    seen_BSM, padding_B11S = seen(model, ids_BS, mask_BS, dtype)
    x = model.decoder.dropout(F.embedding(fed_BT, model.shared.weight).to(dtype))
    T = fed_BT.shape[1]
    later_TT = torch.full((T, T), torch.finfo(dtype).min, dtype=dtype, device=ids_BS.device).triu(1)
    bias_1HTT = _distances(model.decoder, T).to(dtype) + later_TT
    for block in model.decoder.block:
        x = _own(x, block.layer[0], heads, bias_1HTT)
        x = _cross(x, block.layer[1], heads, seen_BSM, padding_B11S)
        x = forward(x, block.layer[2])
    x = model.decoder.dropout(norm(x, model.decoder.final_layer_norm))
    if getattr(model.config, "scale_decoder_outputs", False):
        x = x * model.config.d_model**-0.5
    return product(x, model.lm_head.weight.to(dtype))


def seen(model: Any, ids_BS: Tensor, mask_BS: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """What the encoder makes of the inputs, seen_BSM, and padding_B11S, which added to weights of attention takes out the padding."""
    padding_B11S = torch.zeros(mask_BS.shape, dtype=dtype, device=ids_BS.device)
    padding_B11S = padding_B11S.masked_fill(~mask_BS, torch.finfo(dtype).min)[:, None, None, :]
    x = model.encoder.dropout(F.embedding(ids_BS, model.shared.weight).to(dtype))
    bias_BHSS = _distances(model.encoder, ids_BS.shape[1]).to(dtype) + padding_B11S
    for block in model.encoder.block:
        x = _own(x, block.layer[0], model.config.num_heads, bias_BHSS)
        x = forward(x, block.layer[1])
    return model.encoder.dropout(norm(x, model.encoder.final_layer_norm)), padding_B11S


def _by_torch(x: Tensor) -> bool:
    """Whether torch's own functions serve better than what is written out here: on a GPU, where calls count, and compiled."""
    return x.device.type != "cpu" or torch.compiler.is_compiling()


def _distances(stack: Any, n: int) -> Tensor:
    """The position bias that the first layer holds for all of its stack: (1, H, n, n)."""
    found: Tensor = stack.block[0].layer[0].SelfAttention.compute_bias(n, n)
    return found


class _Norm(torch.autograd.Function):
    """x / sqrt(mean(x^2) + epsilon) * weight, its gradient written out: torch's own takes eighteen passes over x, this one seven."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        mean = (
            torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32).square_()
            / x.shape[-1]
        )
        scale = mean.add_(epsilon).rsqrt_().to(x.dtype)
        unit = x * scale
        weight = weight.to(x.dtype)
        ctx.save_for_backward(unit, scale, weight)
        normed: Tensor = unit * weight
        return normed

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        unit, scale, weight = ctx.saved_tensors
        along = gradient * unit
        shared = (along @ weight).unsqueeze(-1) / unit.shape[-1]
        to_x = torch.addcmul(gradient * weight, unit, shared, value=-1).mul_(scale)
        return to_x, along.flatten(0, -2).sum(0, dtype=torch.float32), None


def norm(x: Tensor, layer: Any) -> Tensor:
    """T5's layer norm has neither mean nor bias (Zhang & Sennrich 2019)."""
    if _by_torch(x):
        return F.rms_norm(x, x.shape[-1:], layer.weight.to(x.dtype), layer.variance_epsilon)
    normed: Tensor = _Norm.apply(x, layer.weight, layer.variance_epsilon)  # type: ignore[no-untyped-call]
    return normed


def split(x_BTM: Tensor, heads: int) -> Tensor:
    """Heads apart: (B, H, T, D of a head)."""
    return x_BTM.view(*x_BTM.shape[:2], heads, -1).transpose(1, 2)


def linear(x: Tensor, *layers: Any) -> Tensor:
    """The outputs of several linear layers side by side, from one product."""
    weights = [layer.weight for layer in layers]
    return product(x, (torch.cat(weights) if len(weights) > 1 else weights[0]).to(x.dtype))


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x @ weight.T, in fp32 without gradients by oneDNN, which on AMD is twice as fast as MKL, which F.linear takes."""
    if _ONEDNN and x.dtype == torch.float32 and not _by_torch(x) and not torch.is_grad_enabled():
        found: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
        return found
    return F.linear(x, weight)


def mixed(q: Tensor, k_BHDT: Tensor, v: Tensor, bias: Tensor, dropout: float = 0.0) -> Tensor:
    """Attention without a scale, which T5 has not, heads side by side.

    Written out: on processors the fused form has a slow backward for so small heads, and takes twice the time for a single query; on a GPU
    it is slower by a tenth to a third where the bias learns (experiments/gpu_speed).
    """
    weights = (
        F.dropout(torch.softmax(q @ k_BHDT + bias, -1), dropout)
        if dropout
        else torch.softmax(q @ k_BHDT + bias, -1)
    )
    return (weights @ v).transpose(1, 2).flatten(2)


def _thinned(x: Tensor, layer: Any) -> Tensor:
    """What a layer adds, as training has it."""
    thinned: Tensor = layer.dropout(x)
    return thinned


def _own(x: Tensor, layer: Any, heads: int, bias: Tensor) -> Tensor:
    at = layer.SelfAttention
    q, k, v = (
        split(part, heads)
        for part in linear(norm(x, layer.layer_norm), at.q, at.k, at.v).chunk(3, -1)
    )
    return x + _thinned(linear(mixed(q, k.mT, v, bias, _share(at)), at.o), layer)


def _cross(x: Tensor, layer: Any, heads: int, read: Tensor, bias: Tensor) -> Tensor:
    at = layer.EncDecAttention
    q = split(linear(norm(x, layer.layer_norm), at.q), heads)
    k, v = (split(part, heads) for part in linear(read, at.k, at.v).chunk(2, -1))
    return x + _thinned(linear(mixed(q, k.mT, v, bias, _share(at)), at.o), layer)


def _share(attention: Any) -> float:
    """Of attention's weights that training leaves out."""
    return float(attention.dropout) if attention.training else 0.0


def forward(x: Tensor, layer: Any) -> Tensor:
    dense, h = layer.DenseReluDense, norm(x, layer.layer_norm)
    if hasattr(dense, "wi_0"):
        gate, value = linear(h, dense.wi_0, dense.wi_1).chunk(2, -1)
        inner = _act(gate, dense) * value
    else:
        inner = _act(linear(h, dense.wi), dense)
    return x + _thinned(linear(dense.dropout(inner), dense.wo), layer)


def _act(x: Tensor, dense: Any) -> Tensor:
    fused = _by_torch(x) and isinstance(
        dense.act, NewGELUActivation
    )  # which takes eight calls to say it
    acted: Tensor = F.gelu(x, approximate="tanh") if fused else dense.act(x)
    return acted
