"""Files that a user wrote: text, JSON lines and CSV.  Every fault is told as file:line."""

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, cast

from p2m.errors import InputError

TABLES = (".jsonl", ".jsonl.gz", ".csv", ".csv.gz")
MAX_LINE = 8 << 20  # bytes; also of a cell.  A longer one is no example, and fills memory
MAX_TEXT = 4 << 20  # bytes of a prompt or a card: a million tokens
# a .gz that unpacks to more than both holds the same over and over: text packs to a fifth or so
MAX_UNPACKED = 64 << 20
MAX_RATIO = 200
_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
Record = dict[str, Any]


def expand_home(value: Any) -> Any:
    """`~/a.md` as the shell would have it, which leaves `key=~/a.md` as it is."""
    return str(Path(value).expanduser()) if isinstance(value, str) and value[:1] == "~" else value


def text_of(path: Path) -> str:
    """The file's text, without a byte order mark, line ends as \\n."""
    parts = []
    size = 0
    for line in lines_of(path):
        size += len(line)
        if size > MAX_TEXT:
            raise InputError(
                f"{path}: is longer than {MAX_TEXT >> 20} MiB; a prompt says the task, and labelled"
                " examples go into prompt.train"
            )
        parts.append(line)
    return "".join(parts).replace("\r\n", "\n")


def lines_of(path: Path) -> Iterator[str]:
    """Lines as they stand, \\n included.  Only \\n ends one: U+2028 is a character of the text.

    UTF-16 is read where a byte order mark says so.  Raises InputError that names the byte where
    the file stops being text.
    """
    try:
        _refuse_bomb(path)
        with _open(path) as file:
            start = file.peek(3)[:3]
            bom = next((bom for bom in _BOMS if start.startswith(bom)), b"")
            at = len(file.read(len(bom)))
            codec = _BOMS.get(bom, "utf-8")
            # UTF-16, as spreadsheets save it, all at once: a byte \n may be half of a character
            is_wide = codec != "utf-8"
            while part := (file.read if is_wide else file.readline)(MAX_LINE + 1):
                if len(part) > MAX_LINE:
                    what = "is UTF-16 and" if is_wide else "a line is"
                    raise InputError(f"{path}: {what} longer than {MAX_LINE >> 20} MiB")
                yield from _LINE.findall(_decode(path, part, codec, at))
                at += len(part)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: is not a whole gzip file ({error})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def _decode(path: Path, part: bytes, codec: str, at: int) -> str:
    try:
        text = part.decode(codec)
    except UnicodeDecodeError as error:
        what = "UTF-8 text", " (perhaps an older encoding such as Latin-1)"
        if codec != "utf-8":
            what = "UTF-16, which its first bytes announce, text", ""
        raise InputError(
            f"{path}: is not {what[0]}: byte {at + error.start} cannot be read{what[1]}; save the"
            " file as UTF-8"
        ) from error
    before, nul, _ = text.partition("\0")
    if nul:
        byte = at + len(before.encode(codec))
        raise InputError(f"{path}: byte {byte} is NUL, so this is no text; is it the right file?")
    return text


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


def _refuse_bomb(path: Path) -> None:
    """Before a line is looked at: 10 GB of empty lines take hours, and 10 MB to say so."""
    if path.suffix.lower() != ".gz":
        return
    left = max(MAX_UNPACKED, MAX_RATIO * path.stat().st_size)
    with _open(path) as file:
        while content := file.read(1 << 20):
            left -= len(content)
            if left < 0:
                raise InputError(
                    f"{path}: unpacks to more than {MAX_RATIO} times its size, so it holds the same"
                    " over and over; unpack it if it is what you mean"
                )


def _open(path: Path) -> io.BufferedReader:
    if path.suffix.lower() == ".gz":
        return cast(io.BufferedReader, gzip.open(path, "rb"))
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
    """Rows under the header's names.

    Left out is what spreadsheets add: a line `sep=;`, rows of separators alone, empty cells past
    the header.
    """
    csv.field_size_limit(MAX_LINE)  # Python's own, 131,072 characters, is less than a long document
    lines = lines_of(path)
    first, skipped, mark = _first_line(lines)
    rows = csv.reader(chain([first], lines), strict=True, delimiter=mark)
    header: list[str] = []
    start = skipped + 1  # the line where the row begins; line_num is where it ends
    try:
        for row in rows:
            if any(cell.strip() for cell in row):
                if header:
                    yield start, _record(f"{path}:{start}", header, row)
                else:
                    header = _header(path, start, row)
            start = skipped + rows.line_num + 1
    except csv.Error as error:
        fault = f"broken CSV: {error}"
        if "field limit" in str(error):
            fault = f"a cell is longer than {MAX_LINE >> 20} MiB; perhaps its quote is not closed"
        raise InputError(f"{path}:{start}: {fault}") from error


def _first_line(lines: Iterator[str]) -> tuple[str, int, str]:
    """The header's line, how many stand before it, and what parts its columns."""
    announced = ""
    skipped = 0
    for line in lines:
        mark = _announced_mark(line) if skipped == 0 else ""
        if line.strip() and not mark:
            return line, skipped, announced or _find_mark(line)
        announced = announced or mark
        skipped += 1
    return "", skipped, ","


def _announced_mark(line: str) -> str:
    """The separator in the line `sep=;` that Excel puts first, else nothing."""
    words = line.strip().strip('"')
    return words[4] if len(words) == 5 and words.casefold().startswith("sep=") else ""


def _find_mark(header: str) -> str:
    """What parts the columns of the header: the comma, unless there is another mark and no comma.

    Or unless only another one gives names that mean an example's columns.
    """
    likely = {}
    for mark in ",;\t|":
        cells = [cell.strip().strip('"').casefold() for cell in header.split(mark)]
        if len(cells) > 1:
            likely[mark] = len({"input", "output", "outputs", "text", "label"}.intersection(cells))
    if not likely:
        return ","
    best = max(likely, key=lambda mark: likely[mark])
    return best if "," not in likely or likely[best] > likely[","] else ","


def _header(path: Path, line: int, row: list[str]) -> list[str]:
    """The names of the columns, less the empty ones at the end."""
    names = [name.strip() for name in row]
    while not names[-1]:
        names.pop()
    for name in names:
        if names.count(name) > 1:
            what = f"the column '{name}' stands twice" if name else "columns have no name"
            raise InputError(f"{path}:{line}: {what}")
    return names


def _record(place: str, header: list[str], row: list[str]) -> Record:
    while len(row) > len(header) and not row[-1].strip():
        row.pop()
    if len(row) != len(header):
        raise InputError(f"{place}: has {len(row)} columns where the header has {len(header)}")
    return dict(zip(header, row, strict=True))
