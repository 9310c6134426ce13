"""The training forward of a T5 from the model's own weights, in fewer calls than transformers'.

bf16 throughout instead of a cast at each call, an RMSNorm of few passes, and attention written out
with the masks added once.  experiments/t5_forward and experiments/gpu_speed say what it brings.
Shapes: B examples, S input tokens, T output tokens, H heads, D of a head, M of the model.
"""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own short name
from torch import Tensor

CLASSES = {"T5ForConditionalGeneration", "MT5ForConditionalGeneration"}


def has_own_forward(model: Any) -> bool:
    """The one switch: whether `logits` serves, or transformers' forward.

    Adapters and parts of weights make other classes of a model, which need their own forward;
    so does gradient checkpointing.
    """
    return type(model).__name__ in CLASSES and not model.is_activation_checkpointing


def set_residual_dropout(model: Any, share: float) -> None:
    """From now on training leaves out a *share* of what each layer of a T5 adds.

    As in Vaswani et al. 2017, section 5.4.  T5's own dropout_rate also takes from inputs, attention
    and inner layers, which a small student recovers from slowly.
    """
    for block in (*model.encoder.block, *model.decoder.block):
        for layer in block.layer:
            layer.dropout = torch.nn.Dropout(share)


def logits(
    model: Any, ids_BS: Tensor, mask_BS: Tensor, fed_BT: Tensor, dtype: torch.dtype
) -> Tensor:
    """logits_BTV in *dtype*, with gradients to the weights.

    mask_BS is False where an input is padding; fed_BT goes to the decoder.
    """
    lowest, T = torch.finfo(dtype).min, fed_BT.shape[1]
    # 1) the encoder reads the inputs
    padding_BS = torch.zeros(mask_BS.shape, dtype=dtype, device=ids_BS.device)
    padding_B11S = padding_BS.masked_fill(~mask_BS, lowest)[:, None, None, :]
    bias_BHSS = _distances(model.encoder, ids_BS.shape[1], dtype) + padding_B11S
    x = model.encoder.dropout(F.embedding(ids_BS, model.shared.weight).to(dtype))
    for own, feed in (block.layer for block in model.encoder.block):
        x = _attend(x, own, own.SelfAttention, None, bias_BHSS)
        x = _feed(x, feed)
    read_BSM = model.encoder.dropout(_norm(x, model.encoder.final_layer_norm))
    # 2) the decoder, each place seeing those before it
    later_TT = torch.full((T, T), lowest, dtype=dtype, device=ids_BS.device).triu(1)
    bias_1HTT = _distances(model.decoder, T, dtype) + later_TT
    x = model.decoder.dropout(F.embedding(fed_BT, model.shared.weight).to(dtype))
    for own, cross, feed in (block.layer for block in model.decoder.block):
        x = _attend(x, own, own.SelfAttention, None, bias_1HTT)
        x = _attend(x, cross, cross.EncDecAttention, read_BSM, padding_B11S)
        x = _feed(x, feed)
    x = model.decoder.dropout(_norm(x, model.decoder.final_layer_norm))
    if getattr(model.config, "scale_decoder_outputs", False):
        x = x * model.config.d_model**-0.5
    return _linear(x, model.lm_head)


def _distances(stack: Any, n: int, dtype: torch.dtype) -> Tensor:
    """The position bias that the first layer holds for all of its stack: (1, H, n, n)."""
    bias: Tensor = stack.block[0].layer[0].SelfAttention.compute_bias(n, n)
    return bias.to(dtype)


def _attend(x: Tensor, layer: Any, at: Any, read_BSM: Tensor | None, bias: Tensor) -> Tensor:
    """What *x* becomes by attention: to itself, or to what the encoder read.  T5 has no scale.

    Written out: on processors the fused form has a slow backward for so small heads, and on a GPU
    it is slower by a tenth to a third where the bias learns (experiments/gpu_speed).
    """
    queries = _norm(x, layer.layer_norm)
    source = queries if read_BSM is None else read_BSM
    q = _split(_linear(queries, at.q), at.n_heads)
    k, v = (_split(_linear(source, w), at.n_heads) for w in (at.k, at.v))
    weights = F.dropout(torch.softmax(q @ k.mT + bias, -1), at.dropout, at.training)
    mixed_BTM = (weights @ v).transpose(1, 2).flatten(2)
    added: Tensor = layer.dropout(_linear(mixed_BTM, at.o))
    return x + added


def _feed(x: Tensor, layer: Any) -> Tensor:
    dense, normed = layer.DenseReluDense, _norm(x, layer.layer_norm)
    if hasattr(dense, "wi_0"):
        inner = dense.act(_linear(normed, dense.wi_0)) * _linear(normed, dense.wi_1)
    else:
        inner = dense.act(_linear(normed, dense.wi))
    added: Tensor = layer.dropout(_linear(dense.dropout(inner), dense.wo))
    return x + added


def _norm(x: Tensor, layer: Any) -> Tensor:
    """T5's layer norm has neither mean nor bias (Zhang & Sennrich 2019)."""
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return F.rms_norm(x, x.shape[-1:], layer.weight.to(x.dtype), layer.variance_epsilon)
    normed: Tensor = _Norm.apply(x, layer.weight, layer.variance_epsilon)  # type: ignore[no-untyped-call]
    return normed


class _Norm(torch.autograd.Function):
    """x / sqrt(mean(x^2) + epsilon) * weight, its gradient written out.

    On a processor torch's own takes eighteen passes over x, this one seven.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=_sum_dtype(x))
        mean_square = length.square_() / x.shape[-1]
        scale = mean_square.add_(epsilon).rsqrt_().to(x.dtype)
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
        return to_x, along.flatten(0, -2).sum(0, dtype=_sum_dtype(unit)), None


def _sum_dtype(x: Tensor) -> torch.dtype:
    """fp32 at least: sums in bf16 lose digits."""
    return torch.promote_types(x.dtype, torch.float32)


def _linear(x: Tensor, layer: Any) -> Tensor:
    return F.linear(x, layer.weight.to(x.dtype))


def _split(x_BTM: Tensor, heads: int) -> Tensor:
    """Heads apart: (B, H, T, D)."""
    return x_BTM.view(*x_BTM.shape[:2], heads, -1).transpose(1, 2)
