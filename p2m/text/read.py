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
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
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
        if at == 0 and line.startswith(BOM):
            line = line[len(BOM) :]
            at = len(BOM)
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            guess = "perhaps an older encoding such as Latin-1"
            if at == 0 and line.startswith(_UTF16):
                guess = "it looks like UTF-16"
            raise InputError(
                f"{path}: is not UTF-8 text: byte {at + error.start} cannot be read ({guess});"
                " save the file as UTF-8"
            ) from error
        if "\0" in text:
            raise InputError(
                f"{path}: byte {at + line.index(0)} is NUL, so this is no text; is it the right"
                " file?"
            )
        yield text
        at += len(line)


def records_of(path: Path) -> Iterator[tuple[int, Record]]:
    """(line, record) for each object of a .jsonl or row of a .csv, either also as .gz.

    Blank lines are passed over.  Numbers stay as they are written ("1.50" is not 1.5), true and
    false become text.  Raises InputError with the line of the first fault.
    """
    kind = suffix_of(path)
    if kind not in TABLES:
        raise InputError(f"{path}: cannot be read as examples; it must end in {', '.join(TABLES)}")
    if kind.startswith(".jsonl"):
        yield from _json_records(path)
    else:
        yield from _csv_records(path)


def suffix_of(path: Path) -> str:
    """The ending that says what a file is, lower case, `.gz` with the one before it."""
    n = 2 if path.suffix.lower() == ".gz" else 1
    return "".join(path.suffixes[-n:]).lower()


def _raw_lines(path: Path) -> Iterator[bytes]:
    try:
        with _open(path) as file:
            yield from file
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: is not a whole gzip file ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _open(path: Path) -> BinaryIO:
    if path.suffix.lower() == ".gz":
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")


def _json_records(path: Path) -> Iterator[tuple[int, Record]]:
    for number, line in enumerate(lines_of(path), 1):
        if line.strip():
            yield number, _json_record(f"{path}:{number}", line)


def _json_record(place: str, line: str) -> Record:
    try:
        value, end = decode_as_written(line, len(line) - len(line.lstrip()))
        rest = line[end:].lstrip()
        if rest:
            raise json.JSONDecodeError("Extra data", line, len(line) - len(rest))
    except json.JSONDecodeError as error:
        fault = f"broken JSON: {error.msg} at column {error.colno}"
        if line.lstrip().startswith("["):
            fault += "; one JSON object a line is wanted, and this looks like one long array"
        raise InputError(f"{place}: {fault}") from error
    except UnicodeEncodeError as error:
        raise InputError(
            f"{place}: broken text: half of a surrogate pair (\\ud800 to \\udfff) stands alone"
        ) from error
    except RecursionError as error:
        raise InputError(f"{place}: broken JSON: nested too deep") from error
    except ValueError as error:
        raise InputError(f"{place}: broken JSON: {error}") from error
    if not isinstance(value, dict):
        raise InputError(
            f'{place}: must be a JSON object such as {{"input": ..., "output": ...}}, got'
            f" {line.strip()[:60]}"
        )
    return value


def decode_as_written(text: str, at: int = 0) -> tuple[Any, int]:
    """The JSON value that begins at *at*, and where it ends; numbers and booleans are texts.

    Raises ValueError (of which JSONDecodeError and UnicodeEncodeError are kinds) or RecursionError
    for what is no JSON, NaN, a key twice and half a surrogate pair.
    """
    value, end = _DECODER.raw_decode(text, at)
    json.dumps(value, ensure_ascii=False).encode()  # "\ud800" is JSON, and no text
    return value, end


def _unique_keys(pairs: list[tuple[str, Any]]) -> Record:
    record: Record = {}
    for name, value in pairs:
        if name in record:
            raise ValueError(f"the key '{name}' stands twice")
        if isinstance(value, bool):
            value = "true" if value else "false"
        record[name] = value
    return record


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not a JSON value")


_DECODER = json.JSONDecoder(
    parse_int=str,
    parse_float=str,
    parse_constant=_refuse_constant,
    object_pairs_hook=_unique_keys,
)


def _csv_records(path: Path) -> Iterator[tuple[int, Record]]:
    rows = csv.reader(lines_of(path), strict=True)
    header: list[str] = []
    start = 1  # the line where the row begins; line_num is where it ends
    try:
        for row in rows:
            if row and not header:
                header = _header(path, row)
            elif row:
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
    if len(names) == 1:
        for mark in ";\t|":
            if mark in names[0]:
                raise InputError(
                    f"{path}:1: columns must be separated by commas, these are by {mark!r}"
                )
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{path}:1: the column '{name}' stands twice")
    return names
