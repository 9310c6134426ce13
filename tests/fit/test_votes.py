"""What a teacher was of two minds about."""

import numpy as np
import pytest

from p2m.artifacts import Example, ExampleFile, Splits, write_rows
from p2m.fit.plan import Sampling
from p2m.fit.sampling import sampling_weights
from p2m.fit.votes import SoftLabels
from p2m.student import build
from tests.fit.conftest import fit_here, job
from tests.students import TINY_BERT

BERT = TINY_BERT | {"initializer_range": 0.02}
COLOURS = ("red", "green", "blue")
DIVIDED = Example("rose", "red", "teacher:1", votes=(("red", 3), ("blue", 1)))
SURE = Example("leaf", "green", "teacher:2")


def test_every_answer_is_an_example_and_those_of_one_input_weigh_as_much_as_one():
    voted = SoftLabels([SURE, DIVIDED])
    assert [(row.input, row.output, row.votes) for row in voted] == [
        ("leaf", "green", ()),
        ("rose", "red", ()),
        ("rose", "blue", ()),
    ]
    assert sampling_weights(voted, Sampling(1.0, 1.0, True)).tolist() == [1, 0.75, 0.25]
    assert voted[-1] == voted[2] == voted[2:][0]


def test_votes_are_kept_in_a_file_and_rows_without_them_are_as_before(tmp_path):
    write_rows(tmp_path / "rows.jsonl", [SURE, DIVIDED])
    assert list(ExampleFile(tmp_path / "rows.jsonl")) == [SURE, DIVIDED]
    assert (tmp_path / "rows.jsonl").read_text().splitlines()[
        0
    ] == '{"input": "leaf", "output": "green", "origin": "teacher:2"}'


@pytest.mark.parametrize(("soft", "share"), [(True, 0.75), (False, 1.0)])
def test_the_student_is_as_sure_as_its_teacher_was(tmp_path, soft, share):
    import torch

    rows = [DIVIDED, SURE] * 20
    plain = {
        "lr": 3e-3,
        "max_examples": 4000,
        "batch_size": 40,
        "soft_votes": soft,
        "select": "loss",
        "optimizer": "adamw",
    }
    student = fit_here(
        job(tmp_path, Splits(rows, rows[:2], labels=COLOURS), BERT, kind="encoder", **plain)
    )
    built = build.load(student)
    ids = torch.from_numpy(
        built.encode_inputs(["rose"]).pad([0], 64, built.end_ids(""), built.tokenizer.pad)
    )
    red = (
        built.model(input_ids=ids, attention_mask=torch.ones_like(ids))
        .logits.softmax(-1)[0, COLOURS.index("red")]
        .item()
    )
    assert red == pytest.approx(share, abs=0.06)
    assert np.isfinite(red)
