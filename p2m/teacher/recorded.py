"""A teacher that replays pairs from a file as if it had just written them, so that data which a model once wrote can drive a run."""

import gzip
import hashlib
import json
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Ge
from pydantic import FilePath

from p2m.calls.budget import Budget
from p2m.calls.endpoint import Call, Endpoint, Reply, reply_with
from p2m.calls.session import session
from p2m.errors import InputError
from p2m.stages import Estimate, Session, Work

NAME = "recorded"


@dataclass(frozen=True)
class Recorded:
    """path: .jsonl or .jsonl.gz of {"input", "output"}.  Request i of a session gets pairs i * per_request and on, whatever it asks for.

    Few-shot samples, temperature and instruction have no effect.  After the last pair the answers hold no examples.
    """

    path: FilePath
    per_request: Annotated[int, Ge(1)]
    concurrency: Annotated[int, Ge(1)]
    calls: Path
    budget: Budget

    RUNTIME: ClassVar = frozenset({"concurrency", "calls", "budget"})
    VERSION: ClassVar = 1

    def estimate(self) -> Estimate:
        """Of one call: free, and over in an instant."""
        return Estimate(1, 0.0, 0.0)

    def session(self, work: Work) -> AbstractContextManager[Session]:
        endpoint = Endpoint(
            f"{NAME}:{_digest(self.path)}:{self.per_request}", NAME, self.concurrency
        )
        return session(endpoint, _Tape(self), work, self.budget, self.calls)


@dataclass
class _Tape:
    teacher: Recorded
    pairs: list[dict[str, str]] = field(default_factory=list)

    async def open(self) -> None:
        self.pairs = pairs_in(self.teacher.path)

    async def close(self) -> None:
        pass

    async def send(self, call: Call) -> Reply:
        kind = (call.request.schema or {}).get("title")
        if kind != "examples":
            raise InputError(
                f"teacher=recorded only replays examples, and was asked for '{kind or 'text'}'."
                " Choose stages that ask nothing else: parser=sections, retriever=none or a retriever that maps columns by rule"
            )
        start = call.ordinal * self.teacher.per_request
        text = json.dumps(
            {"examples": self.pairs[start : start + self.teacher.per_request]}, ensure_ascii=False
        )
        return reply_with(text, NAME, 0, 0)


def pairs_in(path: Path) -> list[dict[str, str]]:
    """Raises InputError with the line of what is no pair."""
    opener = gzip.open if path.suffix == ".gz" else open
    found = []
    try:
        with opener(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    found.append(_pair(line, f"{path}:{number}"))
    except (OSError, EOFError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    if not found:
        raise InputError(
            f'{path}: holds no pair; each line must be like {{"input": "...", "output": "..."}}'
        )
    return found


def _pair(line: bytes, place: str) -> dict[str, str]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise InputError(f"{place}: not JSON ({error})") from error
    if not isinstance(record, dict) or not all(
        isinstance(record.get(name), str) for name in ("input", "output")
    ):
        got = line[:80].decode(errors="replace").strip()
        raise InputError(
            f'{place}: not a pair; a line must be like {{"input": "...", "output": "..."}}, got {got}'
        )
    return {"input": record["input"], "output": record["output"]}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]
