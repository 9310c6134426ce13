"""The head of a published encoder: it begins from a probe on mean tokens, and ends calibrated."""

import json

import pytest
import tokenizers
import torch
import torch.nn.functional as F  # noqa: N812 - torch's own short name
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedTokenizerFast,
)

from p2m.artifacts import Choice, Example, Splits
from p2m.engine import decode
from p2m.fit.plan import read_plan, write_plan
from p2m.fit.prepare import prepare
from p2m.student import build
from p2m.student._head import calibrate
from p2m.trainer._plan import make_plan
from tests.fit.conftest import component, fit_here
from tests.students import TINY_BERT

COLOURS = ("red", "green", "blue")
WORDS = ("rose", "leaf", "sky")
ROWS = [
    Example(f"{'a b c d e f g'[: 2 * i + 1]} {word}", colour, "user:train")
    for i in range(7)
    for word, colour in zip(WORDS, COLOURS, strict=True)
]


@pytest.fixture
def base(tmp_path):
    """A published encoder, with a tokenizer of its own."""
    folder = tmp_path / "base"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, *"abcdefg"]
    inner = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]")
    )
    inner.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    inner.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    names = {f"{name.lower()}_token": f"[{name}]" for name in ("PAD", "UNK", "CLS", "SEP")}
    PreTrainedTokenizerFast(tokenizer_object=inner, **names).save_pretrained(folder)
    torch.manual_seed(0)
    settings = {name: value for name, value in TINY_BERT.items() if name != "model_type"}
    config = AutoConfig.for_model("bert", **settings | {"vocab_size": len(words)})
    AutoModel.from_config(config).save_pretrained(folder)
    return Choice(str(folder), None, "encoder")


def planned(folder, base, **changes):
    folder.mkdir()
    splits = Splits(ROWS * 20, ROWS * 2, labels=COLOURS)
    write_plan(make_plan(component(**changes), base, splits, folder), folder)
    return folder


def test_the_head_reads_the_mean_of_the_tokens(base):
    student = build.fresh(base, 0, labels=COLOURS)
    plain = AutoModel.from_pretrained(base.base)
    ids = torch.tensor([[2, 4, 5, 3, 0], [2, 6, 7, 8, 3]])
    mask = ids != 0
    tokens = plain.eval()(input_ids=ids, attention_mask=mask).last_hidden_state
    mean = (tokens * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    seen = student.model.eval().bert(input_ids=ids, attention_mask=mask).pooler_output
    wanted = torch.tanh(0.5 * F.layer_norm(mean, mean.shape[1:]))
    assert torch.allclose(seen, wanted, atol=0.1)


def test_a_student_knows_its_task_before_it_is_fine_tuned(tmp_path, base):
    prepared = prepare(folder := planned(tmp_path / "s", base), read_plan(folder))
    decoder = decode.Decoder(prepared.loaded, "", 16, 1)
    answers = decoder.answers([row.input for row in ROWS])
    right = sum(answer == row.output for answer, row in zip(answers, ROWS, strict=True))
    assert right > 2 * len(ROWS) / 3


def test_doubt_is_measured_on_the_validation_set_and_changes_no_answer(tmp_path, base):
    prepared = prepare(folder := planned(tmp_path / "s", base), read_plan(folder))
    decoder = decode.Decoder(prepared.loaded, "", 16, 1)
    texts = [row.input for row in ROWS]
    with torch.no_grad():
        prepared.loaded.model.classifier.weight.mul_(0.1)
        prepared.loaded.model.classifier.bias.mul_(0.1)
    before, answers = decoder.probabilities(texts), decoder.answers(texts)
    data = prepared.data
    calibrate(prepared.loaded, data.some(data.valid), "cpu")
    after = decoder.probabilities(texts)
    assert decoder.answers(texts) == answers
    assert all(max(new) > max(old) for old, new in zip(before, after, strict=True))


def test_plain_transformers_gives_the_answers_and_their_probabilities(tmp_path, base):
    student = fit_here(planned(tmp_path / "s", base, max_examples=84))
    texts = [row.input for row in ROWS]
    probabilities = decode.load(student).probabilities(texts)
    model = AutoModelForSequenceClassification.from_pretrained(student.folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(student.folder)
    plain = model(**tokenizer(texts, padding=True, return_tensors="pt")).logits.softmax(-1)
    assert torch.allclose(plain, torch.tensor(probabilities), atol=1e-4)
    lines = (student.folder / "curve.jsonl").read_text().splitlines()
    assert max(json.loads(line).get("exact_match", 0) for line in lines) > 2 / 3
