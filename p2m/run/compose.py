"""Judge a command line before Hydra runs it, so that all its faults stand in one message."""

import contextlib
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from string import Template
from typing import Any

import hydra
from hydra._internal.utils import get_args_parser  # no public door to the flags; the tests hold it
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from p2m import config
from p2m.components import class_of
from p2m.errors import ConfigError, UsageError, listed, near
from p2m.fields import describe_unknown

SEARCH_PATH = "hydra.searchpath"
EXPERIMENT = "experiment"  # the group whose options set other groups
CALLBACKS = {"p2m.run.sweep.Table"}
# A class that Hydra's logging names is called as a _target_ is; these write text and no more.
LOGGING = {f"logging.{name}" for name in ("FileHandler", "Formatter", "StreamHandler")}
STREAMS = {"ext://sys.stdout", "ext://sys.stderr"}


@dataclass(frozen=True)
class Source:
    """Where a configuration comes from: the name of the primary one, and the typed lines that add to the search path."""

    name: str
    path: tuple[str, ...] = ()
    _options: dict[str, list[str]] = field(default_factory=dict)  # looking costs some 50 ms

    def compose(self, lines: Sequence[str]) -> DictConfig:
        return hydra.compose(self.name, list(lines), return_hydra_config=True)

    def options(self, group: str) -> list[str]:
        if group not in self._options:
            self._options[group] = config.options(group, self.name, self.path)
        return self._options[group]

    def groups(self) -> list[str]:
        loader = GlobalHydra.instance().config_loader()
        return loader.get_group_options("", ObjectType.GROUP, self.name, list(self.path))

    def is_group(self, override: Override) -> bool:
        key = str(override.key_or_group)
        return "." not in key and self.options(key) != []


def help_text(argv: list[str]) -> str | None:
    """What `p2m --help` says, where argv asks for it.

    Hydra would fill the same template by composing it all, and copies every plugin's fields once a
    group for it: two seconds with Ray's.
    """
    args = get_args_parser().parse_args(argv)
    if not args.help:
        return None
    lines = []
    with open_source(args) as source:
        for group in source.groups():
            names = source.options(group)
            if names and group != "hydra":
                lines.append(f"{group}: {', '.join(names)}\n")
    template = OmegaConf.load(config.CONF / "config.yaml").hydra.help.template
    return Template(template).substitute(APP_CONFIG_GROUPS="".join(lines))


def check(argv: list[str]) -> None:
    """Composes and checks what the command would run, each value of a sweep too; ConfigError lists all faults."""
    args = get_args_parser().parse_args(argv)
    if args.experimental_rerun:
        raise UsageError(
            "--experimental-rerun unpickles a file, which can run code: p2m does not offer it. Give the overrides again."
        )
    if args.help or args.hydra_help or args.cfg or args.info or args.shell_completion:
        return  # these run nothing
    with open_source(args) as source:
        faults = judge(source, args.overrides)
    if faults:
        raise ConfigError(listed(config.TITLE, faults))


@contextlib.contextmanager
def open_source(args: Namespace) -> Iterator[Source]:
    """Hydra's own loader, started with the folders that the flags name."""
    folder = config.PACKAGE / (args.config_path or config.CONF)  # from where Hydra takes it, too
    with hydra.initialize_config_dir(str(folder), version_base="1.3"):
        if args.config_dir:
            _add_folder(args.config_dir)
        path = [line for line in args.overrides if line.startswith(f"{SEARCH_PATH}=")]
        overrides, _ = _parse(path)
        if not all(isinstance(override.value(), list) for override in overrides):
            raise UsageError(
                f"{path[0]}: must be a list, such as {SEARCH_PATH}=[file:///my/conf,pkg://my_package.conf]"
            )
        yield Source(args.config_name or "config", tuple(str(o.input_line) for o in overrides))


def _add_folder(name: str) -> None:
    """As Hydra adds the one of --config-dir: after all others but the schemas."""
    folder = Path(name).absolute()
    if not folder.is_dir():
        raise UsageError(f"--config-dir {name}: there is no such folder")
    loader: Any = GlobalHydra.instance().config_loader()
    path = loader.get_search_path()
    path.prepend("command-line", f"file://{folder}", SearchPathQuery(provider="schema"))
    loader.repository.initialize_sources(path)


def judge(source: Source, lines: Sequence[str]) -> list[str]:
    """All that is wrong with a command of these *lines*, a line each."""
    overrides, faults = _parse(lines)
    usable = []
    for override in overrides:
        fault = _unusable(source, override)
        if fault:
            faults.append(fault)
        else:
            usable.append(override)
    for job in _jobs(usable):
        for fault in _judge_job(source, job, usable):
            if fault not in faults:
                faults.append(fault)
    return faults


def _parse(lines: Sequence[str]) -> tuple[list[Override], list[str]]:
    """The lines as Hydra reads them, and what is wrong with those that it cannot."""
    loader = GlobalHydra.instance().config_loader()  # which glob() asks for a group's options
    parser = OverridesParser.create(loader)
    overrides, faults = [], []
    for line in lines:
        try:
            overrides += parser.parse_overrides([line])
        except HydraException as error:
            why = str(error).splitlines()[0]
            faults.append(
                f"{line}: cannot be read ({why}); write key=value, and quote text with spaces or signs: 'prompt.text=\"...\"'"
            )
    return overrides, faults


def _values(override: Override) -> list[Any]:
    """What the override gives its key, one for each job; of an interval its ends."""
    value: Any = override.value()
    if override.is_interval_sweep():
        return [value.start, value.end]
    if override.is_sweep_override():
        return list(override.sweep_iterator())
    return [value]


def _unusable(source: Source, override: Override) -> str | None:
    """Why no job can be made of this override: it matches nothing, or an option that it names is not there."""
    group = str(override.key_or_group)
    values = _values(override)
    known = source.options(group) if source.is_group(override) else []
    if not values:
        return f"{override.input_line}: matches nothing; there is {', '.join(known) or 'no such group'}"
    if not known or override.is_delete():
        return None
    for name in _names(values):
        if name not in known:
            return f"{group}={name}: there is no such {group}{near(name, known)}; there is {', '.join(known)}"
    return None


def _names(values: list[Any]) -> Iterator[str]:
    """The options in *values*, each of which is one, a list of several, or null."""
    for value in values:
        if isinstance(value, list):
            yield from map(str, value)
        elif value is not None:
            yield str(value)


def _jobs(overrides: list[Override]) -> Iterator[list[str]]:
    """The lines of the first job of a sweep, then of one more for each further value of each swept key."""
    plain = [str(o.input_line) for o in overrides if not o.is_sweep_override()]
    swept = {o.get_key_element(): _texts(o) for o in overrides if o.is_sweep_override()}
    first = {key: values[0] for key, values in swept.items()}
    yield [*plain, *(f"{key}={value}" for key, value in first.items())]
    for key, values in swept.items():
        for value in values[1:]:
            job = first | {key: value}
            yield [*plain, *(f"{key}={value}" for key, value in job.items())]


def _texts(override: Override) -> list[str]:
    """The values as Hydra would write them into a job's command line."""
    if override.is_interval_sweep():
        return [str(value) for value in _values(override)]
    return list(override.sweep_string_iterator())


def _judge_job(source: Source, lines: list[str], overrides: list[Override]) -> list[str]:
    cfg, faults = _compose(source, lines)
    if cfg is None:
        return faults
    leave_out_settings(cfg, source, lines)
    with open_dict(cfg):
        own = cfg.pop("hydra")
    _, faults = config.judge(cfg, faults)
    if own.sweeper._target_.endswith(".BasicSweeper"):
        for override in overrides:
            if override.is_interval_sweep():
                faults.append(
                    f"{override.input_line}: this sweeper tries given values alone; list them (1,2,3), or use range() or choice()"
                )
    return faults + _foreign_code("hydra", OmegaConf.to_container(own, resolve=False))


def _compose(source: Source, lines: Sequence[str]) -> tuple[DictConfig | None, list[str]]:
    """The configuration, and the faults of the lines that had to be left out for it to compose."""
    try:
        return source.compose(lines), []
    except (HydraException, OmegaConfBaseException):
        pass
    groups, settings = _split(source, lines)
    try:
        cfg = source.compose([str(override.input_line) for override in groups])
    except (HydraException, OmegaConfBaseException) as error:
        return None, [" ".join(str(error).split())]
    OmegaConf.set_struct(cfg, False)
    faults = []
    for override in settings:
        key = str(override.key_or_group)
        is_new = override.is_add() or override.is_force_add()
        fault = None if is_new else _unknown_key(cfg, key)
        if fault:
            faults.append(fault)
        elif not override.is_delete():
            OmegaConf.update(cfg, key, override.value())
    return cfg, faults


def _split(source: Source, lines: Sequence[str]) -> tuple[list[Override], list[Override]]:
    """Those of the lines that choose options or are for Hydra itself, and those that set values."""
    groups, settings = [], []
    for override in _parse(lines)[0]:
        if source.is_group(override) or override.is_hydra_override():
            groups.append(override)
        else:
            settings.append(override)
    return groups, settings


def _unknown_key(cfg: DictConfig, key: str) -> str | None:
    """Why *key* is not in the configuration, in the words of the component that it names."""
    node: Any = cfg
    at: list[str] = []
    for part in key.split("."):
        if not isinstance(node, DictConfig):
            return f"{key}: {'.'.join(at)} has no such field; it is a single value"
        if part not in node:
            return f"{key}: {_describe_unknown(part, node, '.'.join(at))}"
        node = node._get_node(part)
        at.append(part)
    return None


def _describe_unknown(name: str, node: DictConfig, at: str) -> str:
    cls = class_of(node)
    if cls:
        return describe_unknown(name, cls)
    known = [str(key) for key in node if key != "hydra"]
    return f"{at or 'p2m'} has no such key{near(name, known)}; it has {', '.join(known)}"


def leave_out_settings_of_job(cfg: DictConfig) -> None:
    """`leave_out_settings` for the job that Hydra runs now."""
    own = HydraConfig.get()
    lines = [*own.overrides.hydra, *own.overrides.task]
    path = [line for line in lines if line.startswith(f"{SEARCH_PATH}=")]
    leave_out_settings(cfg, Source(str(own.job.config_name), tuple(path)), lines)


def leave_out_settings(cfg: DictConfig, source: Source, lines: Sequence[str]) -> None:
    """Takes out of *cfg* what its experiment set for components that the *lines* swapped for others.

    `experiment=tickets retriever=none` has no use for the experiment's retriever.hub.  What was typed,
    and what an option's own file says, stays and is judged.
    """
    plain: Any = OmegaConf.to_container(cfg, resolve=False)
    homeless = [found for group in config.GROUPS for found in _homeless(group, plain.get(group))]
    if not homeless:
        return
    groups, settings = _split(source, lines)
    typed = [f"{override.key_or_group}." for override in settings]
    for path in _swapped(cfg, source, groups, homeless):
        if not any(key.startswith(f"{path}.") for key in typed):
            parent, _, key = path.rpartition(".")
            with open_dict(cfg):
                del OmegaConf.select(cfg, parent)[key]


def _swapped(
    cfg: DictConfig, source: Source, groups: list[Override], homeless: list[tuple[str, str]]
) -> Iterator[str]:
    """The paths in *homeless* that only the experiment sets, for another component than the one that is there now."""
    experiment = [str(o.input_line) for o in groups if o.key_or_group == EXPERIMENT]
    if not experiment:
        return
    others = [str(o.input_line) for o in groups if o.key_or_group != EXPERIMENT]
    as_meant = source.compose([*source.path, *experiment])
    without = source.compose(others)
    for path, at in homeless:
        target = f"{at}._target_"
        parent, _, key = path.rpartition(".")
        is_own = key in (OmegaConf.select(without, parent) or ())
        if OmegaConf.select(as_meant, target) != OmegaConf.select(cfg, target) and not is_own:
            yield path


def _homeless(at: str, node: Any) -> Iterator[tuple[str, str]]:
    """Each setting at or below *at* that no component takes, and the place of the component that does not."""
    if not isinstance(node, dict):
        return
    cls = class_of(node)
    known = {each.name for each in fields(cls)} if cls else set(node)
    for key in node.keys() - {"_target_"}:
        path = f"{at}.{key}"
        if key not in known:
            yield path, at
        elif cls is None and _is_stray(at, node[key]):
            yield path, path
        else:
            yield from _homeless(path, node[key])


def _is_stray(at: str, node: Any) -> bool:
    """Whether these are settings of a metric, say, that is not there: a group may hold several components by name."""
    return at in config.GROUPS and isinstance(node, dict) and "_target_" not in node


def _foreign_code(at: str, node: Any) -> list[str]:
    """What would run code, in Hydra's own settings, that is none of Hydra's, of its installed plugins or ours."""
    if isinstance(node, list):
        node = dict(enumerate(node))
    if not isinstance(node, dict):
        return []
    known = {"_target_": CALLBACKS | _plugins(), "class": LOGGING, "()": set()}
    lines = []
    for key, value in node.items():
        is_strange = key in known and str(value) not in known[key]
        is_stream = isinstance(value, str) and value.startswith("ext://")
        if is_strange or (is_stream and value not in STREAMS):
            lines.append(f"{at}.{key}: '{value}' is not allowed here, as it would run code")
        lines += _foreign_code(f"{at}.{key}", value)
    return lines


def _plugins() -> set[str]:
    """The launchers and sweepers that installed packages registered with Hydra."""
    registered: Any = ConfigStore.instance().repo["hydra"]
    groups = (registered.get("launcher", {}), registered.get("sweeper", {}))
    return {str(entry.node._target_) for group in groups for entry in group.values()}
