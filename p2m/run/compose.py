"""Judge a command line before Hydra runs it, so that all its faults stand in one message."""

from pathlib import Path
from string import Template
from typing import Any

from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser  # no public door to the flags; the tests hold it
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from p2m import components, config
from p2m.errors import ConfigError, UsageError, listed, near


def helped(argv: list[str]) -> str | None:
    """What `p2m --help` says, where argv asks for it.

    Hydra would fill the same template by composing it all, and copies every plugin's fields once a group for it: two seconds with Ray's.
    """
    args = get_args_parser().parse_args(argv)
    if not args.help:
        return None
    folders = [config.CONF, *([Path(args.config_dir)] if args.config_dir else [])]
    files = sorted(file for folder in folders for file in folder.glob("[!.]*/*.yaml"))
    options: dict[str, list[str]] = {}
    for file in files:
        options.setdefault(file.parent.name, []).append(file.stem)
    groups = "".join(
        f"{group}: {', '.join(sorted(set(names)))}\n"
        for group, names in sorted(options.items())
        if group != "hydra"
    )
    return Template(OmegaConf.load(config.CONF / "config.yaml").hydra.help.template).substitute(
        APP_CONFIG_GROUPS=groups
    )


def check(argv: list[str]) -> None:
    """Composes and checks what the command would run, each value of a sweep too; ConfigError lists all faults."""
    args = get_args_parser().parse_args(argv)
    if args.experimental_rerun:
        raise UsageError(
            "--experimental-rerun unpickles a file, which can run code: p2m does not offer it. Give the overrides again."
        )
    if (
        args.help
        or args.hydra_help
        or args.cfg
        or args.info
        or args.shell_completion
        or args.config_path
        or args.config_name
    ):
        return
    path = [f"hydra.searchpath=[file://{args.config_dir}]"] if args.config_dir else []
    with initialize_config_dir(str(config.CONF), version_base="1.3"):
        overrides, faults = _parsed([*path, *args.overrides])
        overrides = [
            o for o in overrides if not _of_launcher(o)
        ]  # whose plugin has its own fields, which Hydra checks
        unknown = [_unknown_option(o) for o in overrides]
        faults += filter(None, unknown)
        overrides = [o for o, fault in zip(overrides, unknown, strict=True) if not fault]
        swept = [o for o in overrides if o.is_sweep_override()]
        for lines in _jobs(overrides, swept):
            cfg, more = _composed(lines)
            try:
                config.checked(cfg, tuple(more))
            except ConfigError as error:
                faults += [
                    line.strip()
                    for line in str(error).split("\n")[1:]
                    if line.strip() not in faults
                ]
    if faults:
        raise ConfigError(listed("The configuration is wrong:", faults))


def _of_launcher(override: Override) -> bool:
    return str(override.key_or_group).startswith(("hydra/launcher", "hydra.launcher."))


def _parsed(lines: list[str]) -> tuple[list[Override], list[str]]:
    parser, good, faults = OverridesParser.create(), [], []
    for line in lines:
        try:
            good += parser.parse_overrides([line])
        except (OverrideParseException, HydraException) as error:
            why = str(error).splitlines()[0]
            faults.append(
                f"{line}: cannot be read ({why}); write key=value, and quote text with spaces or signs: 'prompt.text=\"...\"'"
            )
    return good, faults


def _jobs(overrides: list[Override], swept: list[Override]) -> list[list[str]]:
    """One list of overrides for the first job of a sweep, and one for each further value of each swept key."""
    plain = [str(o.input_line) for o in overrides if o not in swept]
    values = {str(o.key_or_group): [str(v) for v in o.sweep_string_iterator()] for o in swept}
    first = [f"{key}={found[0]}" for key, found in values.items()]
    jobs = [plain + first]
    for at, (key, found) in enumerate(values.items()):
        jobs += [plain + first[:at] + [f"{key}={value}"] + first[at + 1 :] for value in found[1:]]
    return jobs


def _unknown_option(override: Override) -> str | None:
    group = str(override.key_or_group)
    if not (config.CONF / group).is_dir() or override.is_delete():
        return None
    known = config.options(group)
    chosen = (
        list(override.sweep_string_iterator())
        if override.is_sweep_override()
        else [override.value()]
    )
    names = [n for c in chosen for n in (c if isinstance(c, list) else [c])]
    wrong = [str(n) for n in names if n is not None and str(n) not in known]
    wrong = [w for w in wrong if not w.startswith("[")]
    return (
        f"{group}={wrong[0]}: there is no such {group}{near(wrong[0], known)}; there is {', '.join(known)}"
        if wrong
        else None
    )


def _composed(lines: list[str]) -> tuple[DictConfig, list[str]]:
    """The configuration, and the faults of the lines that had to be left out for it to compose."""
    try:
        return compose("config", lines), []
    except (HydraException, OmegaConfBaseException):
        pass
    parsed, faults = _parsed(lines)
    groups = [
        str(o.input_line)
        for o in parsed
        if (config.CONF / str(o.key_or_group)).is_dir() or str(o.key_or_group).startswith("hydra")
    ]
    try:
        cfg = compose("config", groups)
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(
            listed("The configuration is wrong:", [*faults, " ".join(str(error).split())])
        ) from error
    OmegaConf.set_struct(cfg, False)
    for override in (o for o in parsed if str(o.input_line) not in groups):
        fault = (
            _unknown_key(cfg, str(override.key_or_group))
            if not override.is_add() and not override.is_force_add()
            else None
        )
        if fault:
            faults.append(fault)
        elif not override.is_delete():
            OmegaConf.update(cfg, str(override.key_or_group), override.value())
    return cfg, faults


def _unknown_key(cfg: DictConfig, key: str) -> str | None:
    """Why *key* is not in the configuration, told by the component that it names, with its nearest field."""
    node: Any = cfg
    parts = key.split(".")
    for depth, part in enumerate(parts):
        if isinstance(node, DictConfig) and part in node:
            node = node._get_node(part)
            node = node if not isinstance(node, DictConfig) or not node._is_none() else None
            continue
        known = [str(k) for k in node if k != "_target_"] if isinstance(node, DictConfig) else []
        at = ".".join(parts[:depth])
        who = (
            components.locate(node._target_).__name__
            if isinstance(node, DictConfig) and "_target_" in node
            else (at or "p2m")
        )
        has = f"it has {', '.join(known)}" if known else "it is a single value"
        return f"{key}: {who} has no such {'field' if at else 'key'}{near(part, known)}; {has}"
    return None
