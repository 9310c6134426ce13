"""A chat model on this machine, through transformers, in batches."""

import asyncio
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from annotated_types import Ge

from p2m.calls.budget import Budget
from p2m.calls.endpoint import Call, Endpoint, Reply, reply_with
from p2m.calls.forecast import per_call
from p2m.calls.session import open_session
from p2m.errors import UserError
from p2m.stages import Estimate, Session, Work

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

    def estimate(self) -> Estimate:
        """Of one call: free; as long as the latest took."""
        return per_call(self.calls, self._endpoint())

    def session(self, work: Work) -> AbstractContextManager[Session]:
        return open_session(self._endpoint(), _Batches(self), work, self.budget, self.calls)

    def _endpoint(self) -> Endpoint:
        address = f"local:{self.revision or 'newest'}:{self.dtype}:{self.seed}"
        return Endpoint(address, self.model, concurrency=2 * self.batch_size)


@dataclass
class _Batches:
    """Gathers calls into batches; runs one at a time in a thread, so that the loop stays free."""

    teacher: Local
    waiting: "asyncio.Queue[tuple[Call, asyncio.Future[Reply]]]" = field(
        default_factory=asyncio.Queue
    )
    chat: "Chat | None" = None
    runner: "asyncio.Task[None] | None" = None

    async def open(self) -> None:
        self.chat = await asyncio.to_thread(_load, self.teacher)
        self.runner = asyncio.create_task(self._run())

    async def close(self) -> None:
        if self.runner is not None:
            self.runner.cancel()
            await asyncio.gather(self.runner, return_exceptions=True)

    async def send(self, call: Call) -> Reply:
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.waiting.put_nowait((call, reply))
        return await reply

    async def _run(self) -> None:
        while True:
            batch = [await self.waiting.get()]
            await asyncio.sleep(FILL_S)
            while len(batch) < self.teacher.batch_size and not self.waiting.empty():
                batch.append(self.waiting.get_nowait())
            try:
                replies = await asyncio.to_thread(self._reply, [call for call, _ in batch])
            except Exception as error:
                fault: Exception = RuntimeError(f"the local model failed: {error}")
                if isinstance(error, UserError):
                    fault = error
                for _, future in batch:
                    future.set_exception(fault)
                continue
            for (_, future), reply in zip(batch, replies, strict=True):
                if not future.done():
                    future.set_result(reply)

    def _reply(self, calls: list[Call]) -> list[Reply]:
        assert self.chat is not None
        requests = [call.request for call in calls]
        seeds = [f"{self.teacher.seed}:{call.entry.key}" for call in calls]
        name = self.teacher.model
        return [
            reply_with(it.text, name, it.prompt_tokens, it.completion_tokens, it.finish)
            for it in self.chat.write(requests, seeds)
        ]


def _load(teacher: Local) -> "Chat":
    from p2m.teacher._chat import Chat

    return Chat(teacher.model, teacher.revision, teacher.device, teacher.dtype)
