"""Rows of a data set as text, however they are stored: loaded by `datasets`, nested fields flat."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from p2m import hub
from p2m.errors import InputError
from p2m.retriever._sources import Source
from p2m.text.read import records_of

Cell = str | None  # None: a value that is no text, such as a list of numbers; "": a missing value


class Table:
    """A loaded data set.

    columns: all of them, nested ones as `outer.inner`.  revision: the commit or the sha256.
    """

    def __init__(
        self, source: Source, revision: str, dataset: Any, to_cell: Callable[[str, Any], Cell]
    ) -> None:
        self.source, self.revision = source, revision
        self.columns: tuple[str, ...] = tuple(dataset.column_names)
        self._dataset, self._to_cell = dataset, to_cell

    def __len__(self) -> int:
        return len(self._dataset)

    def card(self, n: int) -> str:
        """What there is to search where nobody wrote a card: name, columns, the first *n* rows."""
        lines = [self.source.name, " ".join(self.columns)]
        for _, row in self.rows(range(min(n, len(self)))):
            lines.append(" ".join(filter(None, row.values())))
        return "\n".join(lines)

    def rows(self, indices: Sequence[int]) -> Iterator[tuple[int, dict[str, Cell]]]:
        """(index, the row's cells by column), in the order asked for."""
        for index in indices:
            row = self._dataset[index]
            yield index, {name: self._to_cell(name, value) for name, value in row.items()}


def load_table(source: Source, cache: Path, revisions: Path) -> Table:
    """The data set's rows.

    cache: folder for what is made on the way.  revisions: where commits of the hub are remembered.
    Raises InputError for a broken file, and for a set of the hub ServiceError or what `datasets`
    raises.
    """
    import datasets
    from huggingface_hub.utils import disable_progress_bars

    datasets.disable_progress_bars()  # the stage has its own
    disable_progress_bars()
    if source.file is None:
        return _load_hub(source, cache, revisions)
    if source.file.suffix.lower() == ".parquet":
        return _flat_table(source, source.revision or "", _load_parquet(source.file, cache))
    columns = _columns_of(source.file)
    # not datasets' own readers of JSON and CSV: they turn "2024-07-16" into a moment, "007" into 7
    # and "N/A" into nothing
    dataset = datasets.Dataset.from_generator(
        _cells_of,
        datasets.Features({name: datasets.Value("string") for name in columns}),
        str(cache),
        gen_kwargs={"file": source.file, "columns": columns},
    )
    return Table(source, source.revision or "", dataset, lambda name, value: value)


def _load_hub(source: Source, cache: Path, revisions: Path) -> Table:
    import datasets

    pin = hub.pin("dataset", source.name, revisions, source.revision)
    if Path(pin.name).exists():
        raise InputError(
            f"./{pin.name} would be loaded in place of the hub's data set of that name; start p2m"
            " from another folder"
        )
    dataset = datasets.load_dataset(
        pin.name, source.config, split=source.split, revision=pin.commit, cache_dir=str(cache)
    )
    return _flat_table(replace(source, name=pin.name), pin.commit, dataset)


def _load_parquet(file: Path, cache: Path) -> Any:
    import datasets

    try:
        return datasets.load_dataset(
            "parquet", data_files=str(file), split="train", cache_dir=str(cache)
        )
    except Exception as error:  # whatever datasets and pyarrow make of bytes that they do not know
        if getattr(error, "errno", None):  # of this machine, such as a full disk
            raise
        reason = str(error.__cause__ or error).strip().partition("\n")[0][:200]
        raise InputError(f"{file}: is not a parquet file that can be read ({reason})") from error


def _flat_table(source: Source, revision: str, dataset: Any) -> Table:
    dataset = dataset.flatten()
    features = dataset.features

    def to_cell(name: str, value: Any) -> Cell:
        if not hasattr(features[name], "int2str"):
            return cell_of(value)
        # a class is stored as its number; -1 stands for no class
        if isinstance(value, int) and 0 <= value < features[name].num_classes:
            return str(features[name].int2str(value))
        return ""

    return Table(source, revision, dataset, to_cell)


def cell_of(value: Any) -> Cell:
    """A stored value as text: of a list of texts the first, numbers as Python writes them."""
    if isinstance(value, list) and value and isinstance(value[0], str):
        return value[0]
    if value is None or value == [] or _is_not_finite(value):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float) or hasattr(value, "isoformat"):
        return str(value)
    return None


def _is_not_finite(value: Any) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _columns_of(file: Path) -> tuple[str, ...]:
    """Every column, in the order met.  Raises InputError where the file is broken or has no row.

    A tuple: a list would be taken for shards by `from_generator`, one column each.
    """
    columns: dict[str, None] = {}
    for _, record in records_of(file):
        columns |= dict.fromkeys(_flatten(record))
    if not columns:
        raise InputError(f"{file}: holds no rows")
    return tuple(columns)


def _cells_of(file: Path, columns: tuple[str, ...]) -> Iterator[dict[str, Cell]]:
    for _, record in records_of(file):
        flat = _flatten(record)
        yield {name: cell_of(flat.get(name)) for name in columns}


def _flatten(record: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested objects as `outer.inner`, as `datasets` names them."""
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
