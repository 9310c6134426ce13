"""Config files as Hydra loads them, but for those that a few lines unfold to gigabytes."""

from pathlib import Path

import yaml  # type: ignore[import-untyped]
from hydra._internal.core_plugins import file_config_source  # no public door to what loads files
from hydra._internal.sources_registry import SourcesRegistry
from hydra.plugins.config_source import ConfigLoadError, ConfigResult

MOST_VALUES = 100_000  # of a file, aliases unfolded: p2m's own have fewer than a hundred


class FileConfigSource(file_config_source.FileConfigSource):
    """Named as Hydra's own, so that its registry keeps this one."""

    def load_config(self, config_path: str) -> ConfigResult:
        path = Path(self.path, self._normalize_file_name(config_path))
        if path.is_file():
            refuse_unfolding(path)
        return super().load_config(config_path)


SourcesRegistry.instance().types["file"] = FileConfigSource


def refuse_unfolding(path: Path) -> None:
    """ConfigLoadError where aliases of aliases (`[*a, *a]`) make too many values."""
    text = path.read_text(encoding="utf-8")
    if "*" not in text or "&" not in text:
        return
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        return  # told by whoever loads it
    if node and _count(node, {}) > MOST_VALUES:
        raise ConfigLoadError(
            f"{path}: its aliases (*name) unfold to more than {MOST_VALUES:,} values, which no"
            " configuration has"
        )


def _count(node: yaml.Node, counts: dict[int, int]) -> int:
    """Values in *node*, aliases unfolded; each node is looked at once."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in counts:
        counts[id(node)] = MOST_VALUES + 1  # where it holds itself
        children = node.value
        if isinstance(node, yaml.MappingNode):
            children = [value for _, value in node.value]
        counts[id(node)] = 1 + sum(_count(child, counts) for child in children)
    return counts[id(node)]
