"""Judge a command line before Hydra runs it, so that all its faults stand in one message."""

import contextlib
import re
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any

import hydra
from hydra._internal.utils import get_args_parser  # no public door to the flags; the tests hold it
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict

from p2m import config
from p2m.errors import ConfigError, UsageError, listed, near
from p2m.run import bounded, foreign, keys  # noqa: F401  # bounded: what it loads is bounded
from p2m.run.foreign import SEARCH_PATH

EXPERIMENT = "experiment"  # the group whose options set other groups
KEYS = [*config.ROOT_KEYS, *config.GROUPS]
# settings that may hold any key
OPEN = re.compile(r"\w+(\.\w+)*\.extra[.=]")


@dataclass(frozen=True)
class Source:
    """Where a configuration comes from.

    name: of the primary one.  path: the typed lines that add to the search path.
    """

    name: str
    path: tuple[str, ...] = ()
    _options: dict[str, list[str]] = field(default_factory=dict)  # looking costs some 50 ms

    def compose(self, lines: Sequence[str]) -> DictConfig:
        return hydra.compose(self.name, list(lines), return_hydra_config=True)

    def options(self, group: str) -> list[str]:
        if "." in group:
            return []
        if group not in self._options:
            self._options[group] = config.options(group, self.name, self.path)
        return self._options[group]

    def groups(self) -> list[str]:
        loader = GlobalHydra.instance().config_loader()
        return loader.get_group_options("", ObjectType.GROUP, self.name, list(self.path))


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
    """Composes and checks what the command would run; ConfigError lists all faults."""
    args = get_args_parser().parse_args(argv)
    if args.experimental_rerun:
        raise UsageError(
            "--experimental-rerun unpickles a file, which can run code: p2m does not offer it."
            " Give the overrides again."
        )
    with open_source(args) as source:
        if args.help or args.hydra_help or args.cfg or args.info or args.shell_completion:
            return  # these run nothing
        faults = judge(source, args.overrides)
        faults += _sweeps(args.overrides) if not args.multirun else []
    if faults:
        raise ConfigError(listed(config.TITLE, faults))


def _sweeps(lines: Sequence[str]) -> list[str]:
    """Several values, in a command that is no sweep."""
    overrides, _ = _parse(lines)
    if any(override.key_or_group == "hydra.mode" for override in overrides):
        return []
    return [
        f"{override.input_line}: several values are a sweep, p2m -m ...; a list is written"
        f" {override.key_or_group}=[a,b], and text with a comma in quotes"
        for override in overrides
        if override.is_sweep_override()
    ]


@contextlib.contextmanager
def open_source(args: Namespace) -> Iterator[Source]:
    """Hydra's own loader, started with the folders that the flags name."""
    folder = config.PACKAGE / (args.config_path or config.CONF)  # from where Hydra takes it, too
    if not folder.is_dir():
        raise UsageError(f"--config-path {args.config_path}: there is no folder {folder}")
    name = args.config_name or "config"
    with hydra.initialize_config_dir(str(folder), version_base="1.3"):
        if args.config_dir:
            _add_folder(args.config_dir)
        foreign.refuse_packages(GlobalHydra.instance().config_loader(), name)
        yield Source(name, tuple(_search_path(args.overrides)))


def _search_path(lines: Sequence[str]) -> Iterator[str]:
    """The lines that add to the search path."""
    overrides, _ = _parse(
        [line for line in lines if line.lstrip("+").startswith(f"{SEARCH_PATH}=")]
    )
    for override in overrides:
        if not isinstance(override.value(), list):
            raise UsageError(
                f"{override.input_line}: must be a list, such as"
                f" {SEARCH_PATH}=[file:///my/conf,pkg://my_package.conf]"
            )
        foreign.refuse_schemes(override.value())
        yield str(override.input_line)


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
        faults += _judge_job(source, job)
    return list(dict.fromkeys(faults))


def _parse(lines: Sequence[str]) -> tuple[list[Override], list[str]]:
    """The lines as Hydra reads them, and what is wrong with those that it cannot."""
    loader = GlobalHydra.instance().config_loader()  # glob() asks it for a group's options
    overrides, faults = [], []
    for line in lines:
        try:
            overrides += OverridesParser.create(loader).parse_overrides([line])
        except (HydraException, ValueError) as error:  # a number of 5,000 digits
            why = str(error).splitlines()[0]
            advice = "write key=value, and quote text with spaces or signs: 'prompt.text=\"...\"'"
            faults.append(f"{line}: cannot be read ({why}); {advice}")
    return overrides, faults


def _unusable(source: Source, override: Override) -> str | None:
    """Why no job can be made of it: it has no values, or names an option that is not there."""
    line, group = override.input_line, str(override.key_or_group)
    if override.is_interval_sweep():
        return f"{line}: an interval has no values to go through; list them (1,2,3), or use range()"
    known = source.options(group)
    values = [override.value()]
    if override.is_sweep_override():
        values = list(override.sweep_iterator())
    if not values:
        return f"{line}: matches nothing; there is {', '.join(known) or 'no such group'}"
    for name in _names(values) if known and not override.is_delete() else ():
        if name not in known:
            there = f"there is no such {group}{near(name, known)}; there is {', '.join(known)}"
            return f"{group}={name}: {there}"
    return None


def _names(values: list[Any]) -> Iterator[str]:
    """The options in *values*, each of which is one, a list of several, or null."""
    for value in values:
        if isinstance(value, list):
            yield from map(str, value)
        elif value is not None:
            yield str(value)


def _jobs(overrides: list[Override]) -> Iterator[list[str]]:
    """The lines of a sweep's first job, then of one more for each further value of each key."""
    plain: list[str] = []
    swept: list[list[str]] = []
    for override in overrides:
        if override.is_sweep_override():
            key = override.get_key_element()
            swept.append([f"{key}={value}" for value in override.sweep_string_iterator()])
        else:
            plain.append(str(override.input_line))
    first = [lines[0] for lines in swept]
    yield plain + first
    for i, lines in enumerate(swept):
        for line in lines[1:]:
            yield [*plain, *first[:i], line, *first[i + 1 :]]


def _judge_job(source: Source, lines: Sequence[str]) -> list[str]:
    overrides, _ = _parse(lines)
    try:
        cfg = source.compose(list(map(_force, overrides)))
    except KeyError as error:  # Hydra looks for a variable that is not set
        return [f"hydra.job.env_copy: {foreign.NO_ENVIRONMENT}, got {error}"]
    except foreign.UNREADABLE as error:
        return _explain(source, overrides, error)
    with open_dict(cfg):
        own = cfg.pop("hydra")
    plain = OmegaConf.to_container(cfg, resolve=False)
    typed = [str(override.key_or_group) for override in overrides]
    strays = list(keys.find_strays("", plain, typed))
    _, faults = _settle(cfg, source, lines)
    faults += strays
    faults += foreign.find_launcher(cfg, overrides)
    faults += foreign.find_code("hydra", OmegaConf.to_container(own, resolve=False))
    return faults + list(foreign.find_words(own, overrides))


def _force(override: Override) -> str:
    """The line so that Hydra takes any key of a component, which knows best what it has."""
    line = str(override.input_line)
    group, dot, _ = str(override.key_or_group).partition(".")
    is_setting = group in KEYS and dot and not override.is_delete()
    return f"++{line.lstrip('+')}" if is_setting else line


def open_mappings(argv: Sequence[str]) -> list[str]:
    """*argv* so that Hydra takes new keys of a teacher's `extra`, which may hold any."""
    return [f"++{word}" if OPEN.match(word) else word for word in argv]


def _explain(source: Source, overrides: list[Override], error: Exception) -> list[str]:
    """Why Hydra refused the overrides; keys that are not there do not hide what else is wrong."""
    faults, rest = [], []
    for override in overrides:
        key = str(override.key_or_group)
        root = key.partition(".")[0]
        if root in KEYS or override.is_hydra_override() or source.options(key):
            rest.append(str(override.input_line))
        else:
            known = [*KEYS, EXPERIMENT]
            hint = near(root, known)
            faults.append(f"{key}: p2m has no such key{hint}; it has {', '.join(known)}")
    if not faults:
        return [" ".join(str(error).split())]
    return faults + _judge_job(source, rest)


def check_job(cfg: DictConfig) -> config.Config:
    """The checked configuration of the job that Hydra runs now, *cfg* made to be as it is."""
    own = HydraConfig.get()
    lines = [*own.overrides.hydra, *own.overrides.task]
    path = [line for line in lines if line.startswith(f"{SEARCH_PATH}=")]
    checked, faults = _settle(cfg, Source(str(own.job.config_name), tuple(path)), lines)
    if checked is None:
        raise ConfigError(listed(config.TITLE, faults))
    return checked


def _settle(
    cfg: DictConfig, source: Source, lines: Sequence[str]
) -> tuple[config.Config | None, list[str]]:
    """As `config.judge`, without what only the experiment says of components that were swapped.

    `experiment=tickets retriever=none` has no use for the experiment's retriever.hub: *cfg* loses
    it.  What was typed, and what an option's own file says, stays and is judged.
    """
    checked, faults = config.judge(cfg)
    overrides, _ = _parse(lines)
    experiment = [o for o in overrides if o.key_or_group == EXPERIMENT]
    if not faults or not experiment:
        return checked, faults
    others = [override for override in overrides if override not in experiment]
    try:
        meant = source.compose([*source.path, *map(_force, experiment)])
        without = source.compose(list(map(_force, others)))
    except HydraException:  # the rest leans on the experiment
        return checked, faults
    for fault in faults:
        _leave_out(cfg, fault.partition(":")[0], meant, without)
    return config.judge(cfg)


def _leave_out(cfg: DictConfig, path: str, meant: DictConfig, without: DictConfig) -> None:
    """Takes *path* out if only the experiment sets it, for a component that it *meant* to be."""
    parent, _, key = path.rpartition(".")
    is_of_experiment = _has(cfg, parent, key) and not _has(without, parent, key)
    places = (f"{parent}._target_", f"{path}._target_")
    if not is_of_experiment:
        return
    if any(_select(meant, place) != _select(cfg, place) for place in places):
        with open_dict(cfg):
            del OmegaConf.select(cfg, parent)[key]


def _select(cfg: DictConfig, path: str) -> Any:
    return OmegaConf.select(cfg, path, throw_on_resolution_failure=False)


def _has(cfg: DictConfig, parent: str, key: str) -> bool:
    node = _select(cfg, parent) if parent else None
    return isinstance(node, DictConfig) and key in node
