"""Which optimizer updates which weights."""

from typing import Any

import torch
from torch.optim import Optimizer

from p2m.fit.muon import StackedMuon
from p2m.fit.plan import Updates

# the second as in Vaswani et al. 2017: .999 is too slow for runs of a thousand steps
BETAS = (0.9, 0.98)


def make_optimizers(model: Any, updates: Updates) -> list[Optimizer]:
    """One for all weights that are trained; or Muon for matrices, and AdamW for the rest."""
    matrices, weights = [], []
    for name, weight in model.named_parameters():
        if not weight.requires_grad:
            continue
        if updates.optimizer == "muon" and weight.ndim == 2 and not is_table(name):
            matrices.append(weight)
        else:
            weights.append(weight)
    lr, decay = updates.lr, updates.weight_decay
    if updates.optimizer == "adafactor":
        return [torch.optim.Adafactor(weights, lr, weight_decay=decay)]
    optimizers: list[Optimizer] = []
    if matrices:
        muon = StackedMuon(matrices, lr, weight_decay=decay, adjust_lr_fn=updates.adjust_lr_fn)
        optimizers.append(muon)
    if weights:  # adapters alone are matrices, all of them
        adamw = torch.optim.AdamW(weights, lr, betas=BETAS, weight_decay=decay, fused=True)
        optimizers.append(adamw)
    return optimizers


def is_table(name: str) -> bool:
    """Whether rows are looked up in it: Muon is for matrices that multiply."""
    tables = ("shared", "embed", "lm_head", "relative_attention_bias")
    return any(table in name for table in tables)
