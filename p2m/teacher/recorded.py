"""A teacher that replays a recording, so that what a model once wrote can drive a run."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pydantic import FilePath

from p2m.calls import session
from p2m.calls.budget import Budget
from p2m.calls.endpoint import Call, Endpoint, Reply, reply_with
from p2m.disk import digest
from p2m.errors import InputError
from p2m.recording import Recording, digest_of, kind_of, read, read_header
from p2m.stages import Estimate, Session, Sizes, Work

NAME = "recorded"
CONCURRENCY = 64  # requests at once: they cost microseconds, so this has to fill a write to disk
NO_EXAMPLES = '{"examples": []}'


@dataclass(frozen=True)
class Recorded:
    """path: a recording, or {"input", "output"} a line (.jsonl, .jsonl.gz, .jsonl.xz).

    The i-th request for examples gets the i-th answer with examples, whatever it shows or says.
    any_prompt: also what was recorded for another prompt than *prompt*.
    """

    path: FilePath | None
    prompt: Any
    any_prompt: bool
    calls: Path
    budget: Budget

    RUNTIME: ClassVar = frozenset({"prompt", "any_prompt", "calls", "budget"})
    VERSION: ClassVar = 2

    def ready(self) -> Iterator[str]:
        if self.path is None:
            yield (
                "recorded has no recording for this prompt; choose another teacher (teacher=openai,"
                " teacher=vllm, teacher=ollama, teacher=llamacpp) or give prompt.recording=FILE"
            )
            return
        try:
            header = read_header(self.path)
        except InputError as error:
            yield f"path: {error}"
            return
        own = self.prompt.digest()
        if header and header.prompt != own and not self.any_prompt:
            yield (
                f"path: {self.path} was recorded for another prompt (its digest is"
                f" {header.prompt or 'not given'}, this prompt's {own}); give this prompt's own"
                " (prompt.recording=FILE), another teacher, or teacher.any_prompt=true to replay it"
                " all the same"
            )

    def keeps(self, kind: str) -> bool:
        return self.path is not None and kind in read(self.path).records

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
