"""A chat model on this machine, through transformers, in batches."""

import asyncio
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Ge

from p2m.calls import session
from p2m.calls.budget import Budget
from p2m.calls.endpoint import Call, Endpoint, Reply
from p2m.calls.forecast import per_call
from p2m.stages import Estimate, Session, Sizes, Work
from p2m.teacher import _gather
from p2m.teacher._gather import Waiting

if TYPE_CHECKING:
    from p2m.teacher._chat import Chat

FILL_S = 0.05  # how long a batch waits for company; generating one takes seconds


@dataclass(frozen=True)
class Local:
    """model: a hub name or a folder.  revision: a commit of the hub, None its newest.

    auto: the GPU where there is one, and the model's own type there.
    """

    model: str
    revision: str | None
    device: Literal["auto", "cpu", "cuda"]
    dtype: Literal["auto", "float32", "bfloat16"]
    batch_size: Annotated[int, Ge(1)]
    seed: Annotated[int, Ge(0)]
    calls: Path
    budget: Budget

    RUNTIME: ClassVar = frozenset({"device", "batch_size", "calls", "budget"})
    VERSION: ClassVar = 1

    def estimate(self, sizes: Sizes | None = None) -> Estimate:
        """Of one call: free; as long as the latest took."""
        return per_call(self.calls, self._endpoint(), sizes)

    def session(self, work: Work) -> AbstractContextManager[Session]:
        return session.Session(self._endpoint(), _Batches(self), work, self.budget, self.calls)

    def _endpoint(self) -> Endpoint:
        address = f"local:{self.revision or 'newest'}:{self.dtype}:{self.seed}"
        return Endpoint(address, self.model, concurrency=2 * self.batch_size)


@dataclass
class _Batches:
    """Runs one batch at a time, in a thread, so that the loop stays free."""

    teacher: Local
    waiting: "asyncio.Queue[Waiting]" = field(default_factory=asyncio.Queue)
    runner: "asyncio.Task[None] | None" = None

    async def open(self) -> None:
        chat = await asyncio.to_thread(_load, self.teacher)
        self.runner = asyncio.create_task(self._run(chat))

    async def close(self) -> None:
        if self.runner is not None:
            self.runner.cancel()
            await asyncio.gather(self.runner, return_exceptions=True)

    async def send(self, call: Call) -> Reply:
        return await _gather.send(self.waiting, call)

    async def _run(self, chat: "Chat") -> None:
        async def ask(calls: list[Call]) -> list[Reply]:
            requests = [call.request for call in calls]
            seeds = [f"{self.teacher.seed}:{call.entry.key}" for call in calls]
            return await asyncio.to_thread(chat.write, requests, seeds)

        while True:
            batch = await _gather.take(self.waiting, self.teacher.batch_size, FILL_S)
            await _gather.answer(batch, ask)


def _load(teacher: Local) -> "Chat":
    from p2m.teacher._chat import Chat

    return Chat(teacher.model, teacher.revision, teacher.device, teacher.dtype)
