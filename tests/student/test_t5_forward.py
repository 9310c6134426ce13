"""The forward pass for training against the one of transformers."""

import pytest
import torch

from p2m.student import _t5_forward, build
from tests.student.conftest import CONFIGS, choice

T5 = [name for name in CONFIGS if name not in {"bart", "llama", "qwen2"}]


def inputs():
    torch.manual_seed(0)
    ids, fed = torch.randint(3, 200, (5, 17)), torch.randint(3, 200, (5, 7))
    ids[0, 9:] = ids[1, 15:] = 0
    return ids, ids != 0, fed


def theirs(model, ids, mask, fed):
    return model(input_ids=ids, attention_mask=mask, decoder_input_ids=fed, use_cache=False).logits


@pytest.mark.parametrize("name", T5)
def test_logits_and_gradients_are_those_of_transformers(name):
    model = build.fresh(choice(CONFIGS[name]), 0).model.eval()
    assert _t5_forward.gains(model.config, "cpu")
    ids, mask, fed = inputs()
    found = {}
    for who, logits in (
        ("ours", _t5_forward.logits(model, ids, mask, fed, torch.float32)),
        ("theirs", theirs(model, ids, mask, fed)),
    ):
        model.zero_grad()
        logits.logsumexp(-1).sum().backward()
        found[who] = (
            logits.detach(),
            {name: p.grad.clone() for name, p in model.named_parameters()},
        )
    assert torch.allclose(found["ours"][0], found["theirs"][0], rtol=1e-4, atol=1e-4)
    for at, gradient in found["theirs"][1].items():
        assert torch.allclose(
            found["ours"][1][at], gradient, rtol=1e-3, atol=1e-3 * gradient.abs().max()
        ), at


def test_in_bf16_it_is_as_near_to_fp32_as_autocast():
    model = build.fresh(choice(CONFIGS["t5"]), 0).model.eval()
    ids, mask, fed = inputs()
    with torch.no_grad():
        exact = theirs(model, ids, mask, fed)
        ours = _t5_forward.logits(model, ids, mask, fed, torch.bfloat16).float()
        with torch.autocast("cpu", torch.bfloat16):
            cast = theirs(model, ids, mask, fed).float()
    assert (ours - exact).abs().mean() < 2 * (cast - exact).abs().mean()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_is_no_t5_is_left_to_transformers_and_on_a_processor_what_has_dropout_of_its_own(
    device,
):
    with_dropout, bart = (
        build.fresh(choice(c), 0).model.config
        for c in (CONFIGS["t5"] | {"dropout_rate": 0.1}, CONFIGS["bart"])
    )
    assert not _t5_forward.gains(bart, device)
    assert _t5_forward.gains(with_dropout, device) == (device == "cuda")


@pytest.mark.parametrize("name", T5)
def test_as_a_gpu_and_a_compiler_take_it_logits_and_gradients_are_those_of_transformers(name):
    """With torch's own norm and GELU; traced, but run as it stands."""
    model = build.fresh(choice(CONFIGS[name]), 0).model.eval()
    ids, mask, fed = inputs()
    torch._dynamo.reset()
    with torch.profiler.profile() as seen:
        ours = torch.compile(_t5_forward.logits, backend="eager")(
            model, ids, mask, fed, torch.float32
        )
    found = {event.key for event in seen.key_averages()}
    assert any("rms_norm" in key for key in found), found
    assert ("aten::gelu" in found) == model.config.is_gated_act
    gradients = []
    for logits in (ours, theirs(model, ids, mask, fed)):
        model.zero_grad()
        logits.logsumexp(-1).sum().backward()
        gradients.append({at: p.grad.clone() for at, p in model.named_parameters()})
    assert torch.allclose(ours, theirs(model, ids, mask, fed), rtol=1e-4, atol=1e-4)
    for at, gradient in gradients[1].items():
        assert torch.allclose(
            gradients[0][at], gradient, rtol=1e-3, atol=1e-3 * gradient.abs().max()
        ), at


@pytest.mark.parametrize("name", ["t5", "gated t5"])
def test_dropout_of_its_own_leaves_out_what_it_does_in_transformers(name):
    """Both draw from torch's seed in the same order."""
    model = build.fresh(choice(CONFIGS[name] | {"dropout_rate": 0.3}), 0).model.train()
    model.set_attn_implementation("eager")
    found = []
    for forward in (
        lambda *what: _t5_forward.logits(model, *what, torch.float32),
        lambda *what: theirs(model, *what),
    ):
        what = inputs()
        torch.manual_seed(1)
        found.append(forward(*what))
    assert torch.allclose(*found, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(
        found[0], _t5_forward.logits(model.eval(), *inputs(), torch.float32), rtol=0.1, atol=0.1
    )


def test_residual_dropout_leaves_out_what_transformers_layers_leave_out():
    model = build.fresh(choice(CONFIGS["t5"]), 0).model.train()
    _t5_forward.dropped(model, 0.5)
    assert _t5_forward.gains(model.config, "cpu")
    ids, mask, fed = inputs()
    torch.manual_seed(1)
    ours = _t5_forward.logits(model, ids, mask, fed, torch.float32)
    torch.manual_seed(1)
    assert torch.allclose(ours, theirs(model, ids, mask, fed), rtol=1e-4, atol=1e-4)
    whole = _t5_forward.logits(model.eval(), ids, mask, fed, torch.float32)
    assert torch.allclose(whole, theirs(model, ids, mask, fed), rtol=1e-4, atol=1e-4)
    assert (ours - whole).abs().max() > 0.1


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_leaves_out_its_share_and_makes_up_for_it(dtype):
    torch.manual_seed(0)
    thinned = _t5_forward.FastDropout(0.2)(torch.ones(333, 301, dtype=dtype))
    assert sorted(set(thinned.flatten().tolist())) == [0.0, torch.tensor(1.25, dtype=dtype).item()]
    assert (thinned == 0).float().mean() == pytest.approx(
        0.2, abs=0.005
    )  # 4 standard errors of 100,233 draws


def test_dropout_follows_from_torchs_seed_and_draws_anew_each_time():
    thin, x = _t5_forward.FastDropout(0.5), torch.ones(64, 64)
    torch.manual_seed(1)
    first, second = thin(x), thin(x)
    torch.manual_seed(1)
    assert torch.equal(thin(x), first)
    assert not torch.equal(first, second)
    assert torch.equal(thin.eval()(x), x)


@pytest.mark.parametrize("rows", [1, 2, 300])
def test_products_without_gradients_are_onednns_and_as_exact(rows):
    torch.manual_seed(0)
    x, weight = torch.randn(rows, 384), torch.randn(128, 384)
    with torch.inference_mode(), torch.profiler.profile() as seen:
        found = _t5_forward.product(x, weight)
    assert "mkldnn::_linear_pointwise" in {event.key for event in seen.key_averages()}
    torch.testing.assert_close(found.double(), x.double() @ weight.double().T, atol=2e-4, rtol=0)
