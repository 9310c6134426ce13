"""Rows of a data set as text, however they are stored: loaded by `datasets`, nested fields laid flat."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from p2m import hub
from p2m.errors import InputError
from p2m.retriever._sources import Source
from p2m.text.read import records_of

Cell = str | None  # None: a value that is no text, such as a list of numbers; missing values are ""


class Table:
    """A loaded data set.  columns are all of them, nested ones as `outer.inner`; revision is the commit or the sha256."""

    def __init__(
        self, source: Source, revision: str, dataset: Any, cell: Callable[[str, Any], Cell]
    ) -> None:
        self.source, self.revision = source, revision
        self.columns: tuple[str, ...] = tuple(dataset.column_names)
        self._dataset, self._cell = dataset, cell

    def __len__(self) -> int:
        return len(self._dataset)

    def card(self, n: int) -> str:
        """What there is to search where nobody wrote a card: the name, the columns, the first *n* rows."""
        rows = [
            " ".join(filter(None, row.values())) for _, row in self.rows(range(min(n, len(self))))
        ]
        return "\n".join([self.source.name, " ".join(self.columns), *rows])

    def rows(self, indices: Sequence[int]) -> Iterator[tuple[int, dict[str, Cell]]]:
        """(index, the row's cells by column), in the order asked for."""
        for index in indices:
            yield (
                index,
                {name: self._cell(name, value) for name, value in self._dataset[index].items()},
            )


def loaded(source: Source, cache: Path, met: Path) -> Table:
    """The data set's rows.  Raises InputError for a broken file, and for a set of the hub ServiceError or what `datasets` raises.

    cache: folder for what is made on the way.  met: where commits of the hub are remembered.
    """
    import datasets
    from huggingface_hub.utils import disable_progress_bars

    datasets.disable_progress_bars()  # the stage has its own
    disable_progress_bars()
    if source.file is None:
        return _of_hub(source, cache, met)
    if source.file.suffix.lower() == ".parquet":
        return _table(source, source.revision or "", _parquet(source.file, cache))
    columns = _columns(source.file)
    features = datasets.Features({name: datasets.Value("string") for name in columns})
    # not datasets' own readers of JSON and CSV: they turn "2024-07-16" into a moment, "007" into 7 and "N/A" into nothing
    dataset = datasets.Dataset.from_generator(
        _written, features, str(cache), gen_kwargs={"file": source.file, "columns": columns}
    )
    return Table(source, source.revision or "", dataset, lambda name, value: value)


def _of_hub(source: Source, cache: Path, met: Path) -> Table:
    import datasets

    pin = (
        hub.Pin(source.name, source.revision)
        if source.revision
        else hub.pinned("dataset", source.name, met)
    )
    if Path(pin.name).exists():
        raise InputError(
            f"./{pin.name} would be loaded in place of the hub's data set of that name; start p2m from another folder"
        )
    dataset = datasets.load_dataset(
        pin.name, source.config, split=source.split, revision=pin.commit, cache_dir=str(cache)
    )
    return _table(replace(source, name=pin.name), pin.commit, dataset)


def _parquet(file: Path, cache: Path) -> Any:
    import datasets
    import pyarrow

    try:
        return datasets.load_dataset(
            "parquet", data_files=str(file), split="train", cache_dir=str(cache)
        )
    except (datasets.exceptions.DatasetGenerationError, pyarrow.ArrowInvalid) as error:
        raise InputError(
            f"{file}: is not a parquet file that can be read ({str(error.__cause__ or error).splitlines()[0]})"
        ) from error


def _table(source: Source, revision: str, dataset: Any) -> Table:
    dataset = dataset.flatten()
    labels = {
        name: feature for name, feature in dataset.features.items() if hasattr(feature, "int2str")
    }
    return Table(
        source,
        revision,
        dataset,
        lambda name, value: _named(labels[name], value) if name in labels else cell_of(value),
    )


def _named(labels: Any, value: Any) -> Cell:
    """The name of a class that is stored as its number; -1 stands for no class."""
    return (
        str(labels.int2str(value))
        if isinstance(value, int) and 0 <= value < labels.num_classes
        else ""
    )


def cell_of(value: Any) -> Cell:
    """A stored value as text: of a list of texts the first, numbers as Python writes them, "" for what is missing."""
    if isinstance(value, list) and value and isinstance(value[0], str):
        return value[0]
    if value is None or value == []:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    return (
        str(value) if isinstance(value, str | int | float) or hasattr(value, "isoformat") else None
    )


def _columns(file: Path) -> tuple[str, ...]:
    """Every column of the file, in the order met.  Raises InputError where the file is broken or holds no row."""
    found: dict[str, None] = {}
    for _, record in records_of(file):
        found |= dict.fromkeys(_flat(record))
    if not found:
        raise InputError(f"{file}: holds no rows")
    return tuple(found)  # a list would be taken for shards by `from_generator`, one column each


def _written(file: Path, columns: tuple[str, ...]) -> Iterator[dict[str, Cell]]:
    for _, record in records_of(file):
        flat = _flat(record)
        yield {name: cell_of(flat.get(name)) for name in columns}


def _flat(record: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested objects as `outer.inner`, as `datasets` names them."""
    flat: dict[str, Any] = {}
    for name, value in record.items():
        flat |= (
            _flat(value, f"{prefix}{name}.")
            if isinstance(value, dict)
            else {f"{prefix}{name}": value}
        )
    return flat
