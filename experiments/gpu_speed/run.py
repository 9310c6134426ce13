"""Measures the training of a student of flan-t5-base's shape, random weights, against what people
would use instead; writes results.csv.

python experiments/gpu_speed/run.py                     on a GPU of 80 GB, some minutes
python experiments/gpu_speed/run.py --device cpu --quick    a tenth of the width and two layers, to
see that it runs

Contenders are processes that get ready together and then work one at a time, in turns, on examples
of 256 tokens in and 64 out, 32 in
a batch, with AdamW, bf16 and T5's own dropout: p2m, with and without trainer.compile; transformers'
Seq2SeqTrainer; a bare PyTorch loop;
the same loop with torch.compile.  What they reach is compared with one large product of bf16
matrices on the same device.
"""

import argparse
import csv
import itertools
import json
import os
import random
import statistics
import string
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CONF = HERE.parent.parent / "conf"
BATCH, READ, SAID = 32, 256, 64  # examples; tokens of each input and each output, end token and all
STEPS = {False: 60, True: 4}  # of training in a turn, with and without --quick
WARM = {False: 10, True: 2}  # before the first turn
DIFFERENT = 64  # batches, which come again and again
ENDLESS = 10**6  # steps, as the end of its turns ends a contender
DROPOUT = 0.1
FULL = {
    "d_model": 768,
    "d_ff": 2048,
    "num_layers": 12,
    "num_decoder_layers": 12,
    "num_heads": 12,
}  # flan-t5-base
QUICK = {"d_model": 64, "d_ff": 256, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 1}
SHAPE = {
    "model_type": "t5",
    "vocab_size": 32_128,
    "d_kv": 64,
    "feed_forward_proj": "gated-gelu",
    "tie_word_embeddings": False,
    "dropout_rate": DROPOUT,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "decoder_start_token_id": 0,
}
COLUMNS = (
    "device",
    "shape",
    "contender",
    "ready_s",
    "tokens_per_s",
    "runs",
    "share_of_product",
    "times_seq2seq_trainer",
)


def main() -> None:
    args = _arguments()
    if args.one:
        CONTENDERS[args.one](args.quick, Turns(args.device, args.quick))
        return
    started = {
        name: Contender(name, args)
        for name in CONTENDERS
        if args.device == "gpu" or name not in FOR_GPUS
    }
    ready = {name: contender.heard("ready_s") for name, contender in started.items()}
    found: dict[str, list[float]] = {name: [] for name in started}
    for _ in range(args.rounds):
        for name, contender in started.items():
            found[name].append(contender.turn())
    for contender in started.values():
        contender.end()
    peak = _product(args.device, args.quick)
    rows = []
    for name, runs in found.items():
        ratio = statistics.median(
            a / b for a, b in zip(runs, found["seq2seq_trainer"], strict=True)
        )
        median = statistics.median(runs)
        share = f"{median * _operations(args.quick) / peak:.3f}"
        device, shape = _device_name(args.device), "quick" if args.quick else "flan_t5_base"
        row = (
            device,
            shape,
            name,
            f"{ready[name]:.0f}",
            f"{median:.0f}",
            " ".join(f"{x:.0f}" for x in runs),
            share,
            f"{ratio:.2f}",
        )
        rows.append(dict(zip(COLUMNS, row, strict=True)))
        print(rows[-1], flush=True)
    print(f"one product: {peak / 1e12:.0f} TFLOP/s", flush=True)
    if not args.quick:
        with (HERE / "results.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)


class Contender:
    """A process that trains when it is told to."""

    def __init__(self, name: str, args: argparse.Namespace) -> None:
        command = [
            sys.executable,
            __file__,
            "--one",
            name,
            "--device",
            args.device,
            *(["--quick"] if args.quick else []),
        ]
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def turn(self) -> float:
        """Tokens a second of some more steps."""
        assert self.process.stdin
        self.process.stdin.write("go\n")
        return self.heard("per_s")

    def heard(self, what: str) -> float:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith("{") and what in (said := json.loads(line)):
                print(self.name, said, flush=True)
                return float(said[what])
        raise SystemExit(
            f"gpu_speed: {self.name} ended with exit code {self.process.wait()}; what it "
            f"said stands above"
        )

    def end(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


class Turns:
    """In a contender's process: holds its training until its turn comes, and times it."""

    def __init__(self, device: str, quick: bool) -> None:
        self.device, self.quick, self.made = device, quick, time.monotonic()
        self.began, self.first = 0.0, -1

    def step(self, done: int) -> None:
        """To be called with the number of steps so far, after each, or after some."""
        if self.first < 0:
            if done >= WARM[self.quick]:
                self._wait({"ready_s": self._clock() - self.made}, done)
        elif done - self.first >= STEPS[self.quick]:
            self._wait(
                {
                    "per_s": (done - self.first)
                    * BATCH
                    * (READ + SAID)
                    / (self._clock() - self.began)
                },
                done,
            )

    def _wait(self, said: dict[str, float], done: int) -> None:
        print(json.dumps(said), flush=True)
        if not sys.stdin.readline():
            os._exit(0)
        self.first, self.began = done, self._clock()

    def _clock(self) -> float:
        import torch

        if self.device == "gpu":
            torch.cuda.synchronize()
        return time.monotonic()


def _config(quick: bool) -> dict[str, Any]:
    return SHAPE | (QUICK if quick else FULL)


def _operations(quick: bool) -> float:
    """Of forward and backward for one token, input and output tokens alike on average: six for each
    weight that a token meets.

    Attention's own products are left out: with 256 tokens they are a fiftieth of the rest.
    """
    c = _config(quick)
    inner, layer = c["d_kv"] * c["num_heads"] * c["d_model"], 3 * c["d_ff"] * c["d_model"]
    read = (
        c["num_layers"] * (4 * inner + layer) + 2 * c["num_decoder_layers"] * inner
    )  # the decoder's keys and values of the input
    said = c["num_decoder_layers"] * (6 * inner + layer) + c["vocab_size"] * c["d_model"]
    return 6 * (read * READ + said * SAID) / (READ + SAID)


def _torch_device(device: str) -> str:
    return "cuda" if device == "gpu" else "cpu"


def _device_name(device: str) -> str:
    import torch

    return torch.cuda.get_device_name() if device == "gpu" else "cpu"


def _examples(n: int) -> list[Any]:
    from p2m.artifacts import Example

    rng = random.Random(0)
    text = lambda tokens: "".join(rng.choices(string.ascii_letters, k=tokens - 1))  # noqa: E731 - bytes, and the end token
    return [Example(text(READ), text(SAID), "teacher:x") for _ in range(n)]


def _choice(quick: bool) -> Any:
    from p2m.artifacts import Choice

    return Choice("scratch", None, "encoder-decoder", _config(quick))


def _p2m(quick: bool, turns: Turns, compiled: bool = False) -> None:
    """As a user has it, but that neither validation nor checkpoint falls into a turn."""
    from hydra import compose, initialize_config_dir

    from p2m import config
    from p2m.artifacts import Splits
    from p2m.components import build
    from p2m.fit.plan import write_plan
    from p2m.fit.train import fit
    from p2m.trainer._plan import make_plan

    rows = _examples(BATCH * (DIFFERENT + 1))
    changes = {
        "device": turns.device,
        "batch_size": BATCH,
        "max_examples": BATCH * ENDLESS,
        "valid_every": BATCH * ENDLESS,
        "checkpoint_s": 3600,
        "optimizer.name": "adamw",
        "residual_dropout": DROPOUT,
        "concatenate": 0.0,
        "max_tokens": BATCH * (READ + SAID),
        "compile": str(compiled).lower(),
    }
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", [f"trainer.{name}={value}" for name, value in changes.items()])
        trainer = build(config.check(cfg).nodes["trainer"])
    with tempfile.TemporaryDirectory() as name:
        folder, splits = Path(name), Splits(rows[BATCH:], rows[:BATCH])
        write_plan(make_plan(trainer, _choice(quick), splits, folder), folder)
        fit(folder, lambda message: turns.step(message.get("examples", 0) // BATCH), lambda: 0)


def _p2m_compiled(quick: bool, turns: Turns) -> None:
    _p2m(quick, turns, compiled=True)


def _made(quick: bool, turns: Turns) -> tuple[Any, list[tuple[Any, Any]]]:
    """The student on its device, and the batches of ids_BS and labels_BT."""
    import torch

    from p2m.student import build

    made = build.fresh(_choice(quick), 0)
    rows = _examples(BATCH * DIFFERENT)
    ids, labels = (
        made.tokenizer.encode([getattr(e, side) for e in rows]) for side in ("input", "output")
    )
    parts = [range(i, i + BATCH) for i in range(0, len(rows), BATCH)]
    batches = [
        (
            torch.from_numpy(ids.pad(p, READ, [1], 0)),
            torch.from_numpy(labels.pad(p, SAID, [1], -100)),
        )
        for p in parts
    ]
    made.model.to(_torch_device(turns.device)).train()
    return made, batches


def _seq2seq_trainer(quick: bool, turns: Turns) -> None:
    from transformers import (
        ByT5Tokenizer,
        DataCollatorForSeq2Seq,
        Seq2SeqTrainer,
        Seq2SeqTrainingArguments,
        TrainerCallback,
    )

    made, batches = _made(quick, turns)
    data = [
        {"input_ids": a.tolist(), "labels": b.tolist()}
        for ids, labels in batches
        for a, b in zip(ids, labels, strict=True)
    ]

    class Told(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **ignored: Any) -> None:
            turns.step(state.global_step)

    with tempfile.TemporaryDirectory() as folder:
        how = Seq2SeqTrainingArguments(
            folder,
            per_device_train_batch_size=BATCH,
            max_steps=ENDLESS,
            report_to=[],
            disable_tqdm=True,
            use_cpu=turns.device == "cpu",
            save_strategy="no",
            bf16=True,
        )
        Seq2SeqTrainer(
            made.model,
            how,
            DataCollatorForSeq2Seq(ByT5Tokenizer(), made.model),
            data,
            callbacks=[Told()],
        ).train()


def _bare_loop(quick: bool, turns: Turns, compiled: bool = False) -> None:
    import torch

    made, batches = _made(quick, turns)
    model = torch.compile(made.model) if compiled else made.model
    optimizer = torch.optim.AdamW(made.model.parameters(), 3e-4, fused=True)
    for step, (ids, labels) in enumerate(itertools.cycle(batches), 1):
        ids, labels = (
            ids.to(made.model.device, non_blocking=True),
            labels.to(made.model.device, non_blocking=True),
        )
        with torch.autocast(_torch_device(turns.device), torch.bfloat16):
            loss = model(input_ids=ids, attention_mask=ids != 0, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(made.model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        turns.step(step)


def _compiled_loop(quick: bool, turns: Turns) -> None:
    _bare_loop(quick, turns, compiled=True)


def _product(device: str, quick: bool) -> float:
    """Operations a second of one large product of bf16 matrices, the median of some."""
    import torch

    n, clock = 1024 if quick else 8192, Turns(device, quick)._clock
    a, b = (torch.randn(n, n, device=_torch_device(device), dtype=torch.bfloat16) for _ in range(2))
    seconds = []
    for _ in range(23):
        began = clock()
        a @ b
        seconds.append(clock() - began)
    return 2 * n**3 / statistics.median(seconds[3:])


CONTENDERS = {
    "p2m": _p2m,
    "p2m_compiled": _p2m_compiled,
    "seq2seq_trainer": _seq2seq_trainer,
    "bare_loop": _bare_loop,
    "compiled_loop": _compiled_loop,
}
FOR_GPUS = {"p2m_compiled"}  # what p2m refuses on a processor


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measures training at flan-t5-base's shape; writes results.csv."
    )
    parser.add_argument("--device", choices=["gpu", "cpu"], default="gpu")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a small student and few steps; results.csv stays as it is",
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", choices=CONTENDERS, help="what a process of its own does")
    args = parser.parse_args()
    if args.device == "gpu":
        import torch

        if not torch.cuda.is_available():
            parser.error(
                "--device: torch sees no GPU on this machine; --device cpu --quick shows "
                "that the command runs"
            )
    return args


if __name__ == "__main__":
    main()
