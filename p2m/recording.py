"""The file of a recording: who wrote it, then a teacher's raw answers, in order."""

import gzip
import hashlib
import json
import lzma
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from p2m.errors import InputError
from p2m.stages import Request

FORMAT = 1
MARK = "p2m_recording"  # the key that tells a header, with FORMAT as its value
PAIRS = 25  # in an answer, of a file of pairs: few requests, and far less than any target
LIKE_AN_ANSWER = '{"kind": "examples", "answer": "..."}'
LIKE_A_PAIR = '{"input": "...", "output": "..."}'


@dataclass(frozen=True)
class Header:
    """model: whose answers they are.  prompt: its own `digest`.  date: ISO 8601.

    usd: what the answers cost.
    """

    model: str
    prompt: str
    date: str
    written_by: str
    usd: float = 0.0


@dataclass(frozen=True)
class Record:
    """An answer.  kind: `kind_of` its request.  request: `digest_of` it, "" if not kept."""

    kind: str
    request: str
    answer: str


@dataclass(frozen=True)
class Recording:
    """records: by kind, in the order of the requests.  header: None for a file of plain pairs."""

    header: Header | None
    records: Mapping[str, list[Record]]


def kind_of(request: Request) -> str:
    """The title of the schema that it asks for; `text` where it has none."""
    return str((request.schema or {}).get("title", "text"))


def digest_of(request: Request) -> str:
    messages = [dict(message) for message in request.messages]
    return digest(json.dumps(messages, sort_keys=True, ensure_ascii=False))


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def write(path: Path, header: Header, records: Sequence[Record]) -> None:
    """Packed as *path* says: .jsonl, .jsonl.gz or .jsonl.xz.  The header counts the answers too."""
    counts = Counter(record.kind for record in records)
    with _open(path, "wb") as file:
        file.write(_line({MARK: FORMAT, **asdict(header), "answers": counts}))
        for record in records:
            file.write(_line(asdict(record)))


def read(path: Path) -> Recording:
    """Raises InputError with the line of what is no answer, or no pair where there is no header."""
    rows = _rows(path)
    place, first = _first(path, rows)
    header = _header(place, first)
    if header is None:
        pairs = [_pair(place, first)]
        pairs += [_pair(place, row) for place, row in rows]
        return Recording(None, {"examples": _answers_of(pairs)})
    records: dict[str, list[Record]] = {}
    for place, row in rows:
        record = _record(place, row)
        records.setdefault(record.kind, []).append(record)
    return Recording(header, records)


def read_header(path: Path) -> Header | None:
    """None for a file of plain pairs.  InputError for what is neither."""
    place, first = _first(path, _rows(path))
    header = _header(place, first)
    if header is None:
        _pair(place, first)
    return header


def _first(path: Path, rows: Iterator[tuple[str, dict[str, Any]]]) -> tuple[str, dict[str, Any]]:
    for placed in rows:
        return placed
    raise InputError(f"{path}: holds no answer; each line must be like {LIKE_AN_ANSWER}")


def _header(place: str, first: dict[str, Any]) -> Header | None:
    if MARK not in first:
        return None
    if first[MARK] != FORMAT:
        raise InputError(f"{place}: is of format {first[MARK]}; this p2m reads format {FORMAT}")
    usd = first.get("usd", 0.0)
    return Header(
        model=str(first.get("model", "")),
        prompt=str(first.get("prompt", "")),
        date=str(first.get("date", "")),
        written_by=str(first.get("written_by", "")),
        usd=usd if isinstance(usd, float) else 0.0,
    )


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The place of each line, and the object in it."""
    try:
        with _open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield f"{path}:{number}", _object(f"{path}:{number}", line)
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error


def _object(place: str, line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise InputError(f"{place}: not JSON ({error})") from error
    return value if isinstance(value, dict) else {"": value}


def _record(place: str, row: dict[str, Any]) -> Record:
    values = (row.get("kind"), row.get("request", ""), row.get("answer"))
    if not all(isinstance(value, str) for value in values):
        raise _strange(place, row, "an answer", LIKE_AN_ANSWER)
    return Record(*map(str, values))


def _pair(place: str, row: dict[str, Any]) -> dict[str, str]:
    pair = {name: row.get(name) for name in ("input", "output")}
    if not all(isinstance(value, str) for value in pair.values()):
        raise _strange(place, row, "a pair", LIKE_A_PAIR)
    return {name: str(value) for name, value in pair.items()}


def _answers_of(pairs: list[dict[str, str]]) -> list[Record]:
    answers = []
    for start in range(0, len(pairs), PAIRS):
        examples = {"examples": pairs[start : start + PAIRS]}
        answers.append(Record("examples", "", json.dumps(examples, ensure_ascii=False)))
    return answers


def _strange(place: str, row: dict[str, Any], what: str, like: str) -> InputError:
    shown = json.dumps(row.get("", row), ensure_ascii=False)[:80]
    return InputError(f"{place}: not {what}; a line must be like {like}, got {shown}")


def _line(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def _open(path: Path, mode: str) -> AbstractContextManager[IO[bytes]]:
    openers: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open}
    opened: AbstractContextManager[IO[bytes]] = openers.get(path.suffix, open)(path, mode)
    return opened
