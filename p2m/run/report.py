"""What a run has to show: report.json for programs, report.md and a table for people."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from p2m.artifacts import Report, Score
from p2m.store import StageResult

ROOMS = {
    "prompt": "prompt", "parser": "task", "model": "choice", "retriever": "retrieved", "generator": "generated",
    "processor": "splits", "trainer": "student", "evaluator": "report",
}  # fmt: skip  # the names of the links in a run's folder


def write(
    folder: Path, made: dict[str, StageResult], kept: set[str], seed: int, wall_s: float
) -> dict[str, Any]:
    """Writes report.json and report.md in *folder* and gives the former's contents.

    scores are on the user's own test set where there is one, else on the generated one: `on` says which; `generated` has the latter always.
    """
    result: Report = made["evaluator"].value
    on = "real" if "real" in result.scores else "generated"
    notes = {stage: m.note for stage, m in made.items()}
    told = {
        "on": on,
        "scores": _plain(result.scores.get(on, {})),
        "generated": _plain(result.scores.get("generated", {})),
        "baselines": {name: _plain(sets.get(on, {})) for name, sets in result.baselines.items()},
        "usd": sum(n["usd"] for n in notes.values()),
        "seconds": round(sum(n["seconds"] for n in notes.values()), 1),
        "wall_seconds": round(wall_s, 1),
        "parity": [asdict(parity) for parity in result.parity],
        "seed": seed,
        "stages": {
            s: {
                "key": made[s].key,
                "kept": s in kept,
                "seconds": n["seconds"],
                "usd": n["usd"],
                "calls": n["calls"],
            }
            for s, n in notes.items()
        },
        "examples": _examples(made),
    }
    (folder / "report.json").write_text(
        json.dumps(told, ensure_ascii=False, indent=1), encoding="utf-8"
    )
    (folder / "report.md").write_text(_markdown(folder, told), encoding="utf-8")
    return told


def show(folder: Path, told: dict[str, Any]) -> None:
    """The tables on the terminal, and last the run's folder."""
    console = Console(highlight=False)
    for title, header, rows in _tables(told):
        table = Table(title=title, title_justify="left")
        for i, name in enumerate(header):
            table.add_column(name, justify="left" if i == 0 else "right")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    console.print(f"Try it:  p2m demo {_near(folder)}", markup=False, soft_wrap=True)
    console.print(_near(folder), markup=False, soft_wrap=True)


def shown(score: dict[str, Any]) -> str:
    """`93.1 [90.0, 95.8]`: per cent with the interval."""
    return f"{100 * score['value']:.1f} [{100 * score['low']:.1f}, {100 * score['high']:.1f}]"


def _examples(made: dict[str, StageResult]) -> dict[str, Any]:
    counts = {
        stage: json.loads((made[stage].folder / "manifest.json").read_text())["rows"]
        for stage in ("retriever", "generator", "processor")
    }
    splits = counts["processor"]
    dropped: dict[str, int] = {}
    for stage in ("retriever", "generator", "processor"):
        for reason, n in made[stage].value.dropped.items():
            dropped[f"{stage}: {reason}"] = n
    return {
        "retrieved": counts["retriever"].get("rows.jsonl", 0),
        "generated": counts["generator"].get("rows.jsonl", 0),
        **{name: splits.get(f"{name}.jsonl", 0) for name in ("train", "valid", "test", "real")},
        "cut": made["trainer"].value.cut,
        "lost": made["trainer"].value.lost,
        "dropped": dropped,
    }


def _tables(told: dict[str, Any]) -> list[tuple[str, list[str], list[list[str]]]]:
    where = {"real": "the test set given", "generated": "the generated test set"}[told["on"]]
    who = {"student": told["scores"], **told["baselines"]}
    metrics = list(told["scores"])
    n = next((s["n"] for s in told["scores"].values()), 0)
    scores = [
        [name.replace("_", " "), *(shown(by[m]) if m in by else "-" for m in metrics)]
        for name, by in who.items()
    ]
    if told["generated"] and told["on"] == "real":
        m = next(iter(told["generated"].values()))["n"]
        scores.append(
            [
                f"student, generated test set (n = {m})",
                *(shown(told["generated"][k]) for k in metrics),
            ]
        )
    scores += [
        [
            f"{p['engine']}: answers as torch float32 (n = {p['n']})",
            f"{100 * p['equal']:.1f}",
            *[""] * (len(metrics) - 1),
        ]
        for p in told["parity"]
    ]
    counts = told["examples"]
    examples = [
        [f"kept: {k}", f"{counts[k]:,}"]
        for k in ("retrieved", "generated", "train", "valid", "test", "real")
    ]
    if counts["cut"]:
        examples.append(["of train: cut at max_input or max_output", f"{counts['cut']:,}"])
    if counts["lost"]:
        examples.append(
            [
                "of train: answers that the student's tokenizer cannot write",
                f"{100 * counts['lost']:.1f} %",
            ]
        )
    examples += [
        [f"dropped by {reason}", f"{count:,}"] for reason, count in counts["dropped"].items()
    ]
    stages = [
        [
            s,
            "kept" if d["kept"] else "made",
            f"{d['seconds']:.1f}",
            f"{d['usd']:.2f}",
            f"{d['calls']:,}",
        ]
        for s, d in told["stages"].items()
    ]
    stages.append(
        [
            "sum",
            "",
            f"{told['seconds']:.1f}",
            f"{told['usd']:.2f}",
            f"{sum(d['calls'] for d in told['stages'].values()):,}",
        ]
    )
    return [
        (f"Scores in per cent on {where}, with 95 % intervals (n = {n})", ["", *metrics], scores),
        ("Examples", ["", "number"], examples),
        ("Stages", ["", "", "seconds", "dollars", "calls"], stages),
    ]


def _markdown(folder: Path, told: dict[str, Any]) -> str:
    parts = [f"# Run {folder.name}", ""]
    for title, header, rows in _tables(told):
        parts += [
            f"## {title}",
            "",
            f"| {' | '.join(header)} |",
            f"|{'---|' * len(header)}",
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
        ]
    return "\n".join([*parts, f"Try it: `p2m demo {_near(folder)}`", ""])


def _plain(scores: dict[str, Score]) -> dict[str, dict[str, float | int]]:
    return {
        name: {"value": s.value, "low": s.low, "high": s.high, "n": s.n}
        for name, s in scores.items()
    }


def _near(folder: Path) -> str:
    try:
        return str(folder.relative_to(Path.cwd()))
    except ValueError:
        return str(folder)
