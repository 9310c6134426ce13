"""A teacher that replays a recording, so that what a model once wrote can drive a run."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from pydantic import FilePath

from p2m.calls import session
from p2m.calls.budget import Budget
from p2m.calls.endpoint import Call, Endpoint, Reply, reply_with
from p2m.disk import digest
from p2m.errors import InputError
from p2m.stages import Estimate, Session, Sizes, Work
from p2m.teacher._recording import Recording, digest_of, kind_of, read

NAME = "recorded"
CONCURRENCY = 64  # requests at once: they cost microseconds, so this has to fill a write to disk
NO_EXAMPLES = '{"examples": []}'


@dataclass(frozen=True)
class Recorded:
    """path: a recording, or {"input", "output"} a line (.jsonl, .jsonl.gz, .jsonl.xz).

    The i-th request for examples gets the i-th answer with examples, whatever it shows or says.
    """

    path: FilePath | None
    calls: Path
    budget: Budget

    RUNTIME: ClassVar = frozenset({"calls", "budget"})
    VERSION: ClassVar = 2

    def ready(self) -> Iterator[str]:
        if self.path is None:
            yield (
                "recorded has no recording for this prompt; choose another teacher (teacher=openai,"
                " teacher=vllm, teacher=ollama, teacher=local) or give prompt.recording=FILE"
            )

    def estimate(self, sizes: Sizes | None = None) -> Estimate:
        """Of one call: free, and over in an instant."""
        return Estimate(1, 0.0, 0.0)

    def session(self, work: Work) -> AbstractContextManager[Session]:
        if self.path is None:
            raise InputError(f"teacher: {next(self.ready())}")
        endpoint = Endpoint(f"{NAME}:{digest(self.path)[:12]}", NAME, CONCURRENCY)
        return session.Session(endpoint, _Replay(self.path), work, self.budget, self.calls)


@dataclass
class _Replay:
    path: Path
    recording: Recording = field(default_factory=lambda: Recording(None, {}))

    async def open(self) -> None:
        self.recording = read(self.path)

    async def close(self) -> None:
        pass

    async def send(self, call: Call) -> Reply:
        return reply_with(self._answer(call), NAME, 0, 0)

    def _answer(self, call: Call) -> str:
        """That of the same request, else that at the same place; none after the last."""
        kind = kind_of(call.request)
        records = self.recording.records.get(kind)
        if not records:
            raise InputError(
                f"{self.path} holds no answer of the kind '{kind}', which a stage asks for; choose"
                " stages that ask for examples alone (parser=sections, retriever.teacher=null,"
                " a model by its name), or another teacher"
            )
        at_place = records[call.ordinal : call.ordinal + 1]
        if kind == "examples":
            return at_place[0].answer if at_place else NO_EXAMPLES
        same = digest_of(call.request)
        found = [record for record in records if record.request == same] or at_place
        return found[0].answer if found else ""
