"""An open session with a teacher: workers in an event loop, in a thread of its own."""

import asyncio
import contextlib
import threading
from concurrent.futures import Future
from pathlib import Path

from p2m.calls.account import Payer, open_account
from p2m.calls.budget import Budget
from p2m.calls.endpoint import Endpoint, Transport
from p2m.calls.health import Health
from p2m.calls.ledger import Writer
from p2m.calls.owner import sweep
from p2m.calls.pay import Pay
from p2m.calls.probe import SchemaProbe
from p2m.calls.queue import Queue
from p2m.errors import ServiceError
from p2m.stages import Answer, Request, Work

GRACE_S = 15.0  # how long a stage that ends waits for what is out: it is paid for
# a quarter more workers than may be out: while those wait for the disk, as many are out as may be
WORKERS_MORE = 4


class Session:
    """`submit` may be called from any thread.  pages: see `ledger.connect`."""

    def __init__(
        self,
        endpoint: Endpoint,
        transport: Transport,
        work: Work,
        budget: Budget,
        calls: Path,
        pages: int | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.work = work
        self._transport = transport
        self._writer = Writer(calls, pages)
        self._loop = asyncio.new_event_loop()
        self._queue = Queue(self._loop, work.meter)
        self.health = Health(endpoint, self._queue.stop)
        owner, resumes = self._writer.owner.name, endpoint.resumes
        payer = Payer(calls, owner, work.account, work.run, work.stage, budget, resumes)
        self._pay = Pay(endpoint, transport, payer, self._writer, self._queue, self.health)
        self._probe = SchemaProbe(endpoint, self._pay.answer, work.meter)
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="teacher", daemon=True)

    def __enter__(self) -> "Session":
        self._thread.start()
        try:
            self._ready.result()
        except BaseException:
            self.__exit__()  # the thread may be well: a signal comes here as it does anywhere
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Drops what was not sent, waits at most GRACE_S for what was, leaves the ledger whole."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._queue.close)
        self._thread.join()

    def submit(self, request: Request) -> "Future[Answer]":
        """The answer to come.  A request that is on its way already is not sent twice."""
        return self._queue.submit(request, self.endpoint.entry(request))

    # what follows runs in the thread

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._main())
        except BaseException as error:
            self._queue.stop(error)
            if not self._ready.done():
                self._ready.set_exception(error)
        finally:
            self._writer.close()
            self._loop.close()

    async def _main(self) -> None:
        # 1) open
        await self._writer.commit(lambda db: open_account(db, self.work.account))
        await self._writer.commit(lambda db: sweep(db, self._writer.folder))
        await self._transport.open()
        concurrency = self.endpoint.concurrency
        workers = [
            asyncio.create_task(self._work())
            for _ in range(concurrency + concurrency // WORKERS_MORE + 1)
        ]
        self._ready.set_result(None)
        try:
            # 2) until the first worker meets the end of the queue, and a little longer
            await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait(workers, timeout=GRACE_S)
        finally:
            # 3) close
            for worker in workers:
                worker.cancel()
            results = await asyncio.gather(*workers, return_exceptions=True)
            await self._transport.close()
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _work(self) -> None:
        while (call := await self._queue.take()) is not None:
            try:
                if call.request.schema is not None:
                    call.structured = await self._probe.keeps_schema()
                answer = await self._pay.answer(call)
            except asyncio.CancelledError:
                closed = "the session with the teacher was closed before this answer came"
                self._queue.fail(call, ServiceError(closed))
                raise
            except BaseException as error:
                self._queue.fail(call, error)
                self._queue.stop(error)
            else:
                self._queue.give(call, answer)
