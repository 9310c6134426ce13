"""Complete runs, by what was set in them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from p2m.errors import UsageError, near

# settings that make no other student, nor other answers
IGNORED = {"seed", "mode", "store", "calls", "budget", "tracker", "metric"}
SHOWN = 4  # settings in a label


@dataclass(frozen=True)
class Run:
    """A complete run: settings by dotted key, and overrides where it was a sweep's job."""

    folder: Path
    settings: dict[str, Any]
    overrides: list[str]
    report: dict[str, Any]


def read(folder: Path) -> Run:
    """UsageError where the run there did not come to its end."""
    for name in ("config.yaml", "report.json"):
        if not (folder / name).is_file():
            raise UsageError(
                f"p2m compare: {folder} holds no {name}: the run did not complete;"
                " the command that began it goes on"
            )
    config: Any = OmegaConf.to_container(OmegaConf.load(folder / "config.yaml"), resolve=False)
    deciding = {group: config[group] for group in config if group not in IGNORED}
    path = folder / "overrides.json"
    overrides = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return Run(folder, dict(_flatten(deciding)), overrides, report)


def group(runs: Sequence[Run], by: str | None) -> dict[str, list[Run]]:
    """Runs with the same settings, or the same of *by* and below it, under a label of these.

    Runs that share their student count once.
    """
    chosen = _choose(runs, by)
    members: dict[str, dict[str, Run]] = {}
    for run in runs:
        settings = json.dumps([run.settings.get(key) for key in chosen])
        members.setdefault(settings, {}).setdefault(run.report["stages"]["trainer"]["key"], run)
    firsts = [next(iter(each.values())) for each in members.values()]
    labels = _label_by_overrides(firsts, by)
    if len(set(labels)) < len(labels) or not all(labels):
        labels = _label_by_settings(firsts, chosen)
    return {label: [*each.values()] for label, each in zip(labels, members.values(), strict=True)}


def _choose(runs: Sequence[Run], by: str | None) -> list[str]:
    """The settings to group by."""
    known = dict.fromkeys(key for run in runs for key in run.settings)
    chosen = [key for key in known if _is_below(key, by)]
    if by and not chosen:
        names = [*known, *(key.partition(".")[0] for key in known)]
        raise UsageError(f"p2m compare --by {by}: there is no such setting{near(by, names)}")
    return chosen


def _label_by_overrides(runs: list[Run], by: str | None) -> list[str]:
    """What was typed for each run and not for all; below *by* alone, where it is given."""
    shared = set.intersection(*(set(run.overrides) for run in runs))
    labels = []
    for run in runs:
        words = []
        for word in run.overrides:
            key = word.lstrip("+~").partition("=")[0]
            if word not in shared and key not in IGNORED and _is_below(key, by):
                words.append(word)
        labels.append(" ".join(words))
    return labels


def _label_by_settings(runs: list[Run], keys: Iterable[str]) -> list[str]:
    """The settings that differ; components, by their files' names, come first."""
    differing = []
    for key in keys:
        values = {json.dumps(run.settings.get(key)) for run in runs}
        if len(values) > 1:
            differing.append(key)
    differing.sort(key=lambda key: not key.endswith("_target_"))
    labels: list[str] = []
    for run in runs:
        words = [_describe(key, run.settings[key]) for key in differing if key in run.settings]
        label = " ".join(words[:SHOWN]) or "all runs"
        labels.append(f"{label} ({len(labels) + 1})" if label in labels else label)
    return labels


def _describe(key: str, value: Any) -> str:
    if key.endswith("._target_"):
        return f"{key.removesuffix('._target_')}={value.split('.')[-2]}"
    return f"{key}={value if isinstance(value, str) else json.dumps(value)}"


def _is_below(key: str, by: str | None) -> bool:
    return by is None or f"{key}.".startswith(f"{by}.")


def _flatten(node: Any, path: str = "") -> Iterable[tuple[str, Any]]:
    if not isinstance(node, dict):
        yield path, node
        return
    for key, value in node.items():
        yield from _flatten(value, f"{path}.{key}" if path else str(key))
