"""A logistic regression on frozen features: the mean of the tokens beside the first one.

python experiments/label_students/probe.py --model FOLDER --tickets FILE
"""

import argparse
import json
import random
import statistics
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer

from p2m.student._head import _regress

TEST = Path(__file__).resolve().parent.parent / "tickets/test.jsonl"
BATCH = 64


def main() -> None:
    parser = argparse.ArgumentParser(description="Scores probes on the tickets' test set.")
    parser.add_argument("--model", required=True)
    parser.add_argument("--tickets", type=Path, required=True, help="rows of input and output")
    args = parser.parse_args()
    train, test = _read(args.tickets), _read(TEST)
    labels = sorted({row["output"] for row in train})
    train_y = torch.tensor([labels.index(row["output"]) for row in train])
    test_y = torch.tensor([labels.index(row["output"]) for row in test])
    train_x, test_x = (_features(args.model, [row["input"] for row in x]) for x in (train, test))
    for most in (8, 32, len(train)):
        for name in train_x:
            scores = []
            for seed in range(3 if most < len(train) else 1):
                rows = _rows(train_y, most, seed)
                weight, bias = _regress(train_x[name][rows], train_y[rows], len(labels))
                answers = (test_x[name] @ weight.T + bias).argmax(1)
                scores.append(100 * float((answers == test_y).float().mean()))
            print(f"{most} a label, {name}: {statistics.mean(scores):.1f}", flush=True)


def _rows(labels: torch.Tensor, most: int, seed: int) -> list[int]:
    """The first *most* of each label, in an order drawn by seed."""
    order = random.Random(seed).sample(range(len(labels)), len(labels))
    count = [0] * (int(labels.max()) + 1)
    kept = []
    for i in order:
        count[int(labels[i])] += 1
        if count[int(labels[i])] <= most:
            kept.append(i)
    return kept


@torch.no_grad()
def _features(name: str, texts: list[str]) -> dict[str, torch.Tensor]:
    """Of each text: normalised mean of the tokens, normalised first token."""
    model, tokenizer = AutoModel.from_pretrained(name).eval(), AutoTokenizer.from_pretrained(name)
    means, firsts = [], []
    for start in range(0, len(texts), BATCH):
        some = tokenizer(
            texts[start : start + BATCH], padding=True, truncation=True, return_tensors="pt"
        )
        tokens, mask = model(**some).last_hidden_state, some["attention_mask"][..., None]
        means.append((tokens * mask).sum(1) / mask.sum(1))
        firsts.append(tokens[:, 0])
    found = {"mean": torch.cat(means), "first token": torch.cat(firsts)}
    return {name: torch.nn.functional.layer_norm(x, x.shape[1:]) for name, x in found.items()}


def _read(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
