"""Calls that come within a short time are gathered into a batch, and answered together."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from p2m.calls.endpoint import Call, Reply

Waiting = tuple[Call, "asyncio.Future[Reply]"]


async def send(queue: "asyncio.Queue[Waiting]", call: Call) -> Reply:
    """The reply that whoever takes the call from the queue gives it."""
    reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
    queue.put_nowait((call, reply))
    return await reply


async def take(queue: "asyncio.Queue[Waiting]", size: int, fill_s: float) -> list[Waiting]:
    """A batch, once it is full or nothing came for *fill_s*."""
    batch = [await queue.get()]
    with contextlib.suppress(TimeoutError):
        while len(batch) < size:
            batch.append(await asyncio.wait_for(queue.get(), fill_s))
    return batch


async def answer(batch: list[Waiting], ask: Callable[[list[Call]], Awaitable[list[Reply]]]) -> None:
    """Gives each call of the batch its reply, or all of them what *ask* raises."""
    try:
        replies = await ask([call for call, _ in batch])
    except Exception as error:
        for _, future in batch:
            if not future.done():
                future.set_exception(error)
        return
    for (_, future), reply in zip(batch, replies, strict=True):
        if not future.done():
            future.set_result(reply)
