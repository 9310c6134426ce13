"""What a run would do: kept or to do, with calls, dollars and seconds expected, and what stops it.

From settings, the prompt, and what earlier runs took.
"""

import dataclasses
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from p2m.artifacts import ExampleFile
from p2m.calls.budget import Budget
from p2m.components import build
from p2m.config import Config
from p2m.run import reading
from p2m.stages import AsksTestSet, Estimate, Estimates, Sizes, Teacher
from p2m.store import StageResult, records

NOTHING = Estimate(0, 0.0, 0.0)
ALIKE = 0.1  # sets of examples that differ in size by this share take about as long


@dataclass(frozen=True)
class Plan:
    """What mode=plan says.

    sum: of what is known.  sizes: tokens of a request for examples and of its answer.  spent:
    dollars and calls that count against the caps so far.  share: of the calls to make, those that
    the caps allow.  task: what was read of the prompt, where no teacher is needed for it.
    missing: what keeps the run from starting.
    """

    stages: dict[str, dict[str, Any]]
    sum: Estimate
    sizes: Sizes | None
    budget: Budget
    spent: tuple[float, int]
    share: float
    task: dict[str, Any] | None
    missing: list[str]


@dataclass(frozen=True)
class PromptFacts:
    """What a look at the prompt tells; less where a teacher would have to read it.

    summary: what was understood.  sizes: of requests, by stage.  n_test: examples of its test set.
    """

    summary: dict[str, Any] | None = None
    sizes: Mapping[str, Sizes] = field(default_factory=dict)
    n_test: int | None = None


def make(
    checked: Config,
    planned: dict[str, StageResult],
    facts: PromptFacts,
    spent: tuple[float, int],
    missing: list[str],
) -> Plan:
    stages: dict[str, dict[str, Any]] = {}
    estimates = []
    for stage, result in planned.items():
        estimate = NOTHING
        if not result.kept:
            component = build(checked.nodes[stage])
            own = _own_estimate(component, facts.n_test)
            estimate = _estimate(component, own, result, planned, facts.sizes.get(stage))
        estimates.append(dataclasses.astuple(estimate))
        about = {"key": result.key, "state": result.state}
        stages[stage] = about | dataclasses.asdict(estimate)
    total = Estimate(*(sum(filter(None, column)) for column in zip(*estimates, strict=True)))
    total = dataclasses.replace(total, tokens_per_s=None)  # no sum
    budget = checked.root.budget
    share = _allowed_share(budget, total, spent)
    sizes = facts.sizes.get("generator")
    return Plan(stages, total, sizes, budget, spent, share, facts.summary, missing)


def describe(plan: Plan) -> str:
    """A table of the stages with a sum, then what was read, the cap and what is missing."""
    lines = [f"{'stage':<10} {'key':<13} {'calls':>8} {'dollars':>9} {'seconds':>9}  state"]
    for stage, about in plan.stages.items():
        lines.append(f"{stage:<10} {about['key']:<13} {_figures(about)}  {about['state']}")
    lines.append(f"{'sum of the known':<24} {_figures(dataclasses.asdict(plan.sum))}")
    if plan.task:
        lines.append("What was read of the prompt:")
        lines += [f"  {line}" for line in reading.describe(plan.task)]
    if plan.sizes:
        asked, answered = plan.sizes
        rate = plan.stages["generator"].get("tokens_per_s")
        speed = f" The teacher lately wrote {rate:,.1f} tokens/s." if rate else ""
        lines.append(
            f"A request for examples: some {asked:,} tokens, its answer {answered:,}.{speed}"
        )
    lines.append(_describe_cap(plan))
    if plan.missing:
        lines.append("It cannot start yet:")
        lines += [f"  {line}" for line in plan.missing]
    return "\n".join([*lines, "Nothing was done."])


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


def _own_estimate(component: Any, n_test: int | None) -> Estimate:
    if isinstance(component, AsksTestSet):
        return component.questions(n_test)
    if isinstance(component, Estimates):
        return component.estimate()
    return Estimate(0, 0.0)


def _estimate(
    component: Any,
    own: Estimate,
    result: StageResult,
    planned: dict[str, StageResult],
    sizes: Sizes | None,
) -> Estimate:
    """What the component says, else its teacher of a call, else how long it took before."""
    usd, seconds = own.usd, own.seconds
    teacher: Teacher | None = getattr(component, "teacher", None)
    tokens_per_s = None
    if own.calls and teacher:
        each = teacher.estimate(sizes)
        tokens_per_s = each.tokens_per_s
        if usd is None and each.usd is not None:
            usd = each.usd * own.calls
        if seconds is None and each.seconds is not None:
            seconds = each.seconds * own.calls
    if seconds is None:
        seconds = _seconds_before(component, result, planned)
    return Estimate(own.calls, usd, seconds, tokens_per_s)


def _seconds_before(
    component: Any, result: StageResult, planned: dict[str, StageResult]
) -> float | None:
    """What the stage took in the median, done by this component; None where nothing compares.

    Training and measuring take as long as student and examples have them: for these, the results of
    the same student and about as many examples count alone.
    """
    took = []
    for record in records(result.folder.parent):
        target = f"{type(component).__module__}.{type(component).__name__}"
        if (record.get("settings") or {}).get("_target_") != target:
            continue
        inputs = record.get("inputs", {})
        if "processor" not in inputs or _is_alike(inputs, planned):
            took.append(record["seconds"])
    return statistics.median(took) if took else None


def _is_alike(inputs: dict[str, str], planned: dict[str, StageResult]) -> bool:
    splits = planned["processor"]
    if not splits.kept or inputs["model"] != planned["model"].key:
        return False
    earlier = splits.folder.with_name(inputs["processor"])
    n, n_earlier = _n_train(splits.folder), _n_train(earlier)
    return abs(n - n_earlier) <= ALIKE * n


def _n_train(splits: Path) -> int:
    path = splits / "train.jsonl"
    return len(ExampleFile(path)) if path.is_file() else 0


def _allowed_share(budget: Budget, total: Estimate, spent: tuple[float, int]) -> float:
    """Of the calls to make, as far as they are known: what the caps leave room for."""
    shares = [1.0]
    caps = (
        (budget.max_usd, spent[0], total.usd),
        (budget.max_calls, spent[1], total.calls),
    )
    for most, used, needed in caps:
        if most is not None and needed:
            shares.append(max(0.0, most - used) / needed)
    return min(shares)


def _describe_cap(plan: Plan) -> str:
    budget, (usd, calls) = plan.budget, plan.spent
    caps = []
    if budget.max_usd is not None:
        caps.append(f"${budget.max_usd:g}")
    if budget.max_calls is not None:
        caps.append(f"{budget.max_calls:,} calls")
    text = f"Cap: {', '.join(caps) or 'none (set budget.max_usd)'}"
    if calls:
        text += f", of which ${usd:,.2f} and {calls:,} calls are spent"
    if budget.max_minutes is not None:
        text += f"; {budget.max_minutes:g} minutes a command"
    if plan.share < 1:
        n = plan.sum.calls or 0
        text += f". It will stop the run after some {plan.share * n:,.0f} of {n:,.0f} calls"
    return f"{text}."


def _figures(figures: dict[str, float | None]) -> str:
    calls = _cell(figures["calls"], ",.0f", 8)
    usd = _cell(figures["usd"], ",.2f", 9)
    return f"{calls} {usd} {_cell(figures['seconds'], ',.0f', 9)}"


def _cell(value: float | None, form: str, width: int) -> str:
    text = "-" if value is None else format(value, form)
    return text.rjust(width)
