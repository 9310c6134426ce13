"""The composed configuration: its root keys, how it is checked, how a node becomes a component."""

import dataclasses
import re
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Lt
from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from p2m.calls.budget import Budget
from p2m.components import build, locate
from p2m.errors import ConfigError, listed, near
from p2m.fields import typed_fields

ROOT = Path(__file__).resolve().parent.parent
CONF = (
    ROOT / "conf"
    if (ROOT / "conf" / "config.yaml").is_file()
    else Path(__file__).resolve().parent / "conf"
)
STAGES = (
    "prompt",
    "parser",
    "retriever",
    "generator",
    "model",
    "processor",
    "trainer",
    "evaluator",
)  # in the order they run


@dataclasses.dataclass(frozen=True)
class Root:
    """The keys of every run that are not components."""

    seed: Annotated[int, Ge(0), Lt(2**63)]  # what torch takes
    mode: Literal["run", "plan"]
    store: Path
    calls: Path
    budget: Budget


GROUPS = ("teacher", *STAGES, "metric", "student", "tracker")
_NAMES = [*(f.name for f in dataclasses.fields(Root)), *GROUPS]
# Hydra refuses a root key that is not here.  Values are Any: OmegaConf knows neither Literal nor bounds; `checked` judges them.
ConfigStore.instance().store(
    name="spine", node=dataclasses.make_dataclass("Spine", [(n, Any, MISSING) for n in _NAMES])
)
OmegaConf.register_new_resolver("bundled", lambda name: str(_bundled(name)), replace=True)


@dataclasses.dataclass(frozen=True)
class Config:
    """A checked configuration: root holds typed values, nodes the settings of each component as plain data, `_target_` included.

    aliases: key -> the key that its value is taken from (`generator.teacher` -> `teacher`).
    """

    root: Root
    nodes: dict[str, Any]
    aliases: dict[str, str]

    def lacking(self, stages: Iterable[str]) -> list[str]:
        """What this machine lacks for these stages: a key, an extra, a server; one line each, where the user would set it."""
        return _told(
            [line for stage in stages for line in _lacking(stage, self.nodes[stage])], self.aliases
        )


def checked(cfg: DictConfig, also: tuple[str, ...] = ()) -> Config:
    """*cfg* resolved, each value of its field's type; ConfigError lists all that is wrong with it, after the faults in *also*."""
    faults = list(also)
    plain = _resolved(cfg, faults)
    root = _root(plain, faults)
    nodes: dict[str, Any] = {}
    for group in GROUPS:
        if isinstance(plain.get(group), dict):
            nodes[group] = _settled(group, plain[group], faults)
        elif group in plain:
            faults.append(
                f"{group}: must be a component, got {plain[group]!r}; it has {_options(group)}"
            )
    aliases = {
        k: v
        for k, v in _aliases(OmegaConf.to_container(cfg, resolve=False)).items()
        if v.split(".")[0] in plain
    }
    faults += _clash(nodes)
    if faults or root is None:
        faults += [line for group in STAGES for line in _lacking(group, nodes.get(group))]
        raise ConfigError(listed("The configuration is wrong:", _told(faults, aliases)))
    return Config(root, nodes, aliases)


def options(group: str) -> list[str]:
    """The names a group can be set to."""
    return sorted(p.stem for p in (CONF / group).glob("*.yaml"))


def _options(group: str) -> str:
    return ", ".join(options(group))


def _bundled(name: str) -> Path:
    """A file that p2m brings along, under experiments/ in a checkout and inside the package in a wheel."""
    return (ROOT if CONF.parent == ROOT else CONF.parent) / "experiments" / name


def _resolved(cfg: DictConfig, faults: list[str]) -> dict[str, Any]:
    """*cfg* as plain data, one unresolvable value at a time reported and taken out."""
    work = OmegaConf.create(OmegaConf.to_container(cfg, resolve=False))
    for key in list(work):
        node = work._get_node(key)
        try:
            if isinstance(node, DictConfig | ListConfig):
                OmegaConf.to_container(node, resolve=True)
            elif not OmegaConf.is_missing(work, key):
                work[key]
        except OmegaConfBaseException as error:
            faults.append(f"{error.full_key or key}: {str(error).splitlines()[0]}")
            del work[key]
    return typing.cast(dict[str, Any], OmegaConf.to_container(work, resolve=True))


def _root(plain: dict[str, Any], faults: list[str]) -> Root | None:
    """The root keys, typed; their faults are those of any component."""
    values = {f.name: plain[f.name] for f in dataclasses.fields(Root) if f.name in plain}
    before = len(faults)
    for name in (f.name for f in dataclasses.fields(Root) if f.name not in values):
        if not _wrong(name, faults):
            faults.append(f"{name}: is not set")
    typed = typed_fields("", Root, values, faults)
    return (
        Root(**typed)
        if len(faults) == before and len(typed) == len(values) == len(dataclasses.fields(Root))
        else None
    )


def _settled(path: str, node: Any, faults: list[str]) -> Any:
    """*node* with each value of its field's type, nested components included."""
    if isinstance(node, list):
        return [_settled(f"{path}.{i}", item, faults) for i, item in enumerate(node)]
    if not isinstance(node, dict):
        return node
    if "_target_" not in node:
        return {key: _settled(f"{path}.{key}", value, faults) for key, value in node.items()}
    try:
        cls = locate(str(node["_target_"]))
    except ConfigError as error:
        faults.append(f"{path}: {error}")
        return node
    names = [f.name for f in dataclasses.fields(cls)]
    has = f"it has {', '.join(names) or 'none'}"
    strange = sorted(set(node) - set(names) - {"_target_"})
    faults += [
        f"{path}.{key}: {cls.__name__} has no such field{near(str(key), names)}; {has}"
        for key in strange
    ]
    unset = [name for name in names if name not in node]
    faults += [
        f"{path}.{name}: is not set; every field of {cls.__name__} is written in its yaml"
        for name in unset
    ]
    before = len(faults)
    inner = {
        k: _settled(f"{path}.{k}", v, faults)
        for k, v in node.items()
        if k in names and _holds_component(v)
    }
    typed = typed_fields(
        f"{path}.", cls, {k: node[k] for k in names if k in node and k not in inner}, faults
    )
    settled = {"_target_": node["_target_"], **typed, **inner}
    if len(faults) == before and not unset:
        faults += _refusal(path, settled)
    return settled


def _clash(nodes: dict[str, Any]) -> list[str]:
    """A model of a kind that the processor does not prepare for, or that the engine or a setting of the trainer does not know."""
    targets = [nodes.get(group, {}).get("_target_") for group in ("model", "processor")]
    if None in targets:
        return []
    try:
        model, processor = (locate(str(target)) for target in targets)
    except ConfigError:
        return []  # told already
    kind, kinds = (
        nodes["model"].get("kind", getattr(model, "KIND", None)),
        getattr(processor, "KINDS", None),
    )
    if kind == "encoder" and nodes.get("student", {}).get("engine") == "ctranslate2":
        return [
            "student: engine=ctranslate2 is for students that write their answers, and the model is encoder; set student.engine=torch"
        ]
    set_ = [
        name
        for name in ("residual_dropout", "concatenate")
        if nodes.get("trainer", {}).get(name, "auto") != "auto"
    ]
    if kind in {"decoder-only", "encoder"} and set_:
        return [
            f"trainer.{name}: is for t5 and mt5, and the model is {kind}; set it to auto"
            for name in set_
        ]
    if kind is None or kinds is None or kind in kinds:
        return []
    right = "causal" if kind == "decoder-only" else "seq2seq"
    return [
        f"processor: {processor.__name__} prepares for {' and '.join(kinds)} students, and the model is {kind}; set processor={right}"
    ]


def _aliases(raw: Any, path: str = "") -> dict[str, str]:
    """Each key of *raw* that only points to another key."""
    if isinstance(raw, dict):
        return {
            k: v
            for key, value in raw.items()
            for k, v in _aliases(value, f"{path}.{key}" if path else str(key)).items()
        }
    pointed = re.fullmatch(r"\$\{([\w.]+)\}", raw) if isinstance(raw, str) else None
    return {path: pointed[1]} if pointed else {}


def _told(faults: list[str], aliases: dict[str, str]) -> list[str]:
    """Each fault once, at the key where it would be mended: one wrong seed is not five."""
    lines = []
    for fault in faults:
        path, colon, said = fault.partition(": ")
        while found := next(
            (k for k in aliases if colon and (path == k or path.startswith(f"{k}."))), None
        ):
            path = aliases[found] + path[len(found) :]
        lines.append(f"{path}{colon}{said}")
    return list(dict.fromkeys(lines))


def _lacking(path: str, node: Any) -> list[str]:
    if not isinstance(node, dict) or "_target_" not in node:
        return []
    ready = (
        _complete(node) and hasattr(locate(node["_target_"]), "ready") and not _refusal(path, node)
    )
    own = list(build(node).ready()) if ready else []
    return [f"{path}: {line}" for line in own] + [
        line for key, value in node.items() for line in _lacking(f"{path}.{key}", value)
    ]


def _complete(node: Any) -> bool:
    if not isinstance(node, dict):
        return True
    if "_target_" not in node:
        return all(map(_complete, node.values()))
    try:
        names = {f.name for f in dataclasses.fields(locate(node["_target_"]))}
    except ConfigError:
        return False
    return names <= set(node) and all(map(_complete, node.values()))


def _holds_component(value: Any) -> bool:
    if isinstance(value, dict):
        return "_target_" in value or any(_holds_component(v) for v in value.values())
    return isinstance(value, list) and any(_holds_component(v) for v in value)


def _refusal(path: str, node: dict[str, Any]) -> list[str]:
    """What the component's own constructor says against its settings, if it says anything."""
    try:
        build(node)
    except ValueError as error:
        return [f"{path}: {error}"]
    return []


def _wrong(name: str, faults: list[str]) -> bool:
    return any(fault.startswith((f"{name}:", f"{name}.")) for fault in faults)
