"""A student's folder opens with transformers alone, in a process that never sees p2m."""

import json
import subprocess
import sys

import pytest
import torch

from p2m.engine import decode
from p2m.student import build
from p2m.student.tokenizer import learn, of_base
from tests.students import TINY_BART, TINY_BERT, TINY_LLAMA, TINY_T5, built, choice, student

TEXTS = [
    "abc",
    "Übergrößen kosten 12\u00a0€",
    "</s> is four letters, <pad> five",
    "two\nlines\tand a tab ",
    "red blue",
    "a text that is longer than what the student reads " * 2,
]
LABELS = ("good", "bad", "neither")
STUDENTS = {
    "t5 of bytes": (TINY_T5, "bytes"),
    "t5 of pieces": (TINY_T5, "pieces"),
    "t5 of words": (TINY_T5, "words"),
    "bart of bytes": (TINY_BART, "bytes"),
    "llama of bytes": (TINY_LLAMA, "bytes"),
    "llama of words": (TINY_LLAMA, "words"),
    "llama of pieces": (TINY_LLAMA, "pieces"),
    "bert of bytes": (TINY_BERT, "bytes"),
}
# what a user without p2m would write
OPEN = """
import json, sys
from transformers import (AutoModelForCausalLM, AutoModelForSeq2SeqLM,
                          AutoModelForSequenceClassification, AutoTokenizer)

def answer(folder, kind, texts):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(texts, return_tensors="pt", padding=True, return_token_type_ids=False,
                      truncation=kind != "decoder-only")
    if kind == "encoder":
        model = AutoModelForSequenceClassification.from_pretrained(folder)
        return [model.config.id2label[i] for i in model(**batch).logits.argmax(-1).tolist()]
    auto = AutoModelForCausalLM if kind == "decoder-only" else AutoModelForSeq2SeqLM
    ids = auto.from_pretrained(folder).generate(**batch)
    if kind == "decoder-only":
        ids = ids[:, batch["input_ids"].shape[1]:]
    return tokenizer.batch_decode(ids, skip_special_tokens=True)

answers = [answer(*student) for student in json.load(sys.stdin)]
assert not [name for name in sys.modules if name.split(".")[0] == "p2m"]
print(json.dumps(answers))
"""


def make(name, folder, words):
    """A student that was never trained, in *folder*: its kind, some texts, and its answers."""
    config, tokenizer = STUDENTS[name]
    chosen = choice(config)
    labels = LABELS if chosen.kind == "encoder" else ()
    made = built(chosen, labels=labels)
    likely = slice(35, 130)  # ASCII
    if tokenizer == "pieces":
        made = build.LoadedModel(made.model, learn(TEXTS, 300), made.kind)
    if tokenizer == "words":
        made = build.LoadedModel(made.model, of_base(str(words), None), made.kind)
        likely = slice(3, 6)
    if not labels:
        with torch.no_grad():  # other ids become unlikely, since random bytes are no text
            weights = made.model.get_output_embeddings().weight
            weights[likely] *= 4
    kept = student(folder, kind=chosen.kind, labels=labels)
    build.save(made, kept)
    texts = TEXTS[:-1] if made.is_causal else TEXTS
    if tokenizer == "words":  # a published tokenizer may read special tokens out of a text
        texts = [text for text in texts if "<" not in text]
    return chosen.kind, texts, decode.load(kept).answers(texts)


@pytest.mark.timeout(300)
def test_transformers_alone_gives_the_same_answers(tmp_path, words):
    students, expected = [], {}
    for name in STUDENTS:
        folder = tmp_path / name
        kind, texts, answers = make(name, folder, words)
        assert len(set(answers)) > 1, name
        students.append((str(folder), kind, texts))
        expected[name] = answers
    run = subprocess.run(
        [sys.executable, "-P", "-c", OPEN],
        input=json.dumps(students),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr
    assert dict(zip(STUDENTS, json.loads(run.stdout), strict=True)) == expected
