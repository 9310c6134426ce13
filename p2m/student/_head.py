"""The head of a published encoder: begun from a probe, and made honest about its doubt in the end.

Fine-tuning from a head at random pulls features apart before the head knows what they say (Kumar et
al. 2022, arXiv 2202.10054).  Parts are ids_BS and labels_B1, as a training has them.
"""

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own short name
from torch import Tensor

from p2m.student._forward import logits
from p2m.student.build import LoadedModel

Parts = Iterable[tuple[Tensor, Tensor]]
ROUNDS = 200  # of L-BFGS, which ends by itself much sooner
FEW = 30  # examples with fewer of which doubt cannot be measured
# temperatures looked at: a fifth and five times are as far as a few examples may take it
TEMPERATURES = torch.logspace(-0.7, 0.7, 57)


def start_from_probe(loaded: LoadedModel, parts: Parts, device: str) -> None:
    """Gives the head the weights of a logistic regression on the features that it reads now."""
    head = _head(loaded.model)
    features: list[Tensor] = []
    watch = head.register_forward_pre_hook(lambda _, inputs: features.append(inputs[0]))
    _, labels_B = _look(loaded, parts, device)
    watch.remove()
    weight, bias = _regress(torch.cat(features), labels_B, len(loaded.labels))
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(bias)


def calibrate(loaded: LoadedModel, parts: Parts, device: str) -> None:
    """Divides the head by the temperature (Guo et al. 2017) that fits some examples best.

    No answer changes.
    """
    logits_BV, labels_B = _look(loaded, parts, device)
    if len(labels_B) < FEW:
        return
    losses = [F.cross_entropy(logits_BV / t, labels_B) for t in TEMPERATURES]
    best = float(TEMPERATURES[torch.stack(losses).argmin()])
    head = _head(loaded.model)
    with torch.no_grad():
        head.weight.div_(best)
        head.bias.div_(best)


def _head(model: Any) -> torch.nn.Linear:
    """The last linear layer, whose outputs are the labels."""
    return [each for each in model.modules() if isinstance(each, torch.nn.Linear)][-1]


@torch.no_grad()
def _look(loaded: LoadedModel, parts: Parts, device: str) -> tuple[Tensor, Tensor]:
    """logits_BV and labels_B of all parts."""
    loaded.model.to(device).eval()
    found = []
    for ids_BS, labels_B1 in parts:
        out_B1V = logits(loaded, ids_BS.to(device), labels_B1.to(device), bf16=False)
        found.append((out_B1V[:, 0], labels_B1[:, 0].to(device)))
    if not found:
        return torch.empty(0, len(loaded.labels)), torch.empty(0, dtype=torch.int64)
    some_logits, some_labels = zip(*found, strict=True)
    return torch.cat(some_logits), torch.cat(some_labels)


def _regress(features_BD: Tensor, labels_B: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """Weights and biases of n labels, from features of unit length; scikit-learn's C = 1."""
    length = features_BD.square().sum(1).mean().sqrt()
    unit_BD = features_BD / length
    weight = unit_BD.new_zeros(n, unit_BD.shape[1], requires_grad=True)
    bias = unit_BD.new_zeros(n, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=ROUNDS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        entropy = F.cross_entropy(unit_BD @ weight.T + bias, labels_B, reduction="sum")
        total = (entropy + weight.square().sum() / 2) / len(labels_B)
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return weight.detach() / length, bias.detach()
