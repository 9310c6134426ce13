"""What a run would do: kept or to do, with calls, dollars and seconds expected.

From settings, and from what earlier runs took.
"""

import dataclasses
import statistics
from pathlib import Path
from typing import Any

from p2m.calls.budget import Budget
from p2m.components import build
from p2m.config import Config
from p2m.stages import Estimate, Estimates
from p2m.store import StageResult, records

NOTHING = Estimate(0, 0.0, 0.0)


def table(checked: Config, planned: dict[str, StageResult]) -> str:
    """One line a stage and a sum; a dash where nothing is known yet."""
    lines = [f"{'stage':<10} {'key':<13} {'calls':>8} {'dollars':>9} {'seconds':>9}  state"]
    estimates = []
    for stage, result in planned.items():
        estimate = NOTHING
        if not result.kept:
            estimate = _estimate(build(checked.nodes[stage]), result.folder.parent)
        estimates.append(dataclasses.astuple(estimate))
        lines.append(f"{stage:<10} {result.key:<13} {_figures(estimate)}  {result.state}")
    totals = [sum(filter(None, column)) for column in zip(*estimates, strict=True)]
    lines.append(f"{'sum of the known':<24} {_figures(Estimate(*totals))}")
    lines.append(f"Cap: {_describe_cap(checked.root.budget)}. Nothing was done.")
    return "\n".join(lines)


def cap(node: Any, max_calls: int) -> Any:
    """*node* with each budget in it cut to *max_calls* calls; a lower cap of the user's stays."""
    if isinstance(node, list):
        return [cap(item, max_calls) for item in node]
    if isinstance(node, dict):
        return {key: cap(value, max_calls) for key, value in node.items()}
    if not hasattr(node, "max_calls"):
        return node
    if node.max_calls is not None:
        max_calls = min(max_calls, node.max_calls)
    return dataclasses.replace(node, max_calls=max_calls)


def describe_pilot(forecast: Any) -> str:
    """The forecast in words."""
    if forecast is None:
        return "Pilot: fewer than two calls were answered, which tells nothing; raise budget.pilot."
    usd, usd_low, usd_high = forecast.usd
    seconds, low, high = forecast.seconds
    return (
        f"Pilot: from {forecast.n} calls, the generator will cost ${usd:,.2f}"
        f" (95 % interval ${usd_low:,.2f} to ${usd_high:,.2f})"
        f" and take {seconds:,.0f} s ({low:,.0f} to {high:,.0f}). The pilot's answers are kept."
    )


def _estimate(component: Any, results: Path) -> Estimate:
    """What the component says, else what its teacher says of a call, else how long it took before.

    results: folder of the stage in the store.
    """
    own = Estimate(0, 0.0)
    if isinstance(component, Estimates):
        own = component.estimate()
    values = {"usd": own.usd, "seconds": own.seconds}
    teacher = getattr(component, "teacher", None)
    if own.calls and isinstance(teacher, Estimates):
        each = teacher.estimate()  # of one call, as the latest ones of this model were
        for name in values:
            value = getattr(each, name)
            if values[name] is None and value is not None:
                values[name] = value * own.calls
    took = [record["seconds"] for record in records(results)]
    if values["seconds"] is None and took:
        values["seconds"] = statistics.median(took)
    return Estimate(own.calls, **values)


def _figures(estimate: Estimate) -> str:
    calls = _cell(estimate.calls, ",.0f", 8)
    usd = _cell(estimate.usd, ",.2f", 9)
    return f"{calls} {usd} {_cell(estimate.seconds, ',.0f', 9)}"


def _cell(value: float | None, form: str, width: int) -> str:
    text = "-" if value is None else format(value, form)
    return text.rjust(width)


def _describe_cap(budget: Budget) -> str:
    caps = []
    if budget.max_usd is not None:
        caps.append(f"${budget.max_usd:g}")
    if budget.max_calls is not None:
        caps.append(f"{budget.max_calls} calls")
    return ", ".join(caps) or "none (set budget.max_usd)"
