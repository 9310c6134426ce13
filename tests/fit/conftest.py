"""Small jobs for the trainer, run in this process or in processes that fork from one where torch is already loaded."""

import json
import multiprocessing
import warnings
from pathlib import Path

import pytest
import yaml

from p2m.artifacts import Choice, Example, Splits
from p2m.trainer.lightning import Lightning

ROOT = Path(__file__).resolve().parent.parent.parent
TINY = {
    "model_type": "t5", "vocab_size": 384, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 1, "num_decoder_layers": 1, "num_heads": 4,
    "dropout_rate": 0.1, "decoder_start_token_id": 0,
}  # fmt: skip
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


def settings(**changes) -> dict:
    plain = yaml.safe_load((ROOT / "conf/trainer/default.yaml").read_text(encoding="utf-8"))
    del plain["_target_"]
    small = {
        "seed": 0,
        "threads": 1,
        "devices": 1,
        "max_examples": 480,
        "batch_size": 8,
        "valid_every": 80,
        "precision": "fp32",
        "checkpoint_s": 0,
        "device": "cpu",
    }
    return plain | small | changes


def component(**changes) -> Lightning:
    return Lightning(**settings(**changes))


def job(
    folder: Path,
    splits: Splits,
    config: dict = TINY,
    pieces: int | None = None,
    kind: str = "encoder-decoder",
    **changes,
) -> Path:
    """The folder with its job file, as the component writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    about = component(**changes)._job(
        Choice("scratch", None, kind, config, pieces=pieces), splits, folder
    )
    (folder / "job.json").write_text(json.dumps(about), encoding="utf-8")
    return folder


def fit_here(folder: Path) -> dict:
    """Trains the job in this process; everything it said, by key."""
    from p2m.fit import train as _fit

    said: dict = {}
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", category=FutureWarning, module="pytorch_lightning"
        )  # Lightning uses what torch deprecates
        _fit.fit(folder, said.update, lambda: 0)
    return said


def start(folder: Path):
    """Trains the job in a process forked from one where torch and Lightning are loaded; the process, and the pipe it talks into."""
    from p2m.fit import train as _fit

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["pytorch_lightning", "transformers.models.t5.modeling_t5", "p2m.fit.module"]
    )
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(
        target=_fit.fit, args=(folder, writer.send, int)
    )  # int() is 0: no signal to stop
    process.start()
    writer.close()
    return process, reader


@pytest.fixture(autouse=True)
def quiet():
    import logging

    import torch

    before = torch.get_num_threads()
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_num_threads(before)
