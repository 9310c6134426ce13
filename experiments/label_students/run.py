"""Trains a student that chooses labels by the command line and appends a line to results.csv.

python experiments/label_students/run.py tickets --examples 8 --model FOLDER --tickets FILE
python experiments/label_students/run.py words --examples 100 --model FOLDER --data FOLDER
python experiments/label_students/run.py words --examples 100 --model FOLDER --data FOLDER \
    --overrides trainer.optimizer.lr=2e-4

tickets: --examples so many a label of FILE (rows of input and output), scored on the bundled test
set; with --dev on every fourth row of FILE instead, which are then left out of training.
words: the language of a word, of five; --data holds g2p.fre, g2p.hun, g2p.eng_us,
inflection.german and inflection.turkish as <set>.train.jsonl.gz.
descriptions: what kind of task a data set is for, by its description; --data holds
dataset_schemas.jsonl.gz.
"""

import argparse
import csv
import gzip
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
TICKETS = HERE.parent / "tickets"
COLUMNS = ["task", "examples", "overrides", "seed", "n", "accuracy", "macro_f1", "cpu_seconds"]
PROMPTS = {
    "words": "Say which language the word is of.",
    "descriptions": "Say what kind of task the data set is for.",
}
EACH, HELD_OUT = 2000, 400  # words of a language; test rows
LABELS, LONGEST = 8, 600  # commonest kinds of data sets; characters of a description

Rows = list[tuple[str, str]]


def main() -> None:
    args = _arguments()
    train, test = _load(args)
    rng = random.Random(args.seed)
    if args.task == "tickets" and args.examples:
        train = _each_label(rng.sample(train, len(train)), args.examples)
    elif args.examples:
        train = rng.sample(train, min(args.examples, len(train)))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "train.jsonl", train)
        _write(folder / "test.jsonl", test)
        row = _run(args, folder)
    print(row, flush=True)
    path = HERE / "results.csv"
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def _load(args: argparse.Namespace) -> tuple[Rows, Rows]:
    if args.task == "tickets":
        rows = [(row["input"], row["output"]) for row in _read(args.tickets)]
        if args.dev:
            return [row for i, row in enumerate(rows) if i % 4], rows[::4]
        return rows, [(row["input"], row["output"]) for row in _read(TICKETS / "test.jsonl")]
    rows = _words(args.data) if args.task == "words" else _descriptions(args.data)
    random.Random(1).shuffle(rows)
    held_out = min(HELD_OUT, len(rows) // 4)
    return rows[held_out:], rows[:held_out]


def _words(data: Path) -> Rows:
    """Words that stand in one language alone."""
    pairs = set()
    for name in ("g2p.fre", "g2p.hun", "g2p.eng_us", "inflection.german", "inflection.turkish"):
        rows = _read(data / f"{name}.train.jsonl.gz")[:EACH]
        pairs |= {(row["input"].split()[0].lower(), name.partition(".")[2]) for row in rows}
    count = Counter(word for word, _ in pairs)
    return sorted(pair for pair in pairs if count[pair[0]] == 1)


def _descriptions(data: Path) -> Rows:
    """Descriptions of data sets for one of the commonest kinds of task."""
    rows = []
    for row in _read(data / "dataset_schemas.jsonl.gz"):
        kinds = row.get("task_categories") or []
        text = " ".join((row.get("description") or "").split())[:LONGEST]
        if len(kinds) == 1 and len(text) > 60:
            rows.append((text, kinds[0]))
    usual = {kind for kind, _ in Counter(kind for _, kind in rows).most_common(LABELS)}
    return [row for row in rows if row[1] in usual]


def _each_label(rows: Rows, most: int) -> Rows:
    count: Counter[str] = Counter()
    kept = []
    for row in rows:
        count[row[1]] += 1
        if count[row[1]] <= most:
            kept.append(row)
    return kept


def _run(args: argparse.Namespace, folder: Path) -> dict[str, object]:
    if args.task == "tickets":
        prompt = ["prompt=tickets", f"prompt.test={folder}/test.jsonl"]
    else:
        prompt = [
            "prompt=file",
            f"prompt.path={folder}/prompt.md",
            f"prompt.test={folder}/test.jsonl",
        ]
        names = sorted({row["output"] for row in _read(folder / "train.jsonl")})
        listed = "\n".join(f"- {name}" for name in names)
        text = f"## Instruction\n\n{PROMPTS[args.task]}\n\n## Labels\n\n{listed}\n"
        (folder / "prompt.md").write_text(text, encoding="utf-8")
    command = [
        sys.executable, "-m", "p2m", *prompt, f"prompt.train={folder}/train.jsonl",
        "retriever=none", "generator=none", "model=minilm", f"model.name={args.model}",
        "metric=[accuracy,macro_f1]", "trainer=cpu", "trainer.parallel.threads=1",
        f"seed={args.seed}", f"store={folder}/store", f"hydra.run.dir={folder}/run",
        *args.overrides,
    ]  # fmt: skip
    threads = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=threads)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    scores = json.loads((folder / "run/report.json").read_text(encoding="utf-8"))["scores"]
    return {
        "task": args.task + (" dev" if args.dev else ""),
        "examples": _amount(args),
        "overrides": " ".join(args.overrides),
        "seed": args.seed,
        "n": scores["accuracy"]["n"],
        "accuracy": round(100 * scores["accuracy"]["value"], 1),
        "macro_f1": round(100 * scores["macro_f1"]["value"], 1),
        "cpu_seconds": round(used.ru_utime + used.ru_stime),
    }


def _amount(args: argparse.Namespace) -> str:
    each = " a label" if args.task == "tickets" else ""
    return f"{args.examples}{each}" if args.examples else "all"


def _read(path: Path) -> list[dict[str, str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _write(path: Path, rows: Rows) -> None:
    with path.open("w", encoding="utf-8") as file:
        for text, label in rows:
            file.write(json.dumps({"input": text, "output": label}) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Trains a student that chooses a label.")
    parser.add_argument("task", choices=["tickets", "words", "descriptions"])
    parser.add_argument("--model", required=True, help="folder of all-MiniLM-L6-v2, or its name")
    parser.add_argument("--examples", type=int, default=0, help="of tickets a label; 0: all")
    parser.add_argument("--tickets", type=Path, help="file of labelled tickets")
    parser.add_argument("--data", type=Path, help="folder of the other sets")
    parser.add_argument("--dev", action="store_true", help="of tickets: not on the test set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--overrides", nargs="+", default=[])
    return parser.parse_args()


if __name__ == "__main__":
    main()
