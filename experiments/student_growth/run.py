"""Measures what training costs as examples and students grow, and writes results.csv.

python experiments/student_growth/run.py           1,000 to 1,000,000 examples, students of 1, 8 and
20 M parameters
python experiments/student_growth/run.py --quick   up to 100,000 examples

Each size is a process of its own.  It makes all its examples ready, then trains on so many that the
time of one can be told; a whole pass
would take as much longer as there are examples more, which is what `seconds_a_pass` says.
"""

import argparse
import csv
import json
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CONF = HERE.parent.parent / "conf"
sys.path.insert(0, str(HERE.parent.parent))
SIZES = (1_000, 10_000, 100_000, 1_000_000)
TRAINED = {
    "byt5_nano": 9_600,
    "byt5_micro": 2_400,
    "byt5_mini": 1_200,
}  # examples: some 10 to 60 seconds each
DIFFERENT = 10_000  # examples; more are these again, which costs the same
COLUMNS = (
    "student",
    "examples",
    "seconds_before_the_first_step",
    "examples_per_s",
    "seconds_a_pass",
    "peak_mb",
    "own_mb",
)


def main() -> None:
    args = _arguments()
    if args.one:
        print(json.dumps(_measured(args.one[0], int(args.one[1]), Path(args.one[2]))))
        return
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for n in SIZES[: 3 if args.quick else 4]:
            _write(Path(folder) / f"{n}.jsonl", n)
        for model in TRAINED:
            for n in SIZES[: 3 if args.quick else 4]:
                command = [sys.executable, __file__, "--one", model, str(n), folder]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                rows.append(
                    {"student": model, "examples": n} | json.loads(done.stdout.splitlines()[-1])
                )
                print(rows[-1], flush=True)
                _keep(rows)


def _keep(rows: list[dict[str, Any]]) -> None:
    with (HERE / "results.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def _write(path: Path, n: int) -> None:
    from experiments.dates.grammar import dates
    from p2m.artifacts import Example, write_rows

    rng = random.Random(0)
    some = [Example(*dates.example(rng, 1.0), "teacher:x") for _ in range(min(n, DIFFERENT))]
    write_rows(path, (some[i % len(some)] for i in range(n)))


def _measured(model: str, n: int, folder: Path) -> dict[str, Any]:
    from hydra import compose, initialize_config_dir

    from p2m import config
    from p2m.artifacts import ExampleFile, Splits, TaskSpec
    from p2m.components import build
    from p2m.fit.plan import write_plan
    from p2m.fit.train import fit
    from p2m.trainer._plan import make_plan

    changes = {
        "device": "cpu",
        "max_examples": TRAINED[model],
        "valid_every": TRAINED[model],
        "valid_examples": 100,
        "residual_dropout": 0.0,
    }
    overrides = [f"trainer.{name}={value}" for name, value in changes.items()]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        nodes = config.check(compose("config", [f"model={model}", *overrides])).nodes
    choice = build(nodes["model"]).run(TaskSpec("x"), None)
    splits = Splits(ExampleFile(folder / f"{n}.jsonl"), ExampleFile(folder / "1000.jsonl"))
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        write_plan(make_plan(build(nodes["trainer"]), choice, splits, place), place)
        own = Own()
        began, marks = time.monotonic(), []

        def note(message: dict[str, Any]) -> None:
            if "examples" in message:
                marks.append((time.monotonic(), message["examples"]))

        fit(place, note, lambda: 0)
        own.ended.set()
        own.join()
    (first, seen), (last, all_seen) = marks[0], marks[-1]
    rate = (all_seen - seen) / (last - first)
    return {
        "seconds_before_the_first_step": round(first - began - seen / rate, 1),
        "examples_per_s": round(rate),
        "seconds_a_pass": round(n / rate),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "own_mb": own.most // 1024,
    }


class Own(threading.Thread):
    """Looks ten times a second at how much memory is the process's own: without pages of files,
    which the system may take back."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most, self.ended = 0, threading.Event()
        self.start()

    def run(self) -> None:
        while not self.ended.wait(0.1):
            found = Path("/proc/self/status").read_text(encoding="utf-8")
            self.most = max(self.most, int(found.partition("RssAnon:")[2].split()[0]))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measures what training costs as examples and students grow: results.csv."
    )
    parser.add_argument("--quick", action="store_true", help="up to 100,000 examples")
    parser.add_argument(
        "--one",
        nargs=3,
        metavar=("MODEL", "EXAMPLES", "FOLDER"),
        help="what a process of its own does",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
