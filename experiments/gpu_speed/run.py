"""Measures the training of a student of flan-t5-base's shape, random weights, against what people would use instead; writes results.csv.

python experiments/gpu_speed/run.py                     on a GPU, some minutes
python experiments/gpu_speed/run.py --device cpu --quick    a tenth of the width and two layers, to see that it runs

Contenders take turns, each in a process of its own, on the same examples of 256 tokens in and 64 out, 32 in a batch, AdamW, bf16: p2m;
transformers' Seq2SeqTrainer; a bare PyTorch loop; the same loop with torch.compile.  What they reach is compared with one large product
of bf16 matrices on the same device.
"""

import argparse
import csv
import json
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
STEPS = {False: 200, True: 6}  # of training that are timed, with and without --quick
WARM = 3  # steps before the clock starts
FULL = {"d_model": 768, "d_ff": 2048, "num_layers": 12, "num_decoder_layers": 12, "num_heads": 12}  # flan-t5-base
QUICK = {"d_model": 64, "d_ff": 256, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 1}
SHAPE = {
    "model_type": "t5", "vocab_size": 32_128, "d_kv": 64, "feed_forward_proj": "gated-gelu", "tie_word_embeddings": False,
    "dropout_rate": 0.0, "pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0,
}  # fmt: skip
COLUMNS = ("device", "shape", "contender", "tokens_per_s", "runs", "share_of_product", "times_seq2seq_trainer")


def main() -> None:
    args = _arguments()
    if args.one:
        print(json.dumps({"per_s": CONTENDERS[args.one](args.device, args.quick)}))
        return
    found: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(args.rounds):
        for name in CONTENDERS:
            command = [sys.executable, __file__, "--one", name, "--device", args.device, *(["--quick"] if args.quick else [])]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found[name].append(json.loads(done.stdout.splitlines()[-1])["per_s"])
    peak = statistics.median(found.pop("product"))
    rows = []
    for name, runs in found.items():
        ratio = statistics.median(a / b for a, b in zip(runs, found["seq2seq_trainer"], strict=True))
        median = statistics.median(runs)
        share = f"{median * _operations(args.quick) / peak:.2f}"
        row = (
            _device_name(args.device),
            "quick" if args.quick else "flan_t5_base",
            name,
            f"{median:.0f}",
            " ".join(f"{x:.0f}" for x in runs),
        )
        rows.append(dict(zip(COLUMNS, (*row, share, f"{ratio:.2f}"), strict=True)))
        print(rows[-1], flush=True)
    if not args.quick:
        with (HERE / "results.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)


def _config(quick: bool) -> dict[str, Any]:
    return SHAPE | (QUICK if quick else FULL)


def _operations(quick: bool) -> float:
    """Of forward and backward for one token, input and output tokens alike on average: six for each weight that a token meets.

    Attention's own products are left out: with 256 tokens they are a fiftieth of the rest.
    """
    c = _config(quick)
    inner, layer = c["d_kv"] * c["num_heads"] * c["d_model"], 3 * c["d_ff"] * c["d_model"]
    read = c["num_layers"] * (4 * inner + layer) + 2 * c["num_decoder_layers"] * inner  # the decoder's keys and values of the input
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


def _n(quick: bool) -> int:
    return BATCH * (STEPS[quick] + WARM)


def _clock(device: str) -> float:
    import torch

    if device == "gpu":
        torch.cuda.synchronize()
    return time.monotonic()


def _p2m(device: str, quick: bool) -> float:
    """As a user has it, but that it validates once, at the end.  Warm from the first line of its curve on."""
    import yaml

    from p2m.artifacts import Splits
    from p2m.trainer import _fit
    from p2m.trainer.lightning import Lightning

    settings = yaml.safe_load((CONF / "trainer/default.yaml").read_text(encoding="utf-8"))
    del settings["_target_"]
    n, rows = _n(quick), _examples(_n(quick) + BATCH)
    changes = {
        "seed": 0, "device": device, "batch_size": BATCH, "max_examples": n, "valid_every": n, "optimizer": "adamw",
        "residual_dropout": 0.0, "max_tokens": BATCH * (READ + SAID),
    }  # fmt: skip
    marks: list[tuple[float, int]] = []
    with tempfile.TemporaryDirectory() as name:
        job = Lightning(**settings | changes)._job(_choice(quick), Splits(rows[:n], rows[n:]), Path(name))
        (Path(name) / "job.json").write_text(json.dumps(job), encoding="utf-8")

        def say(told: dict[str, Any]) -> None:
            if "examples" in told:
                marks.append((_clock(device), told["examples"]))

        _fit.fit(Path(name), say, lambda: 0)
    (began, first), (ended, last) = next(m for m in marks if m[1] >= BATCH), marks[-1]
    return (last - first) * (READ + SAID) / (ended - began)


def _made(device: str, quick: bool) -> tuple[Any, list[tuple[Any, Any]]]:
    """The student on its device, and the batches of ids_BS and labels_BT."""
    import torch

    from p2m.student import build

    made = build.fresh(_choice(quick), 0)
    rows = _examples(_n(quick))
    ids, labels = (made.tokenizer.encode([getattr(e, side) for e in rows]) for side in ("input", "output"))
    parts = [range(i, i + BATCH) for i in range(0, len(rows), BATCH)]
    batches = [(torch.from_numpy(ids.padded(p, READ, [1], 0)), torch.from_numpy(labels.padded(p, SAID, [1], -100))) for p in parts]
    made.model.to(_torch_device(device)).train()
    return made, batches


def _seq2seq_trainer(device: str, quick: bool) -> float:
    from transformers import ByT5Tokenizer, DataCollatorForSeq2Seq, Seq2SeqTrainer, Seq2SeqTrainingArguments, TrainerCallback

    made, batches = _made(device, quick)
    data = [{"input_ids": a.tolist(), "labels": b.tolist()} for ids, labels in batches for a, b in zip(ids, labels, strict=True)]
    marks: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **ignored: Any) -> None:
            if state.global_step in {WARM, WARM + STEPS[quick]}:
                marks.append(_clock(device))

    with tempfile.TemporaryDirectory() as folder:
        how = Seq2SeqTrainingArguments(
            folder, per_device_train_batch_size=BATCH, num_train_epochs=1, report_to=[], disable_tqdm=True, use_cpu=device == "cpu",
            save_strategy="no", bf16=True,
        )  # fmt: skip
        Seq2SeqTrainer(made.model, how, DataCollatorForSeq2Seq(ByT5Tokenizer(), made.model), data, callbacks=[Clock()]).train()
    return STEPS[quick] * BATCH * (READ + SAID) / (marks[1] - marks[0])


def _bare_loop(device: str, quick: bool, compiled: bool = False) -> float:
    import torch

    made, batches = _made(device, quick)
    model = torch.compile(made.model) if compiled else made.model
    optimizer = torch.optim.AdamW(made.model.parameters(), 3e-4, fused=True)
    began = 0.0
    for step, (ids, labels) in enumerate(batches):
        if step == WARM:
            began = _clock(device)
        ids, labels = ids.to(made.model.device, non_blocking=True), labels.to(made.model.device, non_blocking=True)
        with torch.autocast(_torch_device(device), torch.bfloat16):
            loss = model(input_ids=ids, attention_mask=ids != 0, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(made.model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return STEPS[quick] * BATCH * (READ + SAID) / (_clock(device) - began)


def _compiled_loop(device: str, quick: bool) -> float:
    return _bare_loop(device, quick, compiled=True)


def _product(device: str, quick: bool) -> float:
    """Operations a second of one large product of bf16 matrices."""
    import torch

    n = 1024 if quick else 8192
    a, b = (torch.randn(n, n, device=_torch_device(device), dtype=torch.bfloat16) for _ in range(2))
    for _ in range(WARM):
        a @ b
    began = _clock(device)
    for _ in range(20):
        a @ b
    return 20 * 2 * n**3 / (_clock(device) - began)


CONTENDERS = {
    "p2m": _p2m, "seq2seq_trainer": _seq2seq_trainer, "bare_loop": _bare_loop, "compiled_loop": _compiled_loop, "product": _product,
}  # fmt: skip


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures training at flan-t5-base's shape; writes results.csv.")
    parser.add_argument("--device", choices=["gpu", "cpu"], default="gpu")
    parser.add_argument("--quick", action="store_true", help="a small student and few steps; results.csv stays as it is")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--one", choices=CONTENDERS, help="what a process of its own does")
    args = parser.parse_args()
    if args.device == "gpu":
        import torch

        if not torch.cuda.is_available():
            parser.error("--device: torch sees no GPU on this machine; --device cpu --quick shows that the command runs")
    return args


if __name__ == "__main__":
    main()
