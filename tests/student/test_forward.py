"""What training sees of a student is what decoding does."""

import pytest
import torch

from p2m.student._forward import IGNORED, logits
from tests.students import CONFIGS, ENCODERS, built, choice

INPUTS, ANSWERS = ["a", "hello world", "x" * 90, "é日"], ["yes", "no way", "a", "bb"]


def batch(made, rows):
    outputs = made.output_tokenizer.encode([ANSWERS[i] for i in rows])
    ids = made.encode_inputs([INPUTS[i] + "\n" for i in rows]).pad(
        range(len(rows)), 64, made.end_ids("\n"), 0, made.is_causal
    )
    return torch.from_numpy(ids), torch.from_numpy(outputs.pad(range(len(rows)), 12, [1], IGNORED))


@pytest.mark.parametrize("name", list(CONFIGS))
def test_an_example_has_the_same_logits_alone_and_beside_longer_ones(name):
    made = built(choice(CONFIGS[name]))
    # in fp32 products of one row and of many differ, by how much hangs on the processor
    made.model.double()
    with torch.no_grad():
        whole = logits(made, *batch(made, range(4)), bf16=False)
        for i in range(4):
            alone = logits(made, *batch(made, [i]), bf16=False)[0]
            torch.testing.assert_close(whole[i, : len(alone)], alone, atol=1e-6, rtol=1e-6)


def test_a_decoder_only_student_is_asked_for_its_answer_alone():
    made = built(choice(CONFIGS["llama"]))
    ids, labels = batch(made, [1])
    with torch.no_grad():
        told = logits(made, ids, labels, bf16=False)
        plain = made.model(torch.cat([ids, labels[:, :-1]], 1)).logits[:, ids.shape[1] - 1 :]
    assert told.shape[:2] == labels.shape
    torch.testing.assert_close(told, plain)


@pytest.mark.parametrize("name", list(ENCODERS))
def test_an_encoder_has_one_label_an_example_alone_and_beside_longer_ones(name):
    made = built(choice(ENCODERS[name]), labels=tuple(ANSWERS))
    made.model.double()
    with torch.no_grad():
        whole = logits(made, *batch(made, range(4)), bf16=False)
        assert whole.shape == (4, 1, 4)
        for i in range(4):
            alone = logits(made, *batch(made, [i]), bf16=False)[0]
            torch.testing.assert_close(whole[i], alone, atol=1e-6, rtol=1e-6)
