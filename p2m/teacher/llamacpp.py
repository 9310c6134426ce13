"""A GGUF model on this machine, on a llama.cpp server that p2m starts and ends."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Ge
from pydantic import FilePath

from p2m.calls import session
from p2m.calls.budget import Budget
from p2m.calls.endpoint import Endpoint
from p2m.calls.forecast import per_call
from p2m.disk import digest
from p2m.stages import Estimate, Session, Sizes, Work
from p2m.student import machine
from p2m.teacher import _gguf
from p2m.teacher._llama_server import LlamaServer, is_there

# llama.cpp's own defaults, written down so that the ledger knows what an answer hangs on; the
# beginning that requests share is read once
SAMPLING = {"top_k": 40, "min_p": 0.05, "cache_prompt": True}
GIB = 2**30


@dataclass(frozen=True)
class LlamaCpp:
    """path: the model.  context: tokens of one request and its answer.  slots: requests at once.

    threads: None takes the physical cores, half of them where other processes are at work.
    """

    path: FilePath
    context: Annotated[int, Ge(512)]
    slots: Annotated[int, Ge(1)]
    threads: Annotated[int, Ge(1)] | None
    calls: Path
    budget: Budget

    RUNTIME: ClassVar = frozenset({"context", "slots", "threads", "calls", "budget"})
    VERSION: ClassVar = 1

    def ready(self) -> Iterator[str]:
        if not is_there():
            yield (
                "path: nothing here serves it: pip install 'p2m[llamacpp]', or put llama-server "
                "on the PATH"
            )
        try:
            head = _gguf.read_head(self.path)
        except ValueError as error:
            yield f"path: {self.path} {error}"
            return
        most = _gguf.trained_context(head)
        if most and self.context > most:
            yield f"context: {self.path.name} was trained on {most} tokens, got {self.context}"
        needed = _gguf.estimate_memory(self.path, head, self.context * self.slots)
        free = machine.free_memory()
        if free is not None and needed > free:
            yield (
                f"path: {self.path.name} needs some {needed / GIB:.1f} GiB of memory with"
                f" teacher.context={self.context} and teacher.slots={self.slots}, and"
                f" {free / GIB:.1f} are free; take a smaller model, context or number of slots"
            )

    def estimate(self, sizes: Sizes | None = None) -> Estimate:
        """Of one call: free; as long as the latest took."""
        return per_call(self.calls, self._endpoint(), sizes)

    def session(self, work: Work) -> AbstractContextManager[Session]:
        endpoint = self._endpoint()
        threads = self.threads or _count_free_cores()
        server = LlamaServer(endpoint, self.path, threads, self.context * self.slots)
        return session.Session(endpoint, server, work, self.budget, self.calls)

    def _endpoint(self) -> Endpoint:
        address = f"llamacpp:{digest(self.path)[:12]}"
        return Endpoint(address, self.path.name, self.slots, extra=SAMPLING, structured="always")


def _count_free_cores() -> int:
    """llama.cpp's threads wait awake for each other: two of them on two busy cores were eight times
    slower than one."""
    cores = machine.cores()
    return cores if machine.quiet() else max(1, cores // 2)
