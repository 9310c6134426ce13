"""T5's own forward against that of transformers."""

import pytest
import torch

from p2m.student import _t5, build
from p2m.student._forward import IGNORED, logits
from tests.students import CONFIGS, choice

T5 = [name for name, config in CONFIGS.items() if config["model_type"] in {"t5", "mt5"}]


def inputs():
    torch.manual_seed(0)
    ids, fed = torch.randint(3, 200, (5, 17)), torch.randint(3, 200, (5, 7))
    ids[0, 9:] = ids[1, 15:] = 0
    return ids, ids != 0, fed


def theirs(model, ids, mask, fed):
    return model(input_ids=ids, attention_mask=mask, decoder_input_ids=fed, use_cache=False).logits


def compare_gradients(model, ours, theirs):
    gradients = []
    for out in (ours, theirs):
        model.zero_grad()
        out.logsumexp(-1).sum().backward()
        gradients.append({at: weight.grad.clone() for at, weight in model.named_parameters()})
    for at, gradient in gradients[1].items():
        atol = 1e-3 * float(gradient.abs().max())
        torch.testing.assert_close(gradients[0][at], gradient, rtol=1e-3, atol=atol, msg=at)


@pytest.mark.parametrize("name", T5)
@pytest.mark.parametrize("compiled", [False, True])
def test_logits_and_gradients_are_those_of_transformers(name, compiled):
    """Compiled: traced, as `trainer.compile` has it, but run as it stands."""
    model = build.fresh(choice(CONFIGS[name]), 0).model.eval()
    ids, mask, fed = inputs()
    forward = _t5.logits
    if compiled:
        torch._dynamo.reset()
        forward = torch.compile(_t5.logits, backend="eager")
    ours = forward(model, ids, mask, fed, torch.float32)
    wanted = theirs(model, ids, mask, fed)
    torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-4)
    compare_gradients(model, ours, wanted)


def test_in_bf16_it_is_as_near_to_fp32_as_autocast():
    model = build.fresh(choice(CONFIGS["t5"]), 0).model.eval()
    ids, mask, fed = inputs()
    with torch.no_grad():
        exact = theirs(model, ids, mask, fed)
        ours = _t5.logits(model, ids, mask, fed, torch.bfloat16).float()
        with torch.autocast("cpu", torch.bfloat16):
            cast = theirs(model, ids, mask, fed).float()
    assert (ours - exact).abs().mean() < 2 * (cast - exact).abs().mean()


def test_only_a_plain_t5_has_a_forward_of_its_own():
    t5, bart = (build.fresh(choice(CONFIGS[name]), 0).model for name in ("t5", "bart"))
    assert _t5.has_own_forward(t5)
    assert not _t5.has_own_forward(bart)
    t5.activation_checkpointing_enable()
    assert not _t5.has_own_forward(t5)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # peft asks for what transformers has renamed
def test_a_t5_with_adapters_or_with_shared_out_weights_is_left_to_transformers():
    peft = pytest.importorskip("peft")
    model = build.fresh(choice(CONFIGS["t5"]), 0).model
    adapted = peft.get_peft_model(model, peft.LoraConfig(target_modules="all-linear"))
    assert not _t5.has_own_forward(adapted)
    # as torch's fully_shard does it: the class of the model becomes one of its own
    model = build.fresh(choice(CONFIGS["t5"]), 0).model
    model.__class__ = type(f"FSDP{type(model).__name__}", (type(model),), {})
    assert not _t5.has_own_forward(model)


@pytest.mark.parametrize("name", T5)
def test_training_with_gradient_checkpoints_sees_the_same_logits(name):
    """The switch decides which code runs, not what comes out."""
    built = build.fresh(choice(CONFIGS[name]), 0)
    built.model.eval()
    ids, _, labels = inputs()
    labels[0, 3:] = IGNORED
    ours = logits(built, ids, labels, bf16=False)
    built.model.activation_checkpointing_enable()
    torch.testing.assert_close(ours, logits(built, ids, labels, bf16=False), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["t5", "gated t5"])
def test_dropout_of_its_own_leaves_out_what_it_does_in_transformers(name):
    """Both draw from torch's seed in the same order."""
    model = build.fresh(choice(CONFIGS[name] | {"dropout_rate": 0.3}), 0).model.train()
    model.set_attn_implementation("eager")
    what = inputs()
    torch.manual_seed(1)
    ours = _t5.logits(model, *what, torch.float32)
    torch.manual_seed(1)
    torch.testing.assert_close(ours, theirs(model, *what), rtol=1e-4, atol=1e-4)
    whole = _t5.logits(model.eval(), *what, torch.float32)
    assert not torch.allclose(ours, whole, rtol=0.1, atol=0.1)


def test_residual_dropout_leaves_out_what_transformers_layers_leave_out():
    model = build.fresh(choice(CONFIGS["t5"]), 0).model.train()
    _t5.set_residual_dropout(model, 0.5)
    ids, mask, fed = inputs()
    torch.manual_seed(1)
    ours = _t5.logits(model, ids, mask, fed, torch.float32)
    torch.manual_seed(1)
    torch.testing.assert_close(ours, theirs(model, ids, mask, fed), rtol=1e-4, atol=1e-4)
    whole = _t5.logits(model.eval(), ids, mask, fed, torch.float32)
    torch.testing.assert_close(whole, theirs(model, ids, mask, fed), rtol=1e-4, atol=1e-4)
    assert (ours - whole).abs().max() > 0.1
