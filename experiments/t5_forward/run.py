"""Times each trick of p2m's own T5 forward against its absence, and against transformers' forward;
writes results.csv.

python experiments/t5_forward/run.py            some minutes on one core
python experiments/t5_forward/run.py --steps 5  to see that it runs

All contenders work on the same batch, one after the other, then on the next: one process, one
thread, judged by the process's own
CPU time, which the load of other programs hardly touches.  Contenders start from the same weights;
but in whole steps they keep them.
"""

import argparse
import csv
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own short name
from forward import TRICKS, NumpyDropout, OwnForward, TorchDropout
from steps import STEP_TRICKS, decode_by_steps, decode_by_transformers
from torch import Tensor

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT))
BATCH, ANSWERS = (
    32,
    128,
)  # examples of a training step, as by default; answers under way in decoding
DROPOUT = 0.1  # of what each layer adds: between the 0 and 0.3 that training takes
COLUMNS = ("figure", "student", "contender", "ms_a_step", "first_is_faster", "quartiles")
Contender = Callable[..., Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60, help="batches that all contenders work on")
    parser.add_argument("--students", nargs="+", default=["byt5_nano", "t5_nano"])
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for student in args.students:
        for figure, contenders in (("training", training), ("whole step", whole_step)):
            inputs = batches(student, BATCH, args.steps)
            rows += race(figure, student, contenders(student), inputs)
        with torch.inference_mode():
            inputs = batches(student, ANSWERS, max(5, args.steps // 3))
            rows += race("decoding", student, decoding(student), inputs)
    with (HERE / "results.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def race(
    figure: str, student: str, contenders: dict[str, Contender], batches: Iterator[Any]
) -> list[tuple[str, ...]]:
    """Milliseconds of each contender, and how many times faster the first one is on the same
    batches."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for i, batch in enumerate(batches):
        names = list(contenders)
        for name in names[i % len(names) :] + names[: i % len(names)]:  # who comes first changes
            began = time.process_time()
            contenders[name](*batch)
            times[name].append(time.process_time() - began)
    first = next(iter(times))
    rows = []
    for name, seconds in times.items():
        ratios = [
            b / a for a, b in zip(times[first][2:], seconds[2:], strict=True)
        ]  # two to warm up
        low, middle, high = statistics.quantiles(ratios, n=4)
        ms = f"{1000 * statistics.median(seconds[2:]):.1f}"
        rows.append((figure, student, name, ms, f"{middle:.2f}", f"{low:.2f} to {high:.2f}"))
        print(*rows[-1], sep="\t", flush=True)
    return rows


def training(student: str) -> dict[str, Contender]:
    """Forward, loss and backward."""
    own = {"all tricks": TRICKS}
    own |= {f"without {trick}": TRICKS - {trick} for trick in sorted(TRICKS)}
    own["without norm, as T5LayerNorm has it"] = TRICKS - {"norm"} | {"module norm"}
    own["precision and attention alone"] = frozenset({"precision", "attention"})
    own["precision alone"] = frozenset({"precision"})
    contenders: dict[str, Contender] = {}
    for name, tricks in own.items():
        contenders[name] = partial(_step, OwnForward(_model(student, NumpyDropout), tricks))
    for name, dropout in (
        ("torch's dropout", torch.nn.Dropout),
        ("16-bit dropout of torch", TorchDropout),
    ):
        contenders[name] = partial(_step, OwnForward(_model(student, dropout), TRICKS))
    for name, forward in (("transformers", _by_autocast), ("transformers, bf16 once", _in_bf16)):
        contenders[name] = partial(_step, partial(forward, _model(student, NumpyDropout)))
    for name, dropout in (("", NumpyDropout), (", torch's dropout", torch.nn.Dropout)):
        model = _model(student, dropout)
        model.set_attn_implementation("eager")
        contenders[f"transformers, eager{name}"] = partial(_step, partial(_by_autocast, model))
    contenders["transformers, eager, bf16 once"] = partial(_step, partial(_in_bf16, model))
    plain = partial(_by_autocast, _model(student, torch.nn.Dropout))
    contenders["transformers, torch's dropout"] = partial(_step, plain)
    return contenders


def whole_step(student: str) -> dict[str, Contender]:
    """The same with clipping and the optimisers of p2m; and what Seq2SeqTrainer does at its
    defaults, AdamW in fp32."""
    model, plain = _model(student, torch.nn.Dropout), TRICKS - {"projections"}
    contenders = {"what p2m does now": _updating(model, OwnForward(model, plain))}
    model = _model(student, NumpyDropout)
    contenders["all tricks"] = _updating(model, OwnForward(model, TRICKS))
    model = _model(student, torch.nn.Dropout)
    model.set_attn_implementation("eager")
    contenders["transformers, eager"] = _updating(model, partial(_by_autocast, model))
    model = _model(student, torch.nn.Dropout)
    contenders["transformers"] = _updating(model, partial(_by_autocast, model))
    model = _model(student, torch.nn.Dropout)
    contenders["transformers, fp32, AdamW"] = _updating(model, partial(_in_fp32, model), muon=False)
    return contenders


def _updating(model: Any, forward: Contender, muon: bool = True) -> Contender:
    """A step that changes the weights: matrices by Muon, the rest by AdamW, or all by AdamW."""
    from p2m.fit.muon import StackedMuon

    tables = ("shared", "lm_head", "relative_attention_bias")
    matrices, rest = [], []
    for name, weight in model.named_parameters():
        is_matrix = muon and weight.ndim == 2 and not any(table in name for table in tables)
        (matrices if is_matrix else rest).append(weight)
    optimizers = [
        torch.optim.AdamW(rest, 1e-4, fused=muon)
    ]  # not fused, as Trainer has it on a CPU
    if matrices:
        optimizers.append(StackedMuon(matrices, 1e-4, weight_decay=0.01))

    def step(ids_BS: Tensor, labels_BT: Tensor) -> None:
        _step(forward, ids_BS, labels_BT)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()

    return step


def decoding(student: str) -> dict[str, Contender]:
    """Answers of equal length, fp32."""
    model = _model(student, torch.nn.Dropout).eval()
    wanted: dict[str, Contender] = {"all tricks": partial(decode_by_steps, model, STEP_TRICKS)}
    for trick in sorted(STEP_TRICKS):
        wanted[f"without {trick}"] = partial(decode_by_steps, model, STEP_TRICKS - {trick})
    wanted["no trick"] = partial(decode_by_steps, model, frozenset())
    wanted["transformers"] = partial(decode_by_transformers, model)
    model = _model(student, torch.nn.Dropout).eval()
    model.set_attn_implementation("eager")
    wanted["transformers, eager"] = partial(decode_by_transformers, model)
    return wanted


def batches(student: str, size: int, n: int) -> Iterator[tuple[Tensor, Tensor]]:
    """ids_BS and labels_BT of the grammar of dates, those of like length together."""
    from experiments.dates.grammar import dates

    rng = random.Random(0)
    examples = sorted((dates.example(rng, 1.0) for _ in range(size * n)), key=lambda e: len(e[0]))
    inputs, outputs = ([example[side] for example in examples] for side in (0, 1))
    tokenizer = _tokenizer(student, inputs + outputs)
    ids, labels = tokenizer.encode(inputs), tokenizer.encode(outputs)
    order = [range(i, i + size) for i in range(0, size * n, size)]
    rng.shuffle(order)
    for some in order:
        ids_BS = ids.pad(some, 1024, [1], 0, multiple=8)
        labels_BT = labels.pad(some, 512, [1], -100, multiple=8)
        yield torch.from_numpy(ids_BS), torch.from_numpy(labels_BT)


def _step(forward: Callable[[Tensor, Tensor], Tensor], ids_BS: Tensor, labels_BT: Tensor) -> None:
    fed_BT = F.pad(labels_BT[:, :-1], (1, 0)).masked_fill(
        F.pad(labels_BT[:, :-1], (1, 0)) == -100, 0
    )
    logits_BTV = forward(ids_BS, fed_BT).float()
    F.cross_entropy(logits_BTV.flatten(0, 1), labels_BT.flatten(), ignore_index=-100).backward()


def _by_autocast(model: Any, ids_BS: Tensor, fed_BT: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return model(
            input_ids=ids_BS, attention_mask=ids_BS != 0, decoder_input_ids=fed_BT, use_cache=False
        ).logits


def _in_fp32(model: Any, ids_BS: Tensor, fed_BT: Tensor) -> Tensor:
    inputs = {"input_ids": ids_BS, "attention_mask": ids_BS != 0, "decoder_input_ids": fed_BT}
    return model(**inputs, use_cache=False).logits


def _in_bf16(model: Any, ids_BS: Tensor, fed_BT: Tensor) -> Tensor:
    """transformers' forward on copies of the weights that gradients pass through."""
    weights = {name: weight.bfloat16() for name, weight in model.named_parameters()}
    inputs = {"input_ids": ids_BS, "attention_mask": ids_BS != 0, "decoder_input_ids": fed_BT}
    return torch.func.functional_call(model, weights, (), inputs | {"use_cache": False}).logits


def _model(student: str, dropout: type[torch.nn.Module]) -> Any:
    import yaml

    from p2m.artifacts import TaskSpec
    from p2m.components import build as component
    from p2m.student import build

    text = (ROOT / f"conf/model/{student}.yaml").read_text(encoding="utf-8")
    choice = component(yaml.safe_load(text)).run(TaskSpec("x"), None)
    model = build.fresh(choice, 0, _tokenizer(student, [])).model.train()
    for block in (*model.encoder.block, *model.decoder.block):
        for layer in block.layer:
            layer.dropout = dropout(DROPOUT)
    return model


def _tokenizer(student: str, texts: list[str]) -> Any:
    """Bytes, or pieces learnt from the texts."""
    from p2m.student import tokenizer

    return (
        tokenizer.learn(texts, 1024) if student == "t5_nano" else tokenizer.of_base("scratch", None)
    )


if __name__ == "__main__":
    main()
