"""How long the command trains until a student of 1 M parameters writes nine of ten dates in ISO
form; prints one line a seed.

python experiments/student_speed/dates.py [--examples 16000] [--seeds 0 1 2]

The task: 20,000 dates of 1900 to 2099 in ten wordings, such as `Tuesday, 3 March 1998` or `the 3rd
of march 1998`, for training, 1,000
others to choose weights by (200 are looked at) and 1,000 others to score.  Else settings are the
defaults, but for the examples seen.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

SIZES = {"train": 20_000, "valid": 1_000, "test": 1_000}
WORDINGS = (
    "{d.day} {month} {d.year}",
    "{month} {d.day}, {d.year}",
    "{month} {day}, {d.year}",
    "the {day} of {month} {d.year}",
    "{month} {day} {d.year}",
    "{weekday}, {d.day} {month} {d.year}",
    "{d.day}-{month:.3}-{d.year}",
    "{d.month}/{d.day}/{d.year}",
    "{d.day:02}.{d.month:02}.{d.year}",
    "{month:.3} {d.day} {d.year}",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Trains students on dates and says how long it took."
    )
    parser.add_argument(
        "--examples", type=int, default=16_000, help="seen in training, repeats counted"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder)
        for seed in args.seeds:
            command = [
                sys.executable,
                "-m",
                "p2m",
                "prompt=text",
                "prompt.text='Write the date as YYYY-MM-DD.'",
                "parser=sections",
                "retriever=none",
                *(f"prompt.{part}={folder / part}.jsonl" for part in SIZES),
                "generator=none",
                "metric=[exact_match]",
                f"seed={seed}",
                f"trainer.max_examples={args.examples}",
                "trainer.valid_examples=200",
                f"store={folder}/store",
                f"hydra.run.dir={folder}/run{seed}",
            ]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            report = json.loads((folder / f"run{seed}/report.json").read_text(encoding="utf-8"))
            seconds = report["stages"]["trainer"]["seconds"]
            score = report["scores"]["exact_match"]
            print(
                (
                    f"seed {seed}: {seconds:.0f} s of training, exact match "
                    f"{100 * score['value']:.1f}, n = {score['n']}"
                ),
                flush=True,
            )


def _write(folder: Path) -> None:
    rng, seen = random.Random(0), {}
    while len(seen) < sum(SIZES.values()):
        seen.setdefault(*example(rng))
    rows = iter(seen.items())
    for part, n in SIZES.items():
        lines = (
            json.dumps({"input": text, "output": iso})
            for text, iso in (next(rows) for _ in range(n))
        )
        (folder / f"{part}.jsonl").write_text("\n".join(lines), encoding="utf-8")


def example(rng: random.Random) -> tuple[str, str]:
    d = date.fromordinal(rng.randint(date(1900, 1, 1).toordinal(), date(2099, 12, 31).toordinal()))
    ending = "th" if d.day in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(d.day % 10, "th")
    text = rng.choice(WORDINGS).format(
        d=d, month=f"{d:%B}", weekday=f"{d:%A}", day=f"{d.day}{ending}"
    )
    return rng.choice([text, text.lower()]), d.isoformat()


if __name__ == "__main__":
    main()
