"""Examples in a user's files: columns `input` and `output`, or `outputs` where several answers count as right."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from p2m.artifacts import Example, ExampleFile, write_rows
from p2m.errors import InputError, near
from p2m.text.read import Record, records_of


def sets_of(folder: Path, **files: Path | None) -> dict[str, Sequence[Example]]:
    """The examples of each file by its name (train, valid, test); empty where there is no file, InputError where one holds none."""
    return {
        name: _some(path, spooled(folder / name, examples_of(path, f"user:{name}"))) if path else ()
        for name, path in files.items()
    }


def examples_of(path: Path, origin: str) -> Iterator[Example]:
    """Each example as it is read.  Raises InputError with file and line of the first that cannot be one."""
    for line, record in records_of(path):
        yield example_of(record, f"{path}:{line}", origin)


def example_of(record: Record, place: str, origin: str) -> Example:
    wanted = [
        name
        for name in ("input", "output")
        if name not in record and not (name == "output" and "outputs" in record)
    ]
    if wanted:
        has = ", ".join(f"'{name}'" for name in record) or "none"
        raise InputError(
            f"{place}: has no column '{wanted[0]}'; it has {has}{_meant(wanted[0], record)}"
        )
    source = _filled(record["input"], "input", place)
    outputs = [record["output"]] if "output" in record else []
    outputs += _list(record["outputs"], place) if "outputs" in record else []
    accepted = list(dict.fromkeys(_filled(value, "output", place) for value in outputs))
    return Example(source, accepted[0], origin, tuple(accepted[1:]))


def spooled(path: Path, rows: Iterable[Example]) -> ExampleFile:
    """*rows* as a sequence that lives on disk, in a file without a name, so that memory does not grow with them."""
    write_rows(path, rows)
    kept = ExampleFile(path)
    path.unlink()
    return kept


def _some(path: Path, rows: ExampleFile) -> ExampleFile:
    if not len(rows):
        raise InputError(
            f'{path}: holds no example; it needs lines such as {{"input": ..., "output": ...}}'
        )
    return rows


def _meant(wanted: str, record: Record) -> str:
    """A column that may be the wanted one under another name."""
    return near(
        wanted, [name for name in record if name not in {"input", "output", "outputs"}]
    ).replace("did you mean", "is it")


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        said = f"'outputs' must list the accepted answers, one at least, got {str(value)[:60]!r}"
        raise InputError(f"{place}: {said}; a single one goes into 'output'")
    return value


def _filled(value: Any, name: str, place: str) -> str:
    if isinstance(value, list | dict):
        extra = "; several accepted answers go into 'outputs'" if name == "output" else ""
        raise InputError(f"{place}: '{name}' must be text, got {str(value)[:60]}{extra}")
    if value is None or not value.strip():
        raise InputError(
            f"{place}: '{name}' is empty; give it a text (such as N/A, where there is no answer) or leave the line out"
        )
    return str(value)
