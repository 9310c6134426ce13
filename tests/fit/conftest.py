"""Small trainings, run in this process or in processes that fork from one where torch is already
loaded."""

import dataclasses
import logging
import multiprocessing
import tempfile
import warnings
from pathlib import Path

import pytest
import torch
import yaml

from p2m.artifacts import Choice, Example, ExampleFile, Splits, Student
from p2m.components import build
from p2m.fit.plan import Parallel, Plan, Sampling, write_plan
from p2m.student.build import find
from p2m.trainer._plan import make_plan
from p2m.trainer._settings import Optimizer
from p2m.trainer.lightning import Lightning

ROOT = Path(__file__).resolve().parent.parent.parent
GROUPS = {"optimizer": Optimizer, "sampling": Sampling, "parallel": Parallel}
TINY = {
    "model_type": "t5",
    "vocab_size": 384,
    "d_model": 32,
    "d_kv": 8,
    "d_ff": 64,
    "num_layers": 1,
    "num_decoder_layers": 1,
    "num_heads": 4,
    "dropout_rate": 0.1,
    "decoder_start_token_id": 0,
}
SMALL = {
    "seed": 0,
    "threads": 1,
    "devices": 1,
    "max_examples": 480,
    "batch_size": 8,
    "valid_every": 80,
    "precision": "fp32",
    "checkpoint_s": 60,
    "device": "cpu",
}
# processes that fork from one where torch and Lightning are loaded
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["transformers.models.t5.modeling_t5", "p2m.fit.train"])
NAMES = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
]


def examples(n: int, start: int = 0) -> list[Example]:
    """Numbers to words, of differing lengths."""
    return [
        Example(str(i), " ".join(NAMES[int(d)] for d in str(i)), "user:train")
        for i in range(start, start + n)
    ]


def component(**changes) -> Lightning:
    """The default settings, for small trainings, with *changes*; those of groups may stand at the
    top too."""
    settings = yaml.safe_load((ROOT / "conf/trainer/default.yaml").read_text(encoding="utf-8"))
    del settings["_target_"]
    changes = SMALL | changes
    if isinstance(changes.get("optimizer"), str):
        changes["name"] = changes.pop("optimizer")
    select = changes.get("select", "exact_match")
    settings["scorer"] = None
    if select not in {"exact_match", "loss"}:
        option = ROOT / f"conf/metric/{select}.yaml"
        settings["scorer"] = build(yaml.safe_load(option.read_text(encoding="utf-8"))[select])
    for name, group in GROUPS.items():
        own = {field.name for field in dataclasses.fields(group)} & set(changes)
        settings[name] = group(**settings[name] | {field: changes.pop(field) for field in own})
    return Lightning(**settings | changes)


def make(choice: Choice, n: int, labels: tuple[str, ...] = (), **changes) -> Plan:
    """The plan for *n* examples, whose rows are alike and soon gone."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "rows.jsonl"
        path.write_text('{"input": "1", "output": "one", "origin": "user:train"}\n' * n)
        splits = Splits(ExampleFile(path), examples(2), labels=labels)
        return make_plan(component(**changes), choice, splits, Path(name))


def job(
    folder: Path,
    splits: Splits,
    config: dict = TINY,
    pieces: int | None = None,
    kind: str = "encoder-decoder",
    **changes,
) -> Path:
    """The folder with its plan, as the component writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    choice = Choice("scratch", None, kind, config, pieces=pieces)
    write_plan(make_plan(component(**changes), choice, splits, folder), folder)
    return folder


def fit_here(folder: Path) -> Student:
    """The student of the plan, trained in this process."""
    from p2m.fit.train import fit

    with warnings.catch_warnings():
        # Lightning uses what torch deprecates
        warnings.filterwarnings("ignore", category=FutureWarning, module="pytorch_lightning")
        fit(folder, lambda message: None, lambda: 0)
    return find(folder)


class Progress:
    """Passes on how many examples were seen, twice a second."""

    def __init__(self, writer) -> None:
        self.writer = writer

    def __call__(self, message: dict) -> None:
        if "point" not in message:
            self.writer.send(message)


def start(folder: Path):
    """Trains in a process forked from one where torch and Lightning are loaded; the process, and
    the pipe it talks into."""
    from p2m.fit.train import fit

    reader, writer = CONTEXT.Pipe(duplex=False)
    # int() is 0: no signal to stop
    process = CONTEXT.Process(target=fit, args=(folder, Progress(writer), int))
    process.start()
    writer.close()
    return process, reader


@pytest.fixture(autouse=True)
def quiet():
    before = torch.get_num_threads()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(before)
