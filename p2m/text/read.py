"""Files that a user wrote: text, JSON lines and CSV.  Every fault is told as file:line."""

import csv
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

from p2m.errors import InputError

TABLES = (".jsonl", ".jsonl.gz", ".csv", ".csv.gz")
BOM = b"\xef\xbb\xbf"
Record = dict[str, Any]


def text_of(path: Path) -> str:
    """The file's text, without a byte order mark, line ends as \\n."""
    return "".join(lines_of(path)).replace("\r\n", "\n")


def lines_of(path: Path) -> Iterator[str]:
    """Lines as they stand, \\n included.  Only \\n ends one: U+2028 is a character of the text.

    Raises InputError that names the byte where the file stops being UTF-8 text.
    """
    at = 0
    for line in _raw_lines(path):
        try:
            text = line.removeprefix(BOM).decode() if at == 0 else line.decode()
        except UnicodeDecodeError as error:
            skipped = len(BOM) if at == 0 and line.startswith(BOM) else 0
            raise InputError(_not_utf8(path, line, at + skipped + error.start, at == 0)) from error
        if "\0" in text:
            raise InputError(
                f"{path}: byte {at + line.index(0)} is NUL, so this is no text; is it the right file?"
            )
        yield text
        at += len(line)


def records_of(path: Path) -> Iterator[tuple[int, Record]]:
    """(line, record) for each object of a .jsonl or row of a .csv, either also as .gz; blank lines are passed over.

    Numbers stay as they are written ("1.50" is not 1.5), true and false become text.  Raises InputError with the line of the first fault.
    """
    kind = suffix_of(path)
    if kind not in TABLES:
        raise InputError(f"{path}: cannot be read as examples; it must end in {', '.join(TABLES)}")
    yield from (_json_records(path) if kind.startswith(".jsonl") else _csv_records(path))


def suffix_of(path: Path) -> str:
    """The ending that says what a file is, lower case, `.gz` with the one before it."""
    return "".join(
        path.suffixes[-2:] if path.suffix.lower() == ".gz" else path.suffixes[-1:]
    ).lower()


def _raw_lines(path: Path) -> Iterator[bytes]:
    try:
        with (
            cast(BinaryIO, gzip.open(path, "rb"))
            if path.suffix.lower() == ".gz"
            else path.open("rb") as file
        ):
            yield from file
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: is not a whole gzip file ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _not_utf8(path: Path, line: bytes, byte: int, first: bool) -> str:
    looks = "UTF-16" if first and line[:2] in {b"\xff\xfe", b"\xfe\xff"} else "not"
    said = (
        "it looks like UTF-16" if looks == "UTF-16" else "perhaps an older encoding such as Latin-1"
    )
    return f"{path}: is not UTF-8 text: byte {byte} cannot be read ({said}); save the file as UTF-8"


def _json_records(path: Path) -> Iterator[tuple[int, Record]]:
    for number, line in enumerate(lines_of(path), 1):
        if line.strip():
            yield number, _json_record(f"{path}:{number}", line)


def _json_record(place: str, line: str) -> Record:
    try:
        value = json.loads(
            line,
            parse_int=str,
            parse_float=str,
            parse_constant=_no_constant,
            object_pairs_hook=_unique,
        )
        json.dumps(value, ensure_ascii=False).encode()  # "\ud800" is JSON, and no text
    except json.JSONDecodeError as error:
        array = (
            "; one JSON object a line is wanted, and this looks like one long array"
            if line.lstrip().startswith("[")
            else ""
        )
        raise InputError(
            f"{place}: broken JSON: {error.msg} at column {error.colno}{array}"
        ) from error
    except UnicodeEncodeError as error:
        raise InputError(
            f"{place}: broken text: half of a surrogate pair (\\ud800 to \\udfff) stands alone"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{place}: broken JSON: {'nested too deep' if isinstance(error, RecursionError) else error}"
        ) from error
    if not isinstance(value, dict):
        raise InputError(
            f'{place}: must be a JSON object such as {{"input": ..., "output": ...}}, got {line.strip()[:60]}'
        )
    return value


def _unique(pairs: list[tuple[str, Any]]) -> Record:
    found: Record = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the key '{name}' stands twice")
        found[name] = {True: "true", False: "false"}[value] if isinstance(value, bool) else value
    return found


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON value")


def _csv_records(path: Path) -> Iterator[tuple[int, Record]]:
    rows = csv.reader(lines_of(path), strict=True)
    header: list[str] | None = None
    start = 1
    try:
        for row in rows:
            if header is None and row:
                header = _header(path, row)
            elif header is not None and row:
                if len(row) != len(header):
                    raise InputError(
                        f"{path}:{start}: has {len(row)} columns where the header has {len(header)}"
                    )
                yield start, dict(zip(header, row, strict=True))
            start = rows.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}:{start}: broken CSV: {error}") from error


def _header(path: Path, row: list[str]) -> list[str]:
    names = [name.strip() for name in row]
    if len(names) == 1 and (mark := next((m for m in ";\t|" if m in names[0]), None)):
        raise InputError(f"{path}:1: columns must be separated by commas, these are by {mark!r}")
    if twice := next((n for n in names if names.count(n) > 1), None):
        raise InputError(f"{path}:1: the column '{twice}' stands twice")
    return names
