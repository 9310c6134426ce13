"""The user's own labelled sets, on disk so that memory does not grow with them."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, DirectoryPath, FilePath

from p2m.artifacts import Example, ExampleFile, write_rows
from p2m.errors import InputError
from p2m.text.columns import Chosen, check_chosen
from p2m.text.examples import examples_of
from p2m.text.read import expand_home

OwnFile = Annotated[FilePath, BeforeValidator(expand_home)]
OwnFolder = Annotated[DirectoryPath, BeforeValidator(expand_home)]


def read_sets(
    folder: Path, columns: Chosen | None, **files: Path | None
) -> dict[str, Sequence[Example]]:
    """The examples of each file by its name (train, valid, test); empty where there is no file.

    folder: where they may be spooled.  columns: as the user names them.  Raises InputError where a
    file holds no example.
    """
    layout = check_chosen(columns) if columns else None
    sets: dict[str, Sequence[Example]] = {}
    for name, path in files.items():
        sets[name] = ()
        if path is None:
            continue
        rows = (example for _, example in examples_of(path, f"user:{name}", layout))
        sets[name] = spool(folder / name, rows)
        if not sets[name]:
            raise InputError(
                f'{path}: holds no example; it needs lines such as {{"input": ..., "output": ...}}'
            )
    return sets


def spool(path: Path, rows: Iterable[Example]) -> ExampleFile:
    """*rows* as a sequence that lives on disk, in a file without a name."""
    write_rows(path, rows)
    spooled = ExampleFile(path)
    path.unlink()
    return spooled
