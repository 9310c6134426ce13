"""What waits to be asked and what is out; a request that is on its way is not sent twice."""

import asyncio
import contextlib
import threading
from concurrent.futures import Future, InvalidStateError
from dataclasses import replace

from p2m.calls.endpoint import Call, Entry
from p2m.errors import ServiceError, UserError
from p2m.stages import Answer, Meter, Request


class Queue:
    """`submit` may be called from any thread, all else from that of the loop.

    fault: why nothing more is sent; None while all is well.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, meter: Meter) -> None:
        self.fault: UserError | None = None
        self.stopped = asyncio.Event()
        self._loop = loop
        self._meter = meter
        self._lock = threading.Lock()
        self._submitted = 0
        self._on_the_way: dict[str, Future[Answer]] = {}
        self._waiting: asyncio.Queue[Call | None] = asyncio.Queue()

    def submit(self, request: Request, entry: Entry) -> "Future[Answer]":
        future: Future[Answer] = Future()
        with self._lock:
            call = Call(request, entry, future, self._submitted)
            self._submitted += 1
            if self.fault is not None:
                future.set_exception(self.fault)
                return future
            first = self._on_the_way.setdefault(entry.key, future)
            if first is future:
                self._loop.call_soon_threadsafe(self._waiting.put_nowait, call)
        if first is not future:
            first.add_done_callback(lambda done: self._share(done, future))
        return future

    def _share(self, done: "Future[Answer]", future: "Future[Answer]") -> None:
        error = done.exception()
        if error is not None:
            future.set_exception(error)
            return
        answer = done.result()
        self._meter.add(answer.usd, fresh=False)
        future.set_result(replace(answer, fresh=False))

    async def take(self) -> Call | None:
        """The next call; None once the queue is closed."""
        call = await self._waiting.get()
        if call is None:
            self._waiting.put_nowait(None)  # for the next worker
        return call

    def give(self, call: Call, answer: Answer) -> None:
        self._meter.add(answer.usd, answer.fresh, answer.tokens)
        self._leave(call)
        with contextlib.suppress(InvalidStateError):  # the caller cancelled it
            call.future.set_result(answer)

    def fail(self, call: Call, error: BaseException) -> None:
        self._leave(call)
        with contextlib.suppress(InvalidStateError):
            call.future.set_exception(error)

    def _leave(self, call: Call) -> None:
        with self._lock:
            self._on_the_way.pop(call.entry.key, None)

    def stop(self, error: BaseException) -> None:
        """Nothing more is sent: what waits and will be submitted fails; what is out may arrive."""
        with self._lock:
            if self.fault is None:
                broken = ServiceError(f"the session with the teacher broke: {error!r}")
                self.fault = error if isinstance(error, UserError) else broken
        for _ in range(self._waiting.qsize()):
            call = self._waiting.get_nowait()
            if call is None:
                self._waiting.put_nowait(None)
            else:
                self.fail(call, error)
        self.stopped.set()

    def close(self) -> None:
        self.stop(ServiceError("the session with the teacher is closed"))
        self._loop.call_soon(self._waiting.put_nowait, None)  # behind what is just being submitted

    async def nap(self, seconds: float) -> None:
        """Sleeps, and wakes early when all stops."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopped.wait(), seconds)
