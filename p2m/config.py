"""The composed configuration: its root keys, its groups, and how it is checked."""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from annotated_types import Ge, Lt
from hydra import compose
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import MISSING, DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from p2m.calls.budget import Budget
from p2m.components import build, class_of
from p2m.errors import ConfigError, listed
from p2m.fields import convert, convert_fields
from p2m.stages import Ready

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent
IS_CHECKOUT = (ROOT / "conf" / "config.yaml").is_file()  # in a wheel, conf/ is inside the package
CONF = ROOT / "conf" if IS_CHECKOUT else PACKAGE / "conf"
BUNDLED = CONF.parent / "experiments"  # the tasks that p2m brings along
TITLE = "The configuration is wrong:"
RAISED = "ConfigError raised while resolving interpolation: "  # what OmegaConf puts before ours

_EXAMPLES = ("prompt", "parser", "retriever", "generator")
STAGES = (*_EXAMPLES, "model", "processor", "trainer", "evaluator")  # in the order they run
GROUPS = ("teacher", *STAGES, "metric", "engine", "tracker")


@dataclasses.dataclass(frozen=True)
class Root:
    """The keys of every run that are not components."""

    seed: Annotated[int, Ge(0), Lt(2**63)]  # what torch takes
    mode: Literal["run", "plan", "plan_json"]
    store: Path
    calls: Path
    budget: Budget


ROOT_KEYS = [field.name for field in dataclasses.fields(Root)]
# Hydra refuses a root key that is not here.  Values are Any: OmegaConf knows neither Literal nor
# bounds; `check` judges them.
_SPINE = [(name, Any, MISSING) for name in (*ROOT_KEYS, *GROUPS)]
ConfigStore.instance().store(name="spine", node=dataclasses.make_dataclass("Spine", _SPINE))
OmegaConf.register_new_resolver("bundled", lambda name: str(BUNDLED / name), replace=True)
OmegaConf.register_new_resolver(
    "metric", lambda name, *, _root_: _find_metric(name, _root_), replace=True
)


def _refuse_environment(name: str, *_default: str) -> None:
    raise ConfigError(
        f"${{oc.env:{name}}} is not read, as a config could send a secret away with it; give the"
        f' value on the command line: key="${name}"'
    )


OmegaConf.register_new_resolver("oc.env", _refuse_environment, replace=True)


@dataclasses.dataclass(frozen=True)
class Config:
    """A checked configuration.

    root: typed values.  nodes: the settings of each component as plain data, `_target_` included.
    aliases: key -> the key that its value is taken from (`generator.teacher` -> `teacher`).
    """

    root: Root
    nodes: dict[str, Any]
    aliases: dict[str, str]

    def lacking(self, stages: Iterable[str]) -> list[str]:
        """What this machine lacks for these stages (a key, an extra, a server), a line each."""
        lines = [line for stage in stages for line in _lacking(stage, self.nodes[stage])]
        return _where_mended(lines, self.aliases)


def check(cfg: DictConfig) -> Config:
    """*cfg* resolved, each value of its field's type; ConfigError lists all its faults."""
    config, faults = judge(cfg)
    if config is None:
        raise ConfigError(listed(TITLE, faults))
    return config


def judge(cfg: DictConfig, faults: Sequence[str] = ()) -> tuple[Config | None, list[str]]:
    """The checked configuration, or None and all its faults, after those that are known."""
    faults = list(faults)
    cfg = _name_teachers(cfg)
    plain = _resolve(cfg, faults)
    root = _convert_root(plain, faults)
    nodes: dict[str, Any] = {}
    for group in GROUPS:
        if isinstance(plain.get(group), dict):
            nodes[group] = convert(group, plain[group], faults)
        elif group in plain:
            faults.append(f"{group}: must be a component, got {plain[group]!r}")
    faults += clashes(nodes, _kind(nodes.get("model", {})))
    aliases = dict(_aliases(OmegaConf.to_container(cfg, resolve=False)))
    aliases = {key: to for key, to in aliases.items() if to.split(".")[0] in cfg}
    if root and not faults:
        return Config(root, nodes, aliases), []
    for stage in STAGES:
        faults += _lacking(stage, nodes.get(stage), faults)
    return None, _where_mended(faults, aliases)


def _name_teachers(cfg: DictConfig) -> DictConfig:
    """*cfg* with the teacher of the root wherever a component's `teacher` is true."""
    named = cfg.copy()
    for group in GROUPS:
        if OmegaConf.is_dict(named.get(group)) and named[group].get("teacher") is True:
            named[group]["teacher"] = "${teacher}"
    return named


def options(group: str, config: str | None = None, overrides: Sequence[str] = ()) -> list[str]:
    """The names that *group* can be set to, all along Hydra's search path.

    None where Hydra is not started.
    config, overrides: the primary config and the lines that may add to the search path.
    """
    hydra = GlobalHydra.instance()
    if not hydra.is_initialized():
        return []
    loader = hydra.config_loader()
    return loader.get_group_options(group, config_name=config, overrides=list(overrides))


def _find_metric(name: str, root: DictConfig) -> Any:
    """The metric of that name, measured in this run or not; None where there is none."""
    measured = root.get("metric") or {}
    if name in measured:
        return measured[name]
    known = options("metric")
    return compose(f"metric/{name}").metric[name] if name in known else None


def _resolve(cfg: DictConfig, faults: list[str]) -> dict[str, Any]:
    """*cfg* as plain data; each value that cannot be resolved is told in *faults* and taken out."""
    work = OmegaConf.create(OmegaConf.to_container(cfg, resolve=False))
    lost = []
    for key in list(work):
        node = work._get_node(key)
        try:
            if isinstance(node, DictConfig | ListConfig):
                OmegaConf.to_container(node, resolve=True)
            elif not OmegaConf.is_missing(work, key):
                work[key]
        except OmegaConfBaseException as error:
            text = str(error).splitlines()[0].partition(RAISED)[2] or str(error).splitlines()[0]
            faults.append(f"{error.full_key or key}: {text}")
            lost.append(key)
    for key in lost:  # not before: what points there is no fault of its own
        del work[key]
    return cast(dict[str, Any], OmegaConf.to_container(work, resolve=True))


def _convert_root(plain: dict[str, Any], faults: list[str]) -> Root | None:
    """The root keys, typed; None where one is wrong or could not be resolved."""
    values = {name: plain[name] for name in ROOT_KEYS if name in plain}
    own: list[str] = []
    typed = convert_fields("", Root, values, own)
    faults += [fault for fault in own if not _is_faulty(fault.partition(":")[0], faults)]
    return Root(**typed) if len(typed) == len(ROOT_KEYS) else None


def _kind(model: dict[str, Any]) -> str | None:
    """The kind of student that a model's node will bring; None where that shows later."""
    kind: str | None = model.get("kind", getattr(class_of(model), "KIND", None))
    return kind


def clashes(nodes: dict[str, Any], kind: str | None) -> list[str]:
    """Components whose KINDS, the students that they are for, do not hold this one."""
    lines = []
    for group, node in nodes.items():
        cls = class_of(node)
        kinds = getattr(cls, "KINDS", None)
        if kind and kinds and kind not in kinds:
            fitting = _options_for(group, kind)
            instead = f"; set {group}={' or '.join(fitting)}" if fitting else ""
            clash = f"is for {' and '.join(kinds)} students, and the model is {kind}{instead}"
            lines.append(f"{group}: {cls.__name__} {clash}")
    return lines


def _options_for(group: str, kind: str) -> list[str]:
    """The options of *group* that say that they are for models of this kind, or for all."""
    fitting = []
    for name in options(group):
        kinds = getattr(class_of(compose(f"{group}/{name}")[group]), "KINDS", (kind,))
        if kind in kinds:
            fitting.append(name)
    return fitting


def _aliases(raw: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Each key of *raw* that only points to another key, and that other."""
    if isinstance(raw, dict):
        for key, value in raw.items():
            yield from _aliases(value, f"{path}.{key}" if path else str(key))
    elif isinstance(raw, str) and (pointer := re.fullmatch(r"\$\{([\w.]+)\}", raw)):
        yield path, pointer[1]


def _where_mended(faults: list[str], aliases: dict[str, str]) -> list[str]:
    """Each fault once, at the key where it would be mended: one wrong seed is not five."""
    lines = []
    for fault in faults:
        found_at, colon, text = fault.partition(": ")
        path = found_at
        alias = _alias_above(path, aliases)
        while colon and alias:
            path = aliases[alias] + path.removeprefix(alias)
            alias = _alias_above(path, aliases)
        lines.append(f"{path}{colon}{text.replace(f'{found_at}=', f'{path}=')}")
    return list(dict.fromkeys(lines))


def _alias_above(path: str, aliases: dict[str, str]) -> str | None:
    return next((key for key in aliases if f"{path}.".startswith(f"{key}.")), None)


def _lacking(path: str, node: Any, faults: Sequence[str] = ()) -> list[str]:
    """What the components of *node* lack on this machine; those with *faults* cannot be asked."""
    if not isinstance(node, dict):
        return []
    lines = []
    if "_target_" in node and not _is_faulty(path, faults):
        component = build(node)
        if isinstance(component, Ready):
            lines = [f"{path}: {line}" for line in component.ready()]
    for key, value in node.items():
        lines += _lacking(f"{path}.{key}", value, faults)
    return lines


def _is_faulty(path: str, faults: Sequence[str]) -> bool:
    return any(fault.startswith((f"{path}:", f"{path}.")) for fault in faults)
