"""What a file of somebody else may not say to Hydra, which would run it, or write where it says."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl  # no public door to a second one
from hydra._internal.utils import create_config_search_path
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from p2m import config
from p2m.errors import UsageError

SEARCH_PATH = "hydra.searchpath"
LAUNCH = "trainer.parallel.launch"
# what composing raises where a file of a user is no config: YAML's dates give a ValueError
UNREADABLE = (HydraException, OmegaConfBaseException, YAMLError, ValueError, RecursionError)
CALLBACKS = {"p2m.run.sweep.Table"}
# A class that Hydra's logging names is called as a _target_ is; these write text and no more.
LOGGING = {f"logging.{name}" for name in ("FileHandler", "Formatter", "StreamHandler")}
STREAMS = {"ext://sys.stdout", "ext://sys.stderr"}
ENVIRONMENT = ("env_set", "env_copy")
NO_ENVIRONMENT = (
    "is not taken, as the environment runs code and holds keys; set it before the command:"
    " NAME=value p2m ..."
)
# what Hydra writes itself, shows only, or is judged elsewhere
OF_HYDRA = ("runtime", "overrides", "mode", "help", "hydra_help", "searchpath")
OF_JOB = ("override_dirname", "config_name", "id", "num", *ENVIRONMENT)


def find_code(at: str, node: Any) -> list[str]:
    """What in Hydra's settings would run code that is neither its own, its plugins' nor ours."""
    if isinstance(node, list):
        node = dict(enumerate(node))
    if not isinstance(node, dict):
        return []
    lines = []
    for key, value in node.items():
        if _is_code(key, value):
            lines.append(f"{at}.{key}: '{value}' is not allowed here, as it would run code")
        if key in ENVIRONMENT and value:
            lines.append(f"{at}.{key}: {NO_ENVIRONMENT}")
        lines += find_code(f"{at}.{key}", value)
    return lines


def _is_code(key: str, value: Any) -> bool:
    known = {"_target_": CALLBACKS | _plugins(), "class": LOGGING, "()": set()}
    is_strange = key in known and str(value) not in known[key]
    is_stream = isinstance(value, str) and value.startswith("ext://")
    return is_strange or (is_stream and value not in STREAMS)


def find_words(own: DictConfig, overrides: Sequence[Override]) -> Iterator[str]:
    """Settings of Hydra that neither p2m brings nor the command line has, a line each.

    A launcher runs some of them as commands, and others say where Hydra writes.  Numbers and truth
    values in known places are harmless.
    """
    if not _is_foreign(own):
        return
    try:
        known = _find_known(own, overrides)
    except HydraException as error:
        yield f"hydra: {str(error).splitlines()[0]}"
        return
    for path, value in _leaves(OmegaConf.to_container(own, resolve=False)):
        if _is_of_hydra(path) or (path in known and _is_harmless(value, known[path])):
            continue
        if "_logging." in path and path.endswith(".()"):  # refused as code already
            continue
        yield (
            f"hydra.{path}: a file says {value!r}; what Hydra runs and where it writes is taken"
            " from the command line only"
        )


def _is_of_hydra(path: str) -> bool:
    group, _, rest = path.partition(".")
    return group in OF_HYDRA or (group == "job" and rest.split(".")[0] in OF_JOB)


def _is_harmless(value: Any, known: list[Any]) -> bool:
    return value is None or isinstance(value, int | float) or value in ({}, []) or value in known


def find_launcher(cfg: DictConfig, overrides: Sequence[Override]) -> Iterator[str]:
    """The command that starts the training, where a file of somebody else brings it."""
    words = _launch_of(OmegaConf.to_container(cfg, resolve=False), "trainer", "parallel")
    is_typed = any(override.key_or_group == LAUNCH for override in overrides)
    if words and not is_typed and words not in _bundled_launchers():
        yield (
            f"{LAUNCH}: a file says {words!r}; a command is taken from the command line only:"
            f" '{LAUNCH}=[...]'"
        )


def refuse_packages(loader: Any, name: str) -> None:
    """UsageError where the primary config would have a package imported to look for configs."""
    try:
        primary = loader.repository.load_config(name)
        paths = OmegaConf.select(primary.config, SEARCH_PATH) if primary else None
    except UNREADABLE:
        return  # told when it is composed
    if paths is None:
        return
    if not isinstance(paths, ListConfig):
        raise UsageError(f"{name}: {SEARCH_PATH} must be a list of folders, got {paths!r}")
    raw: Any = OmegaConf.to_container(paths, resolve=False)
    for path in map(str, raw):
        is_folder = path.startswith("file://") or ("://" not in path and "${" not in path)
        if not is_folder:
            raise UsageError(
                f"{name}: {SEARCH_PATH} names {path!r}, which would import it; a file may name"
                " folders only (file://...), packages are taken from the command line"
            )


def refuse_schemes(paths: Any) -> None:
    """UsageError for a place that Hydra cannot look in."""
    for path in paths:
        scheme, separator, _ = str(path).partition("://")
        if separator and scheme not in ("file", "pkg"):
            raise UsageError(f"{SEARCH_PATH}: must name file:// or pkg:// places, got {path}")


def _is_foreign(own: DictConfig) -> bool:
    """Whether configs come from anywhere but p2m and Hydra."""
    return any(
        source.path not in ("", "hydra.conf", str(config.CONF))
        for source in own.runtime.config_sources
    )


def _find_known(own: DictConfig, overrides: Sequence[Override]) -> dict[str, list[Any]]:
    """What each of Hydra's settings may be: from p2m, the plugins and the command line."""
    loader = ConfigLoaderImpl(create_config_search_path(str(config.CONF)))
    lines = []
    for group, name in own.runtime.choices.items():
        if str(group).startswith("hydra/") and name in loader.get_group_options(str(group)):
            lines.append(f"{group}={name}")
    lines += _typed_lines(overrides)
    bundled = loader.load_configuration("config", lines, RunMode.RUN).hydra
    known: dict[str, list[Any]] = {}
    for path, value in _leaves(OmegaConf.to_container(bundled, resolve=False)):
        known.setdefault(path, []).append(value)
    for group, node in _registered():
        if node._target_ == own[group].get("_target_"):
            for path, value in _leaves(OmegaConf.to_container(OmegaConf.create(node)), group):
                known.setdefault(path, []).append(value)
    return known


def _typed_lines(overrides: Sequence[Override]) -> Iterator[str]:
    for override in overrides:
        key, line = str(override.key_or_group), str(override.input_line)
        if key.startswith("hydra.") and key != SEARCH_PATH:
            yield line if override.is_delete() else f"++{line.lstrip('+')}"


def _leaves(node: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Each value that holds no others, after its path."""
    if isinstance(node, list) and node:
        node = dict(enumerate(node))
    if not isinstance(node, dict) or not node:
        yield at, node
        return
    for key, value in node.items():
        yield from _leaves(value, f"{at}.{key}" if at else str(key))


def _launch_of(node: Any, *groups: str) -> Any:
    """The unresolved words; an interpolation above them, which may bring any, stands for them."""
    for name in (*groups, "launch"):
        if isinstance(node, dict):
            node = node.get(name)
    return node


def _bundled_launchers() -> Collection[Any]:
    files = (config.CONF / "trainer").glob("*.yaml")
    nodes = [OmegaConf.to_container(OmegaConf.load(file)) for file in files]
    return [_launch_of(node, "parallel") for node in nodes]


def _registered() -> Iterator[tuple[str, Any]]:
    """The launchers and sweepers that installed packages registered with Hydra."""
    registered: Any = ConfigStore.instance().repo["hydra"]
    for group in ("launcher", "sweeper"):
        for entry in registered.get(group, {}).values():
            yield group, entry.node


def _plugins() -> set[str]:
    return {str(node._target_) for _, node in _registered()}
