"""What a run would do: kept or to do, with calls, dollars and seconds expected, from settings and from what earlier runs took."""

import json
import statistics
from pathlib import Path

from p2m.config import Config, build
from p2m.stages import Estimate
from p2m.store import Made


def table(checked: Config, planned: dict[str, Made]) -> str:
    """One line a stage and a sum; a dash where nothing is known yet."""
    lines = [f"{'stage':<10} {'state':<6} {'key':<13} {'calls':>8} {'dollars':>9} {'seconds':>9}"]
    total = Estimate(0, 0.0, 0.0)
    for stage, made in planned.items():
        expected = Estimate(0, 0.0, 0.0) if made.kept else _expected(stage, checked, made)
        state = "kept" if made.kept else "to do"
        lines.append(f"{stage:<10} {state:<6} {made.key:<13} {_figures(expected)}")
        total = Estimate(*((a or 0) + (b or 0) for a, b in zip(_values(total), _values(expected), strict=True)))
    lines.append(f"{'sum of the known':<31} {_figures(total)}")
    lines.append(f"Cap: {_cap(checked)}. Nothing was done.")
    return "\n".join(lines)


def _expected(stage: str, checked: Config, made: Made) -> Estimate:
    component = build(checked.nodes[stage])
    told = component.estimate() if hasattr(component, "estimate") else Estimate(0, 0.0, None)
    return Estimate(told.calls, told.usd, told.seconds if told.seconds is not None else _earlier(made.folder.parent))


def _earlier(folder: Path) -> float | None:
    """Median seconds that the stage took before in this store, whatever its settings were."""
    notes = [json.loads(p.read_text(encoding="utf-8")) for p in folder.glob("*/made.json") if p.parent.suffix != ".part"]
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
