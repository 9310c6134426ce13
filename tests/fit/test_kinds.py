"""Students of every kind, trained whole or by adapters, learn what they are shown and are measured
as they answer."""

import json
import re
from dataclasses import replace

import pytest
import tokenizers
from transformers import PreTrainedTokenizerFast

from p2m.artifacts import Example, Splits
from p2m.engine import decode
from p2m.errors import UserError
from p2m.student.build import LoadedModel
from p2m.student.byte_tokenizer import ByteTokenizer
from p2m.student.limits import lost_share
from tests.fit.conftest import TINY, examples, fit_here, job
from tests.students import CONFIGS, ENCODERS

T5 = TINY | {"dropout_rate": 0.0}
COLOURS = ("red", "green", "blue")
CHOSEN = [
    Example(f"{i} {word}", colour, "user:train")
    for i in range(8)
    for word, colour in zip(("rose", "leaf", "sky"), COLOURS, strict=True)
]
TWELVE = Splits(examples(12), examples(12))
CASES = {
    "decoder-only": (CONFIGS["llama"], replace(TWELVE, suffix="=")),
    "encoder-decoder": (T5, TWELVE),
    "encoder-decoder mt5": (CONFIGS["mt5"], TWELVE),
    "encoder-decoder bart": (CONFIGS["bart"], TWELVE),
}
for name in ("gemma3", "mistral", "qwen2", "qwen3"):
    CASES[f"decoder-only {name}"] = (CONFIGS[name], replace(TWELVE, suffix="="))
for name, config in ENCODERS.items():
    kind = "encoder" if name == "bert" else f"encoder {name}"
    # the usual spread of first weights: tests that train want it narrower than those that compare
    plain = {key: value for key, value in config.items() if key != "initializer_range"}
    CASES[kind] = (plain, Splits(CHOSEN, CHOSEN, labels=COLOURS))


def trained(folder, kind, **changes):
    config, splits = CASES[kind]
    plain = {"lr": 3e-3, "max_examples": 4800, "valid_every": 1200, "batch_size": 12}
    if config["model_type"] in {"t5", "mt5"}:
        plain["residual_dropout"] = 0.0  # these few are to be learnt by heart
    student = fit_here(job(folder, splits, config, kind=kind.split()[0], **(plain | changes)))
    return splits, student


def shares(splits, student) -> tuple[float, float]:
    """Of the training answers, those that it gives exactly; and of validation, the best that was
    seen."""
    answers = decode.load(student).answers([row.input for row in splits.train])
    exact = sum(a == row.output for a, row in zip(answers, splits.train, strict=True))
    lines = (student.folder / "curve.jsonl").read_text().splitlines()
    return exact / len(answers), max(json.loads(line).get("exact_match", 0) for line in lines)


# one of each kind; the others have other layers, which tests/student looks at one by one
FEW = ("decoder-only", "encoder", "encoder-decoder")
KINDS = [kind if kind in FEW else pytest.param(kind, marks=pytest.mark.slow) for kind in CASES]


@pytest.mark.parametrize("kind", KINDS)
def test_a_student_of_each_kind_learns_and_answers_what_validation_saw(tmp_path, kind):
    exact, seen = shares(*trained(tmp_path, kind))
    assert exact == pytest.approx(seen)
    assert exact > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_adapters_are_merged_into_a_student_like_any_other(tmp_path, kind):
    from safetensors.torch import load_file

    splits, student = trained(tmp_path, kind, lora_rank=16, optimizer="adamw", lr=2e-2)
    exact, seen = shares(splits, student)
    assert not [name for name in load_file(tmp_path / "model.safetensors") if "lora" in name]
    assert exact == pytest.approx(seen)
    assert exact > 0.3


def test_adapters_leave_the_weights_of_the_base_to_the_merge(tmp_path):
    from p2m.student import build
    from p2m.student.lora import add_adapters
    from tests.students import choice

    made = build.fresh(choice(T5), 0)
    names = {name for name, p in add_adapters(made, 4).model.named_parameters() if p.requires_grad}
    assert names
    assert all("lora" in name for name in names)


def test_adapters_train_with_the_optimizer_of_students_from_scratch(tmp_path):
    _, student = trained(
        tmp_path, "decoder-only", lora_rank=16, optimizer="auto", max_examples=24, valid_every=24
    )
    assert (student.folder / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("prefix", "changes"),
    [(100, {}), (1500, {}), (20, {"max_input": 24}), (100, {"max_input": 128})],
)
def test_an_instruction_before_each_input_leaves_it_its_room(tmp_path, prefix, changes):
    """A short input needs little."""
    student = fit_here(
        job(tmp_path, Splits(examples(12), prefix="x" * prefix), T5, max_examples=12, **changes)
    )
    assert student.cut == 0


@pytest.mark.parametrize("most", [100, 102])
def test_an_instruction_that_leaves_inputs_no_room_is_refused(tmp_path, most):
    said = (
        f"trainer.max_input: of {most} tokens, what stands before and after each input takes "
        f"101, which leaves too little room for inputs"
        " of 5; set processor.instruction=never, or a larger trainer.max_input if the "
        "student can read more"
    )
    rows = [Example(f"long{i}", "x", "user:train") for i in range(9)]
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        fit_here(job(tmp_path, Splits(rows, prefix="x" * 100), T5, max_examples=12, max_input=most))


@pytest.fixture
def letters(tmp_path):
    """A student's tokenizer that knows small letters."""
    from p2m.student.hub_tokenizer import HubTokenizer

    words = tokenizers.Tokenizer(
        tokenizers.models.BPE(
            {c: i for i, c in enumerate(["<pad>", "</s>", "<unk>", *"abc "])}, [], unk_token="<unk>"
        )
    )
    words.decoder = tokenizers.decoders.Fuse()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    fast.save_pretrained(tmp_path / "letters")
    return HubTokenizer.load(str(tmp_path / "letters"), None)


class Blurred(ByteTokenizer):
    """To which a blank is a blank, however many of them."""

    def encode(self, texts):
        return super().encode([" ".join(text.split()) for text in texts])


def test_answers_that_the_tokenizer_cannot_write_are_counted_and_where_they_are_most_refused(
    letters,
):
    assert lost_share(["a b", "cab", "ab{c}", "abc"], LoadedModel(None, letters)) == 0.25
    assert lost_share(["a  b", "c\n"], LoadedModel(None, Blurred())) == 1, (
        "blanks alone are no reason to refuse"
    )
    assert lost_share(["a{b", "é\n\nß", "\U0001f600"], LoadedModel(None, ByteTokenizer())) == 0
    said = (
        "model: the student's tokenizer cannot write 2 of 3 training answers that were "
        "looked at, such as '{ab}', of which it makes 'ab';"
        " take a student that reads bytes, such as model=byt5_small or model=byt5_nano"
    )
    with pytest.raises(UserError, match=f"^{re.escape(said)}$"):
        lost_share(["a", "{ab}", "{c}"], LoadedModel(None, letters))
