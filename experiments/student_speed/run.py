"""Measures training, decoding and reading bytes of students against what people would use instead,
and writes results.csv.

python experiments/student_speed/run.py           all of it, half an hour on two cores
python experiments/student_speed/run.py --quick   a tenth of the examples

Contenders take turns, each in a process of its own, on the same examples and the same batch size:
p2m; transformers' Seq2SeqTrainer at
its defaults; a bare PyTorch loop (bf16 autocast, p2m's optimiser and batches, transformers'
forward).
"""

import argparse
import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CONF = HERE.parent.parent / "conf"
sys.path.insert(0, str(HERE.parent.parent))
BATCH = 32
SIZES = {  # examples that each contender trains on, inputs that each answers or reads
    "training": {"byt5_nano": 12_800, "byt5_micro": 3_200},
    "decoding": {"byt5_nano": 10_240, "byt5_micro": 2_560},
    "tokenizing": {"byt5_nano": 20_000},  # bytes are the same for all
}
TRAINED = {
    "byt5_nano": 48_000,
    "byt5_micro": 16_000,
}  # dates that the student which answers has seen, each once
VALID = 300  # examples
THREADS = {
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "5000",
}  # how threads wait: for all as p2m has it on a quiet machine
FIGURES = {
    "training": ("p2m", "seq2seq_trainer", "bare_loop"),
    "decoding": (
        "p2m_decode",
        "p2m_bfloat16",
        "ctranslate2",
        "ctranslate2_int8",
        "generate",
        "generate_8",
    ),
    "tokenizing": ("p2m_bytes", "byt5_tokenizer"),
}
COLUMNS = (
    "figure",
    "student",
    "contender",
    "median_per_s",
    "runs",
    "ratio_of_p2m",
    "answers_as_p2m",
)


def main() -> None:
    args = _arguments()
    if args.one:
        contender, model, n, folder = args.one
        print(json.dumps(CONTENDERS[contender](model, int(n), Path(folder))))
        return
    for figure in args.figures:
        for model in (name for name in args.students if name in SIZES[figure]):
            n = SIZES[figure][model] // 10 if args.quick else SIZES[figure][model]
            _write(HERE / "results.csv", _paired(figure, model, n, FIGURES[figure], args.rounds))


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    """In place of what the file says on the same figures."""
    known = []
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            known = [
                row
                for row in csv.DictReader(file)
                if (row["figure"], row["student"]) != (rows[0]["figure"], rows[0]["student"])
            ]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows([*known, *rows])


def _paired(
    figure: str, model: str, n: int, names: tuple[str, ...], rounds: int
) -> list[dict[str, Any]]:
    found: dict[str, list[float]] = {name: [] for name in names}
    said: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        if figure == "decoding":  # one student for all, trained before
            _child("taught", model, TRAINED[model], folder)
        for _ in range(rounds):
            for name in names:
                told = json.loads(_child(name, model, n, folder))
                found[name].append(told["per_s"])
                said[name] = told.get("said", [])
    rows = []
    for name in names:
        ratio = statistics.median(a / b for a, b in zip(found[names[0]], found[name], strict=True))
        median = statistics.median(found[name])
        equal = sum(a == b for a, b in zip(said[names[0]], said[name], strict=True))
        same = f"{equal} of {len(said[name])}" if said[name] else ""
        row = (
            figure,
            model,
            name,
            f"{median:.0f}",
            " ".join(f"{x:.0f}" for x in found[name]),
            f"{ratio:.2f}",
            same,
        )
        rows.append(dict(zip(COLUMNS, row, strict=True)))
        print(rows[-1], flush=True)
    return rows


def _child(name: str, model: str, n: int, folder: str) -> str:
    command = [sys.executable, __file__, "--one", name, model, str(n), folder]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env=os.environ | THREADS
    )
    return done.stdout.splitlines()[-1]


def _examples(n: int) -> list[Any]:
    from experiments.dates.grammar import dates
    from p2m.artifacts import Example

    rng = random.Random(0)
    return [Example(*dates.example(rng, 1.0), "teacher:x") for _ in range(n)]


def _choice(model: str) -> Any:
    import yaml

    from p2m.artifacts import TaskSpec
    from p2m.components import build

    return build(yaml.safe_load((CONF / f"model/{model}.yaml").read_text(encoding="utf-8"))).run(
        TaskSpec("x"), None
    )


def _p2m(model: str, n: int, folder: Path) -> dict[str, Any]:
    """Examples a second after the first step, as a user has it, but that it validates once, at the
    end."""
    with tempfile.TemporaryDirectory() as name:
        marks = _trained(model, _examples(n + VALID), Path(name))
    (began, first), (ended, last) = marks[0], marks[-1]
    return {"per_s": (last - first) / (ended - began)}


def _taught(model: str, n: int, folder: Path) -> None:
    """Leaves a student in *folder* that knows its task, as p2m trains it."""
    _trained(model, _dates(n + VALID), folder)


def _trained(model: str, rows: list[Any], folder: Path) -> list[tuple[float, int]]:
    """Leaves the student in *folder*.  When, in seconds, how many examples had been seen."""
    from hydra import compose, initialize_config_dir

    from p2m import config
    from p2m.artifacts import Splits
    from p2m.components import build
    from p2m.fit.plan import write_plan
    from p2m.fit.train import fit
    from p2m.trainer._plan import make_plan

    n = len(rows) - VALID
    changes = {"device": "cpu", "batch_size": BATCH, "max_examples": n, "valid_every": n}
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", [f"trainer.{name}={value}" for name, value in changes.items()])
        trainer = build(config.check(cfg).nodes["trainer"])
    write_plan(make_plan(trainer, _choice(model), Splits(rows[:n], rows[n:]), folder), folder)
    marks: list[tuple[float, int]] = []

    def note(message: dict[str, Any]) -> None:
        if "examples" in message:
            marks.append((time.monotonic(), message["examples"]))

    fit(folder, note, lambda: 0)
    return marks


def _built(model: str) -> Any:
    import torch

    from p2m.student import build
    from p2m.student.machine import cores

    made = build.fresh(_choice(model), 0)
    torch.set_num_threads(cores())
    return made


def _seq2seq_trainer(model: str, n: int, folder: Path) -> dict[str, Any]:
    import torch
    from transformers import (
        ByT5Tokenizer,
        DataCollatorForSeq2Seq,
        Seq2SeqTrainer,
        Seq2SeqTrainingArguments,
        TrainerCallback,
    )

    from p2m.student.machine import cores

    class _First(TrainerCallback):  # type: ignore[misc]
        """When the first step was over, which makes ready what the others use."""

        at = 0.0

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.at = self.at or time.monotonic()

    made, rows = _built(model), _examples(n)
    inputs, outputs = (
        made.tokenizer.encode([e.input for e in rows]),
        made.tokenizer.encode([e.output for e in rows]),
    )
    data = [{"input_ids": inputs[i].tolist(), "labels": outputs[i].tolist()} for i in range(n)]
    with tempfile.TemporaryDirectory() as folder:
        how = Seq2SeqTrainingArguments(
            folder,
            per_device_train_batch_size=BATCH,
            num_train_epochs=1,
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            save_strategy="no",
        )
        first = _First()
        trainer = Seq2SeqTrainer(
            made.model,
            how,
            DataCollatorForSeq2Seq(ByT5Tokenizer(), made.model),
            data,
            callbacks=[first],
        )
        torch.set_num_threads(cores())
        trainer.train()
    return {"per_s": (n - BATCH) / (time.monotonic() - first.at)}


def _bare_loop(model: str, n: int, folder: Path) -> dict[str, Any]:
    import torch
    import torch.nn.functional as F  # noqa: N812 - torch's own short name

    from p2m.fit.data import Order, Pairs, tokenize
    from p2m.fit.muon import StackedMuon
    from p2m.fit.optimizers import BETAS, is_table

    made, rows = _built(model), _examples(n)
    with tempfile.TemporaryDirectory() as folder:
        tokens = tokenize(rows, ("", ""), made, Path(folder) / "train")
        pairs = Pairs(*tokens, 1024, 512, made.tokenizer, [1], False)
        matrices = [
            p for name, p in made.model.named_parameters() if p.ndim == 2 and not is_table(name)
        ]
        rest = [p for p in made.model.parameters() if not any(p is q for q in matrices)]
        optimizers = [
            StackedMuon(matrices, 8e-3, weight_decay=0.01),
            torch.optim.AdamW(rest, 8e-3, betas=BETAS, fused=True),
        ]
        order = Order(pairs.ranks, BATCH, 0)
        began, seen = 0.0, 0
        for batch in order.one_pass(0):
            ((ids, labels),) = pairs.parts(batch.tolist(), 1 << 30)
            with torch.autocast("cpu", torch.bfloat16):
                out = made.model(input_ids=ids, attention_mask=ids != 0, labels=labels).logits
            F.cross_entropy(
                out.float().flatten(0, 1), labels.flatten(), ignore_index=-100
            ).backward()
            torch.nn.utils.clip_grad_norm_(made.model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad()
            began, seen = (
                (began, seen + len(batch)) if began else (time.monotonic(), 0)
            )  # after the first step, as of the others
        return {"per_s": seen / (time.monotonic() - began)}


def _dates(n: int) -> list[Any]:
    """Dates in ten wordings, each once: what the student that answers learns nearly wholly, so that
    its answers end where they should."""
    import dates

    from p2m.artifacts import Example

    rng, seen = random.Random(0), dict[str, str]()
    while len(seen) < n:
        seen.setdefault(*dates.example(rng))
    return [Example(*one, "user:train") for one in seen.items()]


def _inputs(model: str, n: int) -> list[str]:
    """So many that it has not seen, each once, as p2m answers what is asked twice once."""
    return [e.input for e in _dates(TRAINED[model] + VALID + n)[-n:]]


def _answering(folder: Path) -> Any:
    from p2m.student import build

    return build.load(build.find(folder))


def _p2m_decode(
    model: str, n: int, folder: Path, engine: str = "torch", compute_type: str = "float32"
) -> dict[str, Any]:
    from p2m.components import build
    from p2m.student.build import find

    inputs = _inputs(model, n)
    target = {"torch": "torch.Torch", "ctranslate2": "ctranslate2.CTranslate2"}[engine]
    node = {"_target_": f"p2m.engine.{target}", "compute_type": compute_type}
    with tempfile.TemporaryDirectory() as name:
        student = replace(find(folder), prefix="", max_input=128, max_output=24)
        decoder = build(node).load(student, Path(name) / "engine")
        began = time.monotonic()
        said = decoder.answers(inputs)
        return {"per_s": len(inputs) / (time.monotonic() - began), "said": said}


def _generate(model: str, n: int, folder: Path, batch: int = BATCH) -> dict[str, Any]:
    """transformers' generate, in batches as they come."""
    import torch

    from p2m.student.machine import cores

    made, inputs = _answering(folder), _inputs(model, n)
    torch.set_num_threads(cores())
    said: list[str] = []
    began = time.monotonic()
    for i in range(0, len(inputs), batch):
        some = inputs[i : i + batch]
        ids = torch.from_numpy(made.encode_inputs(some).pad(range(len(some)), 128, [1], 0))
        with torch.inference_mode():
            out = made.model.generate(
                input_ids=ids,
                attention_mask=ids != 0,
                max_new_tokens=24,
                do_sample=False,
                num_beams=1,
            )
        said += made.tokenizer.decode([[t for t in row if t > 1] for row in out.tolist()])
    return {"per_s": len(inputs) / (time.monotonic() - began), "said": said}


def _p2m_bytes(model: str, n: int, folder: Path) -> dict[str, Any]:
    from p2m.student.byte_tokenizer import ByteTokenizer

    texts, tokenizer = [e.input for e in _examples(n)], ByteTokenizer()
    tokenizer.encode(texts[:100])
    began = time.monotonic()
    tokens = tokenizer.encode(texts)
    return {
        "per_s": n / (time.monotonic() - began),
        "said": [str(tokens[i].tolist()) for i in range(n)],
    }


def _byt5_tokenizer(model: str, n: int, folder: Path) -> dict[str, Any]:
    from transformers import ByT5Tokenizer

    texts, tokenizer = [e.input for e in _examples(n)], ByT5Tokenizer()
    tokenizer(texts[:100])
    began = time.monotonic()
    rows = tokenizer(texts)["input_ids"]
    return {"per_s": n / (time.monotonic() - began), "said": [str(row) for row in rows]}


CONTENDERS = {
    "p2m_bytes": _p2m_bytes,
    "byt5_tokenizer": _byt5_tokenizer,
    "p2m": _p2m,
    "seq2seq_trainer": _seq2seq_trainer,
    "bare_loop": _bare_loop,
    "taught": _taught,
    "p2m_decode": _p2m_decode,
    "p2m_bfloat16": partial(_p2m_decode, compute_type="bfloat16"),
    "ctranslate2": partial(_p2m_decode, engine="ctranslate2"),
    "ctranslate2_int8": partial(_p2m_decode, engine="ctranslate2", compute_type="int8"),
    "generate": _generate,
    # what Seq2SeqTrainer predicts in where nobody says another number
    "generate_8": partial(_generate, batch=8),
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measures training, decoding and reading bytes of students; writes results.csv."
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the examples")
    parser.add_argument("--figures", nargs="+", choices=FIGURES, default=list(FIGURES))
    parser.add_argument(
        "--students", nargs="+", choices=SIZES["training"], default=list(SIZES["training"])
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--one",
        nargs=4,
        metavar=("CONTENDER", "MODEL", "N", "FOLDER"),
        help="what a process of its own does",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
