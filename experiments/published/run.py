"""Trains students on published tasks through the command line, default settings, and writes
results.csv.

python experiments/published/run.py --data FOLDER                    all of it: some hours on two
cores
python experiments/published/run.py g2p.geo --data FOLDER --seeds 0  one set, one seed
python experiments/published/run.py --data FOLDER --jobs 2           two runs at a time, each on
half of the cores
python experiments/published/run.py scan.simple --data FOLDER --overrides
trainer.residual_dropout=0.0

Runs that results.csv has, made by this version of student and trainer, are not made again; those of
other versions go.
Answers are kept in outputs/published; where three seeds or more have theirs there, the vote of them
is printed as well.

FOLDER holds <set>.train.jsonl.gz, <set>.dev.jsonl.gz (where there is one) and <set>.test.jsonl.gz.
"""

import argparse
import csv
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from p2m.model.scratch import Scratch
from p2m.student.machine import cores
from p2m.trainer.lightning import Lightning

HERE = Path(__file__).resolve().parent
ANSWERS = HERE.parents[1] / "outputs/published"
# what a run is made by: those of other versions are no further seeds of it
VERSION = f"{Scratch.VERSION}.{Lightning.VERSION}"
PROMPTS = {
    "g2p": "Write how the word is pronounced, in IPA with a space between sounds.",
    "inflection": "Write the inflected form of the lemma that the features after it ask for.",
    "scan": "Translate the command into the actions that carry it out.",
    "num_to_verbal": "Write the number in words.",
}
SETS = (
    "g2p.geo",
    "g2p.hun",
    "g2p.fre",
    "g2p.gre",
    "g2p.eng_us",
    "inflection.english",
    "inflection.turkish",
    "inflection.german",
    "inflection.english.1000",
    "inflection.turkish.1000",
    "inflection.german.1000",
    "scan.simple",
    "scan.length",
    "num_to_verbal",
)
BASELINES = {
    "g2p.geo": "0.0",
    "g2p.hun": "1.8",
    "g2p.fre": "8.5",
    "g2p.eng_us": "41.94",
}  # an ensemble of ten models, beams of four
STUDENTS = {
    "scan": "t5_nano"
}  # its words recur, so pieces of words serve it; else byt5_nano, as spelling is the task
# actions have to be counted, up to 48; T5's 32 tell 16 places back apart
COUNTS = "model.relative_attention_num_buckets=128"
NEEDED = {
    "scan.simple": [COUNTS],
    "scan.length": [
        COUNTS,
        "trainer.max_output=64",
    ],  # pieces: its test answers are twice as long as any answer that is trained on
}
COLUMNS = (
    "set",
    "model",
    "overrides",
    "seed",
    "version",
    "n",
    "exact_match",
    "low",
    "high",
    "dev",
    "train",
    "threads",
    "seconds",
)


def main() -> None:
    args = _arguments()
    rows = [row for row in _known(HERE / "results.csv") if row.get("version") == VERSION]
    known = {(r["set"], r["model"], r["overrides"], int(r["seed"])) for r in rows}
    missing = []
    for seed in args.seeds:
        for name in args.sets or SETS:
            model, overrides = (
                args.model or STUDENTS.get(name.split(".")[0], "byt5_nano"),
                NEEDED.get(name, []) + args.overrides,
            )
            if (name, model, " ".join(overrides), seed) not in known:
                missing.append((name, model, overrides, seed))
    threads = max(1, cores() // args.jobs)
    pool = ThreadPoolExecutor(args.jobs)
    try:
        for done in as_completed([pool.submit(_run, args.data, threads, *one) for one in missing]):
            row = {key: str(value) for key, value in done.result().items()}
            print(row, flush=True)
            rows = sorted(
                [*rows, row],
                key=lambda r: (SETS.index(r["set"]), r["model"], r["overrides"], int(r["seed"])),
            )
            _write(HERE / "results.csv", rows)
    finally:  # after a failure nothing more is begun
        pool.shutdown(cancel_futures=True)
    print(_table(rows), *_votes(rows), sep="\n")


def _run(
    data: Path, threads: int, name: str, model: str, overrides: list[str], seed: int
) -> dict[str, Any]:
    base = name.removesuffix(".1000")
    train = data / f"{base}.train{'1000' if name != base else ''}.jsonl.gz"
    valid = data / f"{base}.dev.jsonl.gz"
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "p2m",
            "prompt=text",
            f"prompt.text='{PROMPTS[name.split('.')[0]]}'",
            f"prompt.train={train}",
            f"prompt.test={data / f'{base}.test.jsonl.gz'}",
            *([f"prompt.valid={valid}"] if valid.exists() else []),
            "parser=sections",
            "retriever=none",
            "generator=none",
            f"model={model}",
            f"seed={seed}",
            "metric=[exact_match]",
            f"trainer.parallel.threads={threads}",
            f"store={folder}/store",
            f"hydra.run.dir={folder}/run",
            *overrides,
        ]
        began = time.monotonic()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        report = json.loads((Path(folder) / "run/report.json").read_text(encoding="utf-8"))
        _answers(name, model, overrides, seed).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(
            Path(folder) / "run/report/predictions.real.jsonl",
            _answers(name, model, overrides, seed),
        )
        points = [
            json.loads(line)
            for line in (Path(folder) / "run/student/curve.jsonl")
            .read_text(encoding="utf-8")
            .splitlines()
        ]
    score, dev = (
        report["scores"]["exact_match"],
        max(point.get("exact_match", 0) for point in points),
    )
    return {
        "set": name,
        "model": model,
        "overrides": " ".join(overrides),
        "seed": seed,
        "version": VERSION,
        "n": score["n"],
        "exact_match": round(100 * score["value"], 2),
        "low": round(100 * score["low"], 2),
        "high": round(100 * score["high"], 2),
        "dev": round(100 * dev, 1),
        "train": report["examples"]["train"],
        "threads": threads,
        "seconds": round(time.monotonic() - began),
    }


def _answers(name: str, model: str, overrides: Sequence[str], seed: int) -> Path:
    return ANSWERS / " ".join([name, model, VERSION, *overrides]) / f"{seed}.jsonl"


def _votes(rows: list[dict[str, str]]) -> Iterator[str]:
    """What the students of all seeds have exact together: the answer most of them give, of equally
    many that of the lowest seed."""
    for name, model, overrides in dict.fromkeys(
        (r["set"], r["model"], r["overrides"]) for r in rows
    ):
        files = sorted(_answers(name, model, overrides.split(), 0).parent.glob("*.jsonl"))
        if len(files) > 2:
            said = zip(
                *(
                    [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
                    for file in files
                ),
                strict=True,
            )
            exact = [
                Counter(one["prediction"] for one in same).most_common(1)[0][0]
                in same[0]["outputs"]
                for same in said
            ]
            yield (
                f"{name} {model} {overrides}: vote of {len(files)} seeds "
                f"{100 * statistics.mean(exact):.1f} exact"
            )


def _table(rows: list[dict[str, str]]) -> str:
    """Means over seeds (exact match and word error rate make 100) and their spread; defaults come
    first."""
    groups: dict[tuple[str, str, str], list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault((row["set"], row["model"], row["overrides"]), []).append(row)
    usual = [
        (name, STUDENTS.get(name.split(".")[0], "byt5_nano"), " ".join(NEEDED.get(name, [])))
        for name in SETS
    ]
    head = (
        "| set | student | seeds | word error rate | exact match | interval of the first seed | "
        "the task's baseline | on dev | seconds |"
    )
    lines = [
        head,
        "|---|---|---|---|---|---|---|---|---|",
        *(_line(groups[key], "") for key in usual if key in groups),
    ]
    others = [_line(found, f", `{key[2]}`") for key, found in groups.items() if key not in usual]
    return "\n".join(
        [*lines, "", "With other settings:", "", *lines[:2], *others] if others else lines
    )


def _line(found: list[dict[str, str]], settings: str) -> str:
    first = found[0]
    exact = [float(r["exact_match"]) for r in found]
    mean = statistics.mean(exact)
    spread = f" ± {statistics.stdev(exact):.2f}" if len(exact) > 1 else ""
    seen = [float(r["dev"]) for r in found if r["dev"]]
    took = [float(r["seconds"]) for r in found if r["seconds"]]  # a run that was held up has none
    cells = (
        first["set"] + settings,
        first["model"],
        ", ".join(r["seed"] for r in found),
        f"{100 - mean:.2f}",
        f"{mean:.2f}{spread}",
        f"[{float(first['low']):.1f}, {float(first['high']):.1f}], n = {int(first['n']):,}",
        BASELINES.get(first["set"], "–"),
        f"{statistics.mean(seen):.1f}" if seen else "",
        f"{statistics.mean(took):.0f}" if took else "",
    )
    return f"| {' | '.join(cells)} |"


def _known(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Trains students on published tasks and writes results.csv."
    )
    parser.add_argument(
        "sets",
        nargs="*",
        choices=[[], *SETS],
        metavar="SET",
        help=f"of {', '.join(SETS)}; none: all",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--model", help="student of all sets; left out: t5_nano for scan, else byt5_nano"
    )
    parser.add_argument(
        "--overrides",
        nargs="+",
        default=[],
        help="of p2m, for runs with other settings than the defaults",
    )
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, which share the cores")
    args = parser.parse_args()
    if not args.data.is_dir():
        parser.error(f"--data: there is no folder {args.data}")
    return args


if __name__ == "__main__":
    main()
