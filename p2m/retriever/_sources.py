"""Which data sets there are to search: the bundled catalogue of the hub, and files of a folder."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from p2m import disk
from p2m.errors import InputError
from p2m.text.language import language_names
from p2m.text.read import text_of

CATALOGUE = Path(__file__).with_name("catalogue.jsonl")
_log = logging.getLogger(__name__)
SUFFIXES = (".jsonl", ".csv", ".parquet")


@dataclass(frozen=True)
class Source:
    """A data set: its name, its card, and where its rows are.

    card: the text to search; None where it must be made from the rows.
    file: of this machine, with its sha256 as revision; None for a data set of the hub, whose
    revision may be unknown yet.
    size: examples in its training split, if known.
    """

    name: str
    card: str | None
    file: Path | None
    revision: str | None
    config: str | None = None
    split: str = "train"
    size: int | None = None

    def origin(self, revision: str, row: int) -> str:
        return f"{'folder' if self.file else 'hub'}:{self.name}@{revision}#{row}"


def of_hub() -> list[Source]:
    """The data sets of the bundled catalogue."""
    with CATALOGUE.open(encoding="utf-8") as file:
        return [_source(json.loads(line)) for line in file]


def of_folder(folder: Path) -> list[Source]:
    """A source for each file that can be loaded, in the order of their names.

    Files are passed over that systems leave behind (`.x.csv`, `._x.csv`, `__MACOSX/x.csv`), and
    empty ones.  The card of `x.csv` is `x.md` beside it.  Raises InputError if there is no such
    file.
    """
    sources = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix.lower() not in SUFFIXES or _is_hidden(name):
            continue
        if path.is_file():
            if not path.stat().st_size:
                _log.warning("%s: is empty and passed over", path)
                continue
            _check_name(path)
            sources.append(Source(name, _card_beside(path), path, disk.digest(path)))
    if not sources:
        raise InputError(
            f"retriever.folder: {folder} holds no data set; files must end in {', '.join(SUFFIXES)}"
        )
    return sources


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.split("/"))


def _check_name(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"retriever.folder: {str(path)!a} has a name that is not UTF-8; rename it"
        ) from error


def _source(entry: dict[str, Any]) -> Source:
    card = [entry["name"], entry["config"], entry["description"], *entry["tasks"]]
    card += [*language_names(entry["languages"]), *entry["columns"]]
    split = entry["splits"][0]
    for name in reversed(entry["splits"]):
        if name.startswith("train"):
            split = name
    return Source(
        entry["name"],
        "\n".join(filter(None, card)),
        None,
        entry["revision"],
        entry["config"],
        split,
        entry["size"],
    )


def _card_beside(path: Path) -> str | None:
    card = path.with_suffix(".md")
    if not card.is_file():
        return None
    return text_of(card)
