"""Which data sets there are to search: the bundled catalogue of the hub, and the files of a folder."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from p2m.errors import InputError
from p2m.text.language import language_names

CATALOGUE = Path(__file__).with_name("catalogue.jsonl")
LOADED = (".jsonl", ".csv", ".parquet")


@dataclass(frozen=True)
class Source:
    """A data set: its name, the text to search (None where it must be made from its rows), and where its rows are.

    file: of this machine, with its sha256 as revision; None for a data set of the hub, whose revision may be unknown yet.
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
    return [
        _listed(json.loads(line))
        for line in CATALOGUE.read_text(encoding="utf-8").split("\n")
        if line
    ]


def of_folder(folder: Path) -> list[Source]:
    """A source for each file that can be loaded, in the order of their names; the card of `x.csv` is `x.md` beside it.

    Raises InputError if there is no such file.
    """
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.suffix.lower() in LOADED
    )
    if not files:
        raise InputError(
            f"retriever.folder: {folder} holds no data set; files must end in {', '.join(LOADED)}"
        )
    return [
        Source(path.relative_to(folder).as_posix(), _beside(path), path, _digest(path))
        for path in files
    ]


def _listed(entry: dict[str, Any]) -> Source:
    about = [entry["name"], entry["config"] or "", entry["description"]]
    words = [*about, *entry["tasks"], *language_names(entry["languages"]), *entry["columns"]]
    split = next((s for s in entry["splits"] if s.startswith("train")), entry["splits"][0])
    return Source(
        entry["name"],
        "\n".join(filter(None, words)),
        None,
        entry["revision"],
        entry["config"],
        split,
        entry["size"],
    )


def _beside(path: Path) -> str | None:
    card = path.with_suffix(".md")
    try:
        return card.read_text(encoding="utf-8") if card.is_file() else None
    except UnicodeDecodeError as error:
        raise InputError(
            f"{card}: is not UTF-8 text (byte {error.start}); save the card as UTF-8"
        ) from error


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
