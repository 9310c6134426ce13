"""The component as the pipeline meets it: a process of its own, started, stopped, killed, and its errors told."""

import contextlib
import json
import math
import os
import re
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from p2m.artifacts import Choice, Example, ExampleFile, Splits, TaskSpec, write_rows
from p2m.errors import DiskFullError, IncompleteError, UserError
from p2m.fit.data import Order
from p2m.stages import Work
from p2m.trainer import _process
from tests.fit.conftest import ROOT, TINY, component, examples, fit_here, job

SPLITS = Splits(examples(60), examples(20, 60))
CHOICE = Choice("scratch", None, "encoder-decoder", TINY)


class Shown:
    """A bar that keeps what it was told, and does something at the first move."""

    def __init__(self, at_first=lambda: None) -> None:
        self.total, self.at, self.notes, self.at_first = None, 0.0, [], at_first

    @contextlib.contextmanager
    def __call__(self, total, unit):
        self.total, self.unit = total, unit
        yield self

    def advance(self, n: float = 1) -> None:
        self.at += n
        act, self.at_first = self.at_first, lambda: None
        act()

    def note(self, text: str) -> None:
        self.notes.append(text)


def run(folder: Path, bar: Shown, splits: Splits = SPLITS, **changes):
    folder.mkdir(exist_ok=True)
    return component(**changes).run(CHOICE, splits, Work(folder, "trainer", "run", "account", bar))


@pytest.mark.parametrize(
    ("name", "value", "usual"), [("select", "loss", "exact_match"), ("patience", 3, "auto")]
)
def test_what_looks_at_a_validation_set_is_refused_where_there_is_none(
    tmp_path, name, value, usual
):
    said = rf"^trainer\.{name}: {value} looks at a validation set, and there is none; .* leave it at {usual}$"
    with pytest.raises(UserError, match=said):
        component(**{name: value}).preflight(TaskSpec("x"), CHOICE, validated=False)
    component(**{name: value}, overfit=8).preflight(
        TaskSpec("x"), CHOICE, validated=False
    )  # then validation is on the training examples
    with pytest.raises(UserError, match=said):
        run(tmp_path, Shown(), Splits(examples(20), []), **{name: value})


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
            match=rf"^trainer\.{name}: is for t5 and mt5, and this student is a bart; set it to auto$",
        ):
            component(**{name: 0.1}).preflight(free, bart, validated=True)
    with pytest.raises(
        UserError,
        match=r"^trainer\.freeze: no weight of this student begins with 'encoder'; .* are model$",
    ):
        component(freeze=["encoder"]).preflight(free, bart, validated=True)
    with pytest.raises(
        UserError, match=r"^trainer\.label_prior: this task's answers are no closed set"
    ):
        component(label_prior=0.5).preflight(free, CHOICE, validated=True)
    with pytest.raises(
        UserError,
        match=r"^trainer\.max_output: this student has 64 positions, got 65; set 64 or less, or auto$",
    ):
        component(max_output=65).preflight(free, bart, validated=True)
    llama = {
        "model_type": "llama",
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    with pytest.raises(
        UserError,
        match=r"^trainer: this student has 64 positions for input and output together, got max_input=40 and max_",
    ):
        component(max_input=40, max_output=25).preflight(
            free,
            Choice("scratch", None, "decoder-only", llama | {"max_position_embeddings": 64}),
            validated=True,
        )
    component(
        residual_dropout=0.1, concatenate=0.5, freeze=["encoder"], label_prior=0.5, max_input=64
    ).preflight(labels, CHOICE, validated=True)
    component(freeze=["model.encoder"]).preflight(free, bart, validated=True)


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
        said = f"trainer.max_input: of {most} tokens, what stands before and after each input takes {prefix + 1}, which leaves too little"
        with pytest.raises(
            UserError, match=f"^{said} room for inputs of 30; .* or a smaller trainer.max_output$"
        ):
            component(**changes).preflight(
                task, llama, validated=True, template=("x" * (prefix - 4), "then")
            )
    component().preflight(task, llama, validated=True, template=("x" * 40, ""))
    component().preflight(
        task, CHOICE, validated=True, template=("x" * 5000, "")
    )  # a T5 has no such limit


def test_more_processes_than_a_batch_has_examples_are_refused_before_any_training():
    with pytest.raises(
        UserError,
        match=r"^trainer\.devices: 40 processes cannot share a batch of 32 examples; take fewer, or a larger",
    ):
        component(devices=40, strategy="ddp", batch_size="auto").preflight(
            TaskSpec("x"), CHOICE, validated=True
        )
    component(devices=40, strategy="ddp", batch_size=64).preflight(
        TaskSpec("x"), CHOICE, validated=True
    )


def test_a_published_student_without_a_tokenizer_is_refused_before_any_training(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bart"}')
    with pytest.raises(
        UserError, match=rf"^student: no tokenizer of '{tmp_path}' at revision main: "
    ):
        component().preflight(
            TaskSpec("x"), Choice(str(tmp_path), None, "encoder-decoder"), validated=True
        )


def test_a_run_that_was_killed_after_its_training_does_not_train_again(tmp_path):
    first = run(tmp_path / "job", Shown())
    weights = (first.folder / "model.safetensors").stat().st_mtime_ns
    (tmp_path / "job/checkpoints").mkdir()  # what it had not yet removed
    shown = Shown()
    assert run(tmp_path / "job", shown) == first
    assert shown.total is None, "no process was started"
    assert (first.folder / "model.safetensors").stat().st_mtime_ns == weights
    assert not (tmp_path / "job/checkpoints").exists()


def children() -> list[int]:
    """Processes that this one started and that train."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if (
                b"p2m.fit.train" in path.read_bytes()
                and int(re.search(r"PPid:\s+(\d+)", (path.parent / "status").read_text())[1])
                == os.getpid()
            ):
                found.append(int(path.parent.name))
    return found


def interrupt() -> None:
    raise KeyboardInterrupt


def test_an_interrupted_run_goes_on_and_leaves_the_student_of_an_uninterrupted_one(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "a", Shown(interrupt), checkpoint_s=1000)
    assert children() == []
    assert len(list((tmp_path / "a/checkpoints").glob("[0-9]*"))) == 1, (
        "what is told to stop first keeps where it is"
    )
    bar = Shown()
    student = run(tmp_path / "a", bar, checkpoint_s=1000)
    fit_here(job(tmp_path / "b", SPLITS))
    assert (student.folder, student.max_input, student.max_output, student.kind) == (
        tmp_path / "a",
        64,
        16,
        "encoder-decoder",
    )
    left = {p.name for p in student.folder.iterdir()}
    assert left == {
        "model.safetensors",
        "config.json",
        "generation_config.json",
        "student.json",
        "curve.jsonl",
    }
    assert all(
        (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        for name in left
    )
    assert (
        bar.total == bar.at == 480
    )  # eight passes over 60 examples, in eight batches of seven or eight each
    assert bar.notes[-1].startswith("valid ")


def test_a_process_that_is_killed_is_told_with_the_likely_cause(tmp_path):
    with pytest.raises(
        UserError,
        match=r"was killed \(signal 9\), most likely because memory ran out \(a smaller trainer\.max_tokens needs less\), or",
    ):
        run(tmp_path / "a", Shown(lambda: os.kill(children()[0], signal.SIGKILL)))


def test_the_end_of_the_log_of_a_process_that_crashed_is_shown(tmp_path):
    (tmp_path / "job.json").write_text("{}")
    with pytest.raises(
        UserError,
        match=r"(?s)the process that trains ended with exit code 1\. The same command goes on .*KeyError: 'settings'",
    ):
        _process.fit(tmp_path, Shown())


def test_what_a_launcher_says_is_no_message_and_goes_to_the_log(tmp_path):
    folder = job(tmp_path / "a", SPLITS)
    labelled = (
        'echo "to work"; "$@" | sed "s/^/0: /"; exit ${PIPESTATUS[0]}'  # as srun --label does
    )
    shown = Shown()
    student = _process.fit(folder, shown, ["bash", "-c", labelled, "bash"])
    assert (student.folder / "model.safetensors").exists()
    assert shown.notes
    assert (folder / "fit.log").read_text().startswith("to work\n")


def test_a_student_that_is_whole_counts_whatever_the_process_ended_with(tmp_path):
    """As when a library crashes on its way out."""
    folder = job(tmp_path / "a", SPLITS, max_examples=80)
    student = _process.fit(folder, Shown(), ["bash", "-c", '"$@"; exit 3', "bash"])
    assert (student.folder / "model.safetensors").exists()


def test_what_the_process_cannot_do_is_raised_as_its_own_kind(tmp_path):
    folder = job(tmp_path / "a", SPLITS, config={"model_type": "bert"})
    with pytest.raises(UserError, match=r"^student: 'scratch' has the architecture 'bert'"):
        _process.fit(folder, Shown())


def test_training_ends_when_the_one_who_started_it_dies(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); from pathlib import Path; from tests.trainer.test_lightning import Shown, run\n"
        "run(Path(sys.argv[1]), Shown(lambda: print('begun', flush=True)), max_examples=10_000_000)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "a"), str(ROOT)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout.readline() == "begun\n"
    child = next(
        int(p.parent.name)
        for p in Path("/proc").glob("[0-9]*/cmdline")
        if str(tmp_path / "a").encode() in p.read_bytes() and b"p2m.fit" in p.read_bytes()
    )
    parent.kill()
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 30
    while Path(f"/proc/{child}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{child}").exists()


def test_a_word_to_nobody_does_not_keep_it_from_its_last_checkpoint():
    code = "from p2m.fit.train import _voice; say = _voice(); input(); say({'examples': 1}); say({'examples': 2})"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    process.stdout.close()
    process.stdin.write(b"\n")
    process.stdin.close()
    assert b"Traceback" not in process.stderr.read().split(b"Exception ignored")[0]
    process.stderr.close()
    assert process.wait() == 0


@pytest.mark.parametrize(
    ("splits", "every_s"),
    [(SPLITS, 0), (Splits(SPLITS.train), 1000)],
    ids=["in a checkpoint", "in the student alone"],
)
def test_a_disk_that_fills_up_is_told_and_training_goes_on_when_there_is_room(
    tmp_path, splits, every_s
):
    """A limit on the size of files stands for it."""
    folder = job(tmp_path / "a", splits, max_examples=160, checkpoint_s=every_s)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(
            DiskFullError,
            match=r"no room left to write \(File too large; .* then start the same command",
        ):
            _process.fit(folder, Shown())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (_process.fit(folder, Shown()).folder / "model.safetensors").exists()


def test_no_example_to_train_on_is_told_before_a_process_starts(tmp_path):
    with pytest.raises(
        IncompleteError,
        match="trainer: no example is left to train on; see what was dropped and why, or give more examples",
    ):
        run(tmp_path / "a", Shown(), Splits())


def test_rows_on_disk_are_read_where_they_are(tmp_path):
    write_rows(tmp_path / "train.jsonl", examples(3))
    about = component()._job(
        CHOICE, Splits(ExampleFile(tmp_path / "train.jsonl"), examples(2)), tmp_path
    )
    assert about["train"] == str(tmp_path / "train.jsonl")
    assert len((tmp_path / "valid.jsonl").read_text().splitlines()) == 2


def test_keys_of_teachers_stay_here(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    monkeypatch.setenv("HF_HOME", "/somewhere")
    assert "canary" not in _process._environment(False).values()
    assert _process._environment(False)["HF_HOME"] == "/somewhere"


def test_a_loss_that_is_no_number_ends_training_with_the_step_the_rate_and_the_inputs(tmp_path):
    folder = job(tmp_path / "a", SPLITS, lr=1e30, warmup_steps=0)
    with pytest.raises(IncompleteError) as told:
        fit_here(folder)
    said = str(told.value)
    found = re.search(
        r"^trainer: the loss is nan at step (\d+), with the learning rate (\S+)\. A lower trainer\.lr or trainer\.precision=fp32 may",
        said,
    )
    step, rate = int(found[1]), float(found[2])
    assert 2 <= step < 8, "the step where it began, not the one where somebody looked"
    assert rate == pytest.approx(1e30 * (1 + math.cos(math.pi * (step - 1) / 60)) / 2, rel=1e-2)
    named = json.loads("[" + said.split("with the inputs ")[1].removesuffix(", ...") + "]")
    sizes = np.array([len(row.input) + len(row.output) + 2 for row in SPLITS.train])
    batch = next(Order(sizes, 8, 0).from_step(step - 1))
    assert named == [SPLITS.train[i].input for i in batch[:5]]
    assert not list((folder / "checkpoints").glob("best-*"))


def test_an_infinite_loss_ends_training_likewise(tmp_path, monkeypatch):
    from p2m.fit.module import Fit

    loss = Fit.loss
    monkeypatch.setattr(
        Fit, "loss", lambda self, part: loss(self, part) * (math.inf if self.step == 4 else 1)
    )
    with pytest.raises(
        IncompleteError, match=r"^trainer: the loss is inf at step 5, with the learning rate "
    ):
        fit_here(job(tmp_path / "a", SPLITS))
    assert not list((tmp_path / "a/checkpoints").glob("best-*"))


def points(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "curve.jsonl").read_text().splitlines()]


def test_training_ends_after_as_many_validations_without_a_better_one_as_patience_allows(tmp_path):
    folder = job(tmp_path / "a", SPLITS, lr=1e-12, patience=2, select="loss", max_examples=800)
    fit_here(folder)
    valid = [p["valid"] for p in points(folder) if "valid" in p]
    best = min(range(len(valid)), key=lambda i: valid[i])
    assert len(valid) < 10
    assert len(valid) - 1 - best == 2


def test_the_weights_kept_are_those_of_the_best_validation(tmp_path):
    """Learning by heart makes the validation worse; the student is the one from before."""
    folder = job(
        tmp_path / "a",
        Splits(examples(4), examples(20, 60)),
        lr=2e-2,
        select="loss",
        max_examples=800,
        patience=None,
        valid_every=40,
        batch_size=4,
    )
    fit_here(folder)
    valid = {p["step"]: p["valid"] for p in points(folder) if "valid" in p}
    best = min(valid, key=valid.__getitem__)
    assert best < max(valid)
    from safetensors.torch import load_file

    kept, last = (
        load_file(folder / "model.safetensors"),
        next((folder / "checkpoints").glob("best-*")),
    )
    assert f"{best:09d}" in last.name
    assert all((kept[name] == value).all() for name, value in load_file(last).items())


def test_the_curve_counts_what_is_cut_and_holds_step_examples_loss_and_rate(tmp_path):
    folder = job(tmp_path / "a", SPLITS, max_output=8, max_examples=320)
    told = fit_here(folder)
    first, *rest = points(folder)
    assert first == {
        "step": 0,
        "examples": 0,
        "train": 60,
        "cut": sum(len(row.output) > 7 for row in SPLITS.train),
    }
    assert 0 < told["student"]["cut"] == first["cut"]
    assert [set(p) for p in rest[:2]] == [
        {"step", "examples", "loss", "lr"},
        {"step", "examples", "valid", "exact_match"},
    ]
    assert rest[-1]["step"] == 43  # of seven or eight examples


def test_without_a_validation_set_the_last_weights_are_kept(tmp_path):
    folder = job(tmp_path / "a", Splits(examples(20)), max_examples=80)
    assert fit_here(folder)["student"]["kind"] == "encoder-decoder"
    assert (folder / "model.safetensors").exists()
    assert not any("valid" in p for p in points(folder))


def test_minutes_end_training_after_a_last_validation(tmp_path):
    folder = job(
        tmp_path / "a", SPLITS, max_examples=8_000_000, max_minutes=0.005, valid_every=8_000_000
    )
    fit_here(folder)
    *_, last = points(folder)
    assert "valid" in last
    assert last["step"] < 100_000
