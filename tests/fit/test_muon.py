import pytest
import torch

from p2m.fit.muon import StackedMuon, orthogonal

SHAPES = [(16, 16), (48, 16), (16, 48), (16, 16), (8, 16)]


def after(optimizer, steps: int, **settings) -> list[torch.Tensor]:
    torch.manual_seed(0)
    parameters = [torch.nn.Parameter(torch.randn(shape)) for shape in SHAPES]
    made = optimizer(parameters, lr=0.02, weight_decay=0.1, **settings)
    for _ in range(steps):
        for p in parameters:
            p.grad = torch.randn_like(p)
        made.step()
    return [p.detach() for p in parameters]


@pytest.mark.parametrize(
    "settings",
    [{}, {"adjust_lr_fn": "original"}, {"adjust_lr_fn": "match_rms_adamw"}],
)
def test_its_update_is_that_of_torch(settings):
    """Both run their iterations in bf16, so they agree to its 8 bits."""
    ours, theirs = (after(kind, 5, **settings) for kind in (StackedMuon, torch.optim.Muon))
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a, b, atol=2e-3)


def test_its_state_is_read_by_torch():
    p = torch.nn.Parameter(torch.ones(4, 4))
    p.grad = torch.eye(4)
    ours, theirs = StackedMuon([p]), torch.optim.Muon([p])
    ours.step()
    theirs.load_state_dict(ours.state_dict())
    assert torch.allclose(theirs.state[p]["momentum_buffer"], 0.05 * torch.eye(4))


def test_a_matrix_without_a_gradient_stays():
    p, q = (torch.nn.Parameter(torch.ones(4, 4)) for _ in range(2))
    p.grad = torch.eye(4)
    StackedMuon([p, q]).step()
    assert torch.equal(q, torch.ones(4, 4))
    assert not torch.equal(p, torch.ones(4, 4))


def test_each_matrix_of_a_stack_becomes_nearly_orthogonal():
    torch.manual_seed(0)
    made = orthogonal(torch.randn(3, 8, 32), (3.4445, -4.7750, 2.0315), 5, 1e-7).float()
    singular = torch.linalg.svdvals(made)
    assert singular.min() > 0.6
    assert singular.max() < 1.3
