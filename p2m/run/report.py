"""What a run has to show: report.json for programs, report.md and a table for people."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from p2m.artifacts import Report, Score, Splits, Student, TaskSpec
from p2m.disk import write_text
from p2m.run import reading
from p2m.store import StageResult
from p2m.text.printable import printable, shorten

# the names of the links in a run's folder
ROOMS = {
    "prompt": "prompt",
    "parser": "task",
    "model": "choice",
    "retriever": "retrieved",
    "generator": "generated",
    "processor": "splits",
    "trainer": "student",
    "evaluator": "report",
}
SPLITS = ("train", "valid", "test", "real")


def write(
    folder: Path, results: dict[str, StageResult], kept: set[str], seed: int, wall_s: float
) -> dict[str, Any]:
    """Writes report.json and report.md in *folder* and gives the former's contents.

    scores are on the user's own test set where there is one, else on the generated one: `on` says
    which; `generated` has the latter always.
    """
    task: TaskSpec = results["parser"].value
    result: Report = results["evaluator"].value
    on = "real" if "real" in result.scores else "generated"
    stages: dict[str, dict[str, Any]] = {
        stage: {"key": made.key, "kept": stage in kept}
        | {name: made.note[name] for name in ("seconds", "usd", "calls")}
        for stage, made in results.items()
    }
    report = {
        "on": on,
        "scores": _plain(result.scores.get(on, {})),
        "generated": _plain(result.scores.get("generated", {})),
        "baselines": {name: _plain(sets.get(on, {})) for name, sets in result.baselines.items()},
        "usd": sum(stage["usd"] for stage in stages.values()),
        "seconds": round(sum(stage["seconds"] for stage in stages.values()), 1),
        "wall_seconds": round(wall_s, 1),
        "parity": [asdict(parity) for parity in result.parity],
        "asked": asdict(result.asked) if result.asked else None,
        "seed": seed,
        "stages": stages,
        "task": reading.summarize(task, results["model"].value),
        "examples": _examples(results),
    }
    write_text(folder / "report.json", json.dumps(report, ensure_ascii=False, indent=1))
    write_text(folder / "report.md", _markdown(folder, report))
    return report


def show(folder: Path, report: dict[str, Any]) -> None:
    """The tables on the terminal, and last the run's folder."""
    console = Console(highlight=False, markup=False, emoji=False)
    for table in _tables(report):
        console.print(table)
    place = _relative(folder)
    for line in (*_warnings(report), f"Try it:  p2m demo {place}", place):
        console.print(printable(line), soft_wrap=True)


def per_cent(score: dict[str, Any]) -> str:
    """`93.1 [90.0, 95.8]`: the value with its interval."""
    value, low, high = (100 * score[name] for name in ("value", "low", "high"))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"


def _examples(results: dict[str, StageResult]) -> dict[str, Any]:
    splits: Splits = results["processor"].value
    student: Student = results["trainer"].value
    counts = {ROOMS[stage]: len(results[stage].value.rows) for stage in ("retriever", "generator")}
    counts |= {name: len(getattr(splits, name)) for name in SPLITS}
    dropped: dict[str, int] = {}
    for stage in ("retriever", "generator", "processor"):
        for reason, n in results[stage].value.dropped.items():
            dropped[f"{stage}: {reason}"] = n
    return counts | {"cut": student.cut, "lost": student.lost, "dropped": dropped}


def _tables(report: dict[str, Any]) -> list[Table]:
    examples = _example_table(report["task"], report["examples"])
    return [_score_table(report), examples, _stage_table(report)]


def _table(title: str, header: list[str], rows: list[list[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for i, name in enumerate(header):
        table.add_column(name, justify="right" if i else "left")
    for row in rows:
        table.add_row(*map(printable, row))
    return table


def _score_table(report: dict[str, Any]) -> Table:
    where = {"real": "the test set given", "generated": "the generated test set"}[report["on"]]
    scores = report["scores"]
    lines = {"student": scores, **report["baselines"]}
    if report["on"] == "real" and report["generated"]:
        lines[f"student, generated test set (n = {_n(report['generated'])})"] = report["generated"]
    rows = []
    for name, by_metric in lines.items():
        cells = [per_cent(by_metric[metric]) if metric in by_metric else "-" for metric in scores]
        asked = report["asked"] if name == "teacher" else None
        rows.append([name.replace("_", " ") + _describe_cost(asked), *cells])
    for parity in report["parity"]:
        name = f"{parity['engine']}: answers as torch float32 (n = {parity['n']})"
        rows.append([name, f"{100 * parity['equal']:.1f}", *[""] * (len(scores) - 1)])
    title = f"Scores in per cent on {where}, with 95 % intervals (n = {_n(scores)})"
    return _table(title, ["", *scores], rows)


def _describe_cost(asked: dict[str, Any] | None) -> str:
    if asked is None:
        return ""
    unusable = f", {asked['unusable']} of no use" if asked["unusable"] else ""
    return f" (${asked['usd']:.2f}, {asked['seconds']:.2f} s an answer{unusable})"


def _n(scores: dict[str, Any]) -> int:
    return next((score["n"] for score in scores.values()), 0)


def _example_table(task: dict[str, Any], counts: dict[str, Any]) -> Table:
    rows = [["demonstrations in the prompt", f"{task['demonstrations']:,}"]]
    if task["labels"]:
        labels = shorten(", ".join(task["labels"]), reading.WIDTH)
        rows.append([f"labels: {labels}", f"{len(task['labels'])}"])
    names = ("retrieved", "generated", *SPLITS)
    rows += [[f"kept: {name}", f"{counts[name]:,}"] for name in names]
    if counts["cut"]:
        rows.append(["of train: cut at max_input or max_output", f"{counts['cut']:,}"])
    if counts["lost"]:
        what = "of train: answers that the student's tokenizer cannot write"
        rows.append([what, f"{100 * counts['lost']:.1f} %"])
    rows += [[f"dropped by {reason}", f"{n:,}"] for reason, n in counts["dropped"].items()]
    return _table("Examples", ["", "number"], rows)


def _stage_table(report: dict[str, Any]) -> Table:
    stages = dict(report["stages"])
    calls = sum(stage["calls"] for stage in stages.values())
    stages["sum"] = report | {"calls": calls}
    rows = []
    for name, spent in stages.items():
        state = {True: "kept", False: "made", None: ""}[spent.get("kept")]
        seconds, usd = f"{spent['seconds']:.1f}", f"{spent['usd']:.2f}"
        rows.append([name, state, seconds, usd, f"{spent['calls']:,}"])
    return _table("Stages", ["", "", "seconds", "dollars", "calls"], rows)


def _warnings(report: dict[str, Any]) -> Iterator[str]:
    """What was hardly meant: a prompt misread, nothing retrieved, a baseline that is better."""
    for doubt in report["task"]["doubts"]:
        yield f"The prompt's {doubt}."
    nothing = why_nothing_retrieved(report)
    if nothing:
        yield f"The retriever found nothing: {nothing}."
    for metric, score in list(report["scores"].items())[:1]:
        better = []
        for name, baseline in report["baselines"].items():
            if name != "teacher" and baseline[metric]["value"] > score["value"]:
                better.append(f"{name.replace('_', ' ')} ({100 * baseline[metric]['value']:.1f})")
        if better:
            yield (
                f"The student ({metric} {100 * score['value']:.1f}) is worse than the baseline"
                f" {' and '.join(better)}: give it more examples (generator.target=...,"
                " prompt.train=...), train it longer (trainer.max_examples=...), or choose another"
                " student (model=...)."
            )


def why_nothing_retrieved(report: dict[str, Any]) -> str:
    """Which data sets were left, and why, where the retriever was to find some and gives none."""
    counts = report["examples"]
    if counts["retrieved"]:
        return ""
    reasons = [
        f"{n} {reason.removeprefix('retriever: sets: ')}"
        for reason, n in counts["dropped"].items()
        if reason.startswith("retriever: sets: ")
    ]
    return "; ".join(reasons)


def _markdown(folder: Path, report: dict[str, Any]) -> str:
    lines = [f"# Run {folder.name}", ""]
    for warning in _warnings(report):
        lines += [warning, ""]
    for table in _tables(report):
        header = [str(column.header) for column in table.columns]
        rows = zip(*(column.cells for column in table.columns), strict=True)
        lines += [f"## {table.title}", "", _line(header), f"|{'---|' * len(header)}"]
        lines += [*map(_line, rows), ""]
    lines += ["## What was read of the prompt", ""]
    lines += [*(f"- {line}" for line in reading.describe(report["task"])), ""]
    return "\n".join([*lines, f"Try it: `p2m demo {_relative(folder)}`", ""])


def _line(cells: Iterable[Any]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(scores: dict[str, Score]) -> dict[str, dict[str, float | int]]:
    return {metric: asdict(score) for metric, score in scores.items()}


def _relative(folder: Path) -> str:
    """The folder as seen from here, where it lies below."""
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)
