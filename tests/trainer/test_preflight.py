"""What is refused before anything is paid."""

import re

import pytest

from p2m.artifacts import Choice, Example, Splits, TaskSpec
from p2m.errors import UserError
from p2m.trainer._plan import make_plan
from tests.fit.conftest import TINY, component, examples
from tests.students import TINY_BART

CHOICE = Choice("scratch", None, "encoder-decoder", TINY)
NONE = ("", "")  # nothing stands around an input


@pytest.mark.parametrize(
    ("name", "value", "usual"), [("select", "loss", "exact_match"), ("patience", 3, "auto")]
)
def test_what_looks_at_a_validation_set_is_refused_where_there_is_none(
    tmp_path, name, value, usual
):
    said = (
        rf"^trainer\.{name}: {value} looks at a validation set, and there is none; .* leave it "
        rf"at {usual}$"
    )
    with pytest.raises(UserError, match=said):
        component(**{name: value}).preflight(TaskSpec("x"), CHOICE, False, NONE)
    component(**{name: value}, overfit=8).preflight(
        TaskSpec("x"), CHOICE, False, NONE
    )  # then validation is on the training examples
    with pytest.raises(UserError, match=said):
        make_plan(component(**{name: value}), CHOICE, Splits(examples(20), []), tmp_path)


def test_settings_that_fit_neither_task_nor_student_are_refused_before_any_training(tmp_path):
    from transformers import BartConfig, BartForConditionalGeneration, ByT5Tokenizer

    small = {
        "d_model": 16,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "encoder_ffn_dim": 16,
        "decoder_ffn_dim": 16,
        "vocab_size": 300,
    }
    small["max_position_embeddings"] = 64
    BartForConditionalGeneration(
        BartConfig(**small, encoder_attention_heads=2, decoder_attention_heads=2)
    ).save_pretrained(tmp_path)
    ByT5Tokenizer().save_pretrained(tmp_path)
    bart, labels, free = (
        Choice(str(tmp_path), None, "encoder-decoder"),
        TaskSpec("x", labels=("a", "b")),
        TaskSpec("x"),
    )
    for name in ("residual_dropout", "concatenate"):
        with pytest.raises(
            UserError,
            match=(
                rf"^trainer\.{name}: is for t5 and mt5, and this student is a bart; set it to "
                rf"auto$"
            ),
        ):
            component(**{name: 0.1}).preflight(free, bart, True, NONE)
    with pytest.raises(
        UserError,
        match=r"^trainer\.freeze: no weight of this student begins with 'encoder'; .* are model$",
    ):
        component(freeze=["encoder"]).preflight(free, bart, True, NONE)
    with pytest.raises(
        UserError, match=r"^trainer\.sampling\.label_prior: this task's answers are no closed set"
    ):
        component(label_prior=0.5).preflight(free, CHOICE, True, NONE)
    with pytest.raises(
        UserError,
        match=(
            r"^trainer\.max_output: this student has 64 positions, got 65; set 64 or less, or "
            r"auto$"
        ),
    ):
        component(max_output=65).preflight(free, bart, True, NONE)
    llama = {
        "model_type": "llama",
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    with pytest.raises(
        UserError,
        match=(
            r"^trainer: this student has 64 positions for input and output together, got "
            r"max_input=40 and max_"
        ),
    ):
        component(max_input=40, max_output=25).preflight(
            free,
            Choice("scratch", None, "decoder-only", llama | {"max_position_embeddings": 64}),
            True,
            NONE,
        )
    component(
        residual_dropout=0.1, concatenate=0.5, freeze=["encoder"], label_prior=0.5, max_input=64
    ).preflight(labels, CHOICE, True, NONE)
    component(freeze=["model.encoder"]).preflight(free, bart, True, NONE)


def test_an_instruction_that_leaves_inputs_no_room_is_refused_before_any_training():
    rows = {
        "model_type": "llama",
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    llama = Choice("scratch", None, "decoder-only", rows | {"max_position_embeddings": 64})
    task = TaskSpec("x", demonstrations=tuple(Example("a" * n, "b", "prompt") for n in (60, 30)))
    for prefix, changes in ((50, {}), (14, {"max_input": 28})):
        most = changes.get("max_input", 64)
        said = (
            f"trainer.max_input: of {most} tokens, what stands before and after each input takes "
            f"{prefix + 1}, which leaves too little"
        )
        with pytest.raises(
            UserError, match=f"^{said} room for inputs of 30; .* or a smaller trainer.max_output$"
        ):
            component(**changes).preflight(task, llama, True, ("x" * (prefix - 4), "then"))
    component().preflight(task, llama, True, ("x" * 40, ""))
    component().preflight(task, CHOICE, True, ("x" * 5000, ""))  # a T5 has no such limit


def test_more_processes_than_a_batch_has_examples_are_refused_before_any_training():
    with pytest.raises(
        UserError,
        match=(
            r"^trainer\.parallel\.devices: 40 processes cannot share a batch of 32 examples; "
            r"take fewer, or a larger"
        ),
    ):
        component(devices=40, strategy="ddp", batch_size="auto").preflight(
            TaskSpec("x"), CHOICE, True, NONE
        )
    component(devices=40, strategy="ddp", batch_size=64).preflight(
        TaskSpec("x"), CHOICE, True, NONE
    )


def test_a_published_student_without_a_tokenizer_is_refused_before_any_training(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bart"}')
    with pytest.raises(
        UserError, match=rf"^student: no tokenizer of '{tmp_path}' at revision main: "
    ):
        component().preflight(
            TaskSpec("x"), Choice(str(tmp_path), None, "encoder-decoder"), True, NONE
        )


@pytest.mark.parametrize(
    ("freeze", "said"),
    [
        (
            ["embed"],
            (
                "no weight of this student begins with 'embed'; the first parts of their names "
                "are decoder, encoder, shared"
            ),
        ),
        (["shared", "encoder", "decoder"], "shared, encoder, decoder leave no weight to train"),
    ],
)
def test_what_cannot_be_frozen_is_told(freeze, said):
    with pytest.raises(UserError, match=f"^trainer.freeze: {said}$"):
        component(freeze=freeze).preflight(TaskSpec("x"), CHOICE, True, NONE)


@pytest.mark.parametrize("name", ["max_input", "max_output"])
def test_more_tokens_than_a_student_has_positions_are_refused(name):
    bart = Choice("scratch", None, "encoder-decoder", TINY_BART)
    said = rf"^trainer\.{name}: this student has 128 positions, got 129; set 128 or less, or auto$"
    with pytest.raises(UserError, match=said):
        component(**{name: 129}).preflight(TaskSpec("x"), bart, True, NONE)


def test_a_student_that_chooses_needs_labels():
    bert = Choice("scratch", None, "encoder", {"model_type": "bert"})
    said = r"^student: 'scratch' chooses among labels, and the task has no closed set of them$"
    with pytest.raises(UserError, match=said):
        component().preflight(TaskSpec("x"), bert, True, NONE)


def test_a_launcher_that_is_not_there_is_told_before_anything_is_paid():
    said = (
        "parallel.launch: no command 'nowhere' on this machine; give its path, or leave launch"
        " empty on one machine"
    )
    assert list(component(launch=["nowhere"]).ready()) == [said]


def test_several_machines_need_a_launcher():
    said = (
        "parallel.nodes=2 needs parallel.launch, the words that start a process on each machine,"
        ' such as [srun,"--nodes=2"]'
    )
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        component(nodes=2)


@pytest.mark.parametrize("more", [{"strategy": "ddp"}, {"nodes": 2}])
def test_how_many_processes_a_launcher_starts_has_to_be_said(more):
    said = (
        "parallel.devices=auto is not known where launch starts the processes; set it to how many"
        " it starts on each machine"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        component(devices="auto", launch=["srun"], **more)
    assert component(devices="auto", launch=["env"]).parallel.launch == ["env"], (
        "which starts one process as it is"
    )


def test_what_needs_whole_weights_is_refused_where_they_are_shared_out():
    said = "parallel.strategy=fsdp works on parts of weights; with it set"
    with pytest.raises(ValueError, match=f"^{said} optimizer.name=adamw$"):
        component(strategy="fsdp", optimizer="muon")
    with pytest.raises(ValueError, match=f"^{said} lora_rank=null, select=exact_match, compile=f"):
        component(strategy="fsdp", lora_rank=8, select="chrf", compile=True)


def test_settings_that_say_nothing_together_are_refused():
    with pytest.raises(
        ValueError, match=r"^freeze has nothing to say with lora_rank, which .* set"
    ):
        component(lora_rank=8, freeze=["encoder"])
