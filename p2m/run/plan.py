"""What a run would do: kept or to do, with calls, dollars and seconds expected, from settings and from what earlier runs took."""

import dataclasses
import json
import statistics
from pathlib import Path
from typing import Any

from p2m.components import build
from p2m.config import Config
from p2m.stages import Estimate, Estimates
from p2m.store import StageResult


def table(checked: Config, planned: dict[str, StageResult]) -> str:
    """One line a stage and a sum; a dash where nothing is known yet."""
    lines = [f"{'stage':<10} {'state':<6} {'key':<13} {'calls':>8} {'dollars':>9} {'seconds':>9}"]
    total = Estimate(0, 0.0, 0.0)
    for stage, made in planned.items():
        expected = Estimate(0, 0.0, 0.0) if made.kept else _expected(stage, checked, made)
        state = "kept" if made.kept else "to do"
        lines.append(f"{stage:<10} {state:<6} {made.key:<13} {_figures(expected)}")
        total = Estimate(
            *((a or 0) + (b or 0) for a, b in zip(_values(total), _values(expected), strict=True))
        )
    lines.append(f"{'sum of the known':<31} {_figures(total)}")
    lines.append(f"Cap: {_cap(checked)}. Nothing was done.")
    return "\n".join(lines)


def capped(node: Any, max_calls: int) -> Any:
    """*node* with each budget inside it cut to *max_calls* calls, the user's own cap kept where it is lower."""
    if hasattr(node, "max_calls"):
        return dataclasses.replace(
            node,
            max_calls=min(max_calls, node.max_calls if node.max_calls is not None else max_calls),
        )
    if isinstance(node, list):
        return [capped(item, max_calls) for item in node]
    return (
        {key: capped(value, max_calls) for key, value in node.items()}
        if isinstance(node, dict)
        else node
    )


def piloted(told: Any) -> str:
    """The forecast in words."""
    if told is None:
        return "Pilot: fewer than two calls were answered, which tells nothing; raise budget.pilot."
    (usd, usd_low, usd_high), (s, s_low, s_high) = told.usd, told.seconds
    return (
        f"Pilot: from {told.n} calls, the generator will cost ${usd:,.2f} (95 % interval ${usd_low:,.2f} to ${usd_high:,.2f})"
        f" and take {s:,.0f} s ({s_low:,.0f} to {s_high:,.0f}). The pilot's answers are kept."
    )


def _expected(stage: str, checked: Config, made: StageResult) -> Estimate:
    component = build(checked.nodes[stage])
    told = component.estimate() if isinstance(component, Estimates) else Estimate(0, 0.0, None)
    teacher = getattr(component, "teacher", None)
    if told.calls and teacher is not None:
        one: Estimate = teacher.estimate()  # of one call, as the latest ones of this model were
        usd, seconds = (
            told.usd if told.usd is not None else _times(one.usd, told.calls),
            _times(one.seconds, told.calls),
        )
        told = Estimate(told.calls, usd, told.seconds if told.seconds is not None else seconds)
    return Estimate(
        told.calls,
        told.usd,
        told.seconds if told.seconds is not None else _earlier(made.folder.parent),
    )


def _times(each: float | None, calls: float) -> float | None:
    return None if each is None else each * calls


def _earlier(folder: Path) -> float | None:
    """Median seconds that the stage took before in this store, whatever its settings were."""
    notes = [
        json.loads(p.read_text(encoding="utf-8"))
        for p in folder.glob("*/made.json")
        if p.parent.suffix != ".part"
    ]
    return statistics.median(n["seconds"] for n in notes) if notes else None


def _values(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    return estimate.calls, estimate.usd, estimate.seconds


def _figures(e: Estimate) -> str:
    return f"{_cell(e.calls, ',.0f', 8)} {_cell(e.usd, ',.2f', 9)} {_cell(e.seconds, ',.0f', 9)}"


def _cell(value: float | None, form: str, width: int) -> str:
    return f"{'-' if value is None else format(value, form):>{width}}"


def _cap(checked: Config) -> str:
    budget = checked.root.budget
    caps = [
        f"${budget.max_usd:g}" if budget.max_usd is not None else "",
        f"{budget.max_calls} calls" if budget.max_calls is not None else "",
    ]
    return ", ".join(c for c in caps if c) or "none (set budget.max_usd)"
