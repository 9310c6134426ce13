"""The one function that sends a paid request: reserve, commit, send, commit the raw body, parse.  Nothing else sends or retries."""

import asyncio
import contextlib
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, InvalidStateError
from functools import partial
from pathlib import Path
from typing import Any

from p2m.calls import account as _account
from p2m.calls.account import Busy, Kept, OverBudget, Payer, Reserved, Settlement
from p2m.calls.budget import Budget
from p2m.calls.completion import Completion, read, same_model
from p2m.calls.endpoint import Call, Endpoint, Reply, Transport
from p2m.calls.ledger import Transaction, Writer, sweep
from p2m.calls.pace import Pace, backoff
from p2m.calls.prices import FREE, NANO
from p2m.calls.probe import honoured
from p2m.calls.retry import MOST_TRIES, RetryDecision, decide, gone
from p2m.errors import IncompleteError, ServiceError, UserError
from p2m.stages import Answer, Request, Work

PATIENCE_S = 900.0  # of 429s with no answer at all in between
POLL_S = 0.1  # how often to look whether another process is done
GRACE_S = 15.0  # how long a stage that ends waits for what is out: it is paid for
WINDOW, MOST_REJECTED, SHOWN = 50, 25, 3
WORKERS_MORE = 4  # per cent 100 / this: while so many wait for the disk, the endpoint still sees full concurrency


class Session:
    """An open line.  `submit` may be called from any thread; the work is done in an event loop in a thread of its own."""

    def __init__(
        self,
        endpoint: Endpoint,
        transport: Transport,
        work: Work,
        budget: Budget,
        calls: Path,
        pages: int | None = None,
    ) -> None:
        self.endpoint, self.transport, self.work, self.budget = endpoint, transport, work, budget
        self.outcomes: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._ordinal = 0
        self._same: dict[str, Future[Answer]] = {}
        self._fault: UserError | None = None
        self._recent: deque[tuple[str, str, str]] = deque(maxlen=WINDOW)
        self._pace = Pace(
            endpoint.concurrency, endpoint.requests_per_minute, endpoint.tokens_per_minute, self.nap
        )
        self._last_answer = time.monotonic()
        self._loop = asyncio.new_event_loop()
        try:
            self._writer = Writer(calls, self._written, pages)
        except BaseException:
            self._loop.close()
            raise
        self._payer = Payer(
            calls,
            self._writer.owner.name,
            work.account,
            work.run,
            work.stage,
            budget,
            endpoint.resumes,
        )
        self._queue: asyncio.Queue[Call | None] = asyncio.Queue()
        self._settled, self._stopped = asyncio.Event(), asyncio.Event()
        self._poor = asyncio.Lock()
        self.structured: asyncio.Task[bool] | None = None
        self._ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="teacher", daemon=True)

    def __enter__(self) -> "Session":
        self._thread.start()
        try:
            self._ready.result()
        except BaseException:
            self._leave()  # the thread may be well: a signal comes here as it does anywhere
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Drops what was not sent, waits at most GRACE_S for what was, and leaves the ledger whole."""
        self._leave()

    def _leave(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._end)
        self._thread.join()

    def _end(self) -> None:
        self._stop_with(ServiceError("the session with the teacher is closed"))
        self._queue.put_nowait(None)

    def submit(self, request: Request) -> Future[Answer]:
        """The answer to come.  A request that is on its way already is not sent twice."""
        entry = self.endpoint.entry(request)
        future: Future[Answer] = Future()
        with self._lock:
            ordinal, self._ordinal = self._ordinal, self._ordinal + 1
            if self._fault is not None:
                future.set_exception(self._fault)
                return future
            first = self._same.setdefault(entry.key, future)
        if first is not future:
            first.add_done_callback(lambda done: self._share(done, future))
        else:
            call = Call(request, entry, future, ordinal)
            self._loop.call_soon_threadsafe(self._queue.put_nowait, call)
        return future

    def _share(self, done: Future[Answer], future: Future[Answer]) -> None:
        error = done.exception()
        if error is not None:
            future.set_exception(error)
            return
        answer = done.result()
        self.work.meter.add(answer.usd, fresh=False)
        future.set_result(Answer(answer.text, answer.outcome, answer.key, answer.usd, fresh=False))

    # ---- the thread ----

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._main())
        except BaseException as error:
            self._stop_with(error)
            if not self._ready.done():
                self._ready.set_exception(error)
        finally:
            self._writer.close()
            self._loop.close()

    async def _main(self) -> None:
        await self.do(lambda db: _account.open_account(db, self.work.account))
        await self.do(lambda db: sweep(db, self._payer.folder))
        await self.transport.open()
        workers = [
            asyncio.create_task(self._work())
            for _ in range(
                self.endpoint.concurrency + self.endpoint.concurrency // WORKERS_MORE + 1
            )
        ]
        self._ready.set_result(None)
        try:
            await asyncio.wait(
                workers, return_when=asyncio.FIRST_COMPLETED
            )  # the first that meets the end of the queue
            await asyncio.wait(workers, timeout=GRACE_S)
        finally:
            for worker in workers:
                worker.cancel()
            ended = await asyncio.gather(*workers, return_exceptions=True)
            await self.transport.close()
        for error in ended:
            if isinstance(error, Exception):
                raise error

    async def _work(self) -> None:
        while (call := await self._queue.get()) is not None:
            try:
                call.structured = call.request.schema is not None and await honoured(self)
                answer = await self.answer(call)
            except asyncio.CancelledError:
                self._fail(
                    call,
                    ServiceError("the session with the teacher was closed before this answer came"),
                )
                raise
            except BaseException as error:
                self._fail(call, error)
                self._stop_with(error)
            else:
                self._give(call, answer)
        self._queue.put_nowait(None)  # for the next worker

    def _give(self, call: Call, answer: Answer) -> None:
        with self._lock:
            self._same.pop(call.entry.key, None)
        self.work.meter.add(answer.usd, answer.fresh)
        with contextlib.suppress(InvalidStateError):  # the caller cancelled it
            call.future.set_result(answer)

    def _fail(self, call: Call, error: BaseException) -> None:
        with self._lock:
            self._same.pop(call.entry.key, None)
        with contextlib.suppress(InvalidStateError):
            call.future.set_exception(error)

    def _stop_with(self, error: BaseException) -> None:
        """Nothing more is sent: what waits, and what will be submitted, fails with *error*; what is out may still arrive."""
        with self._lock:
            if self._fault is None:
                self._fault = (
                    error
                    if isinstance(error, UserError)
                    else ServiceError(f"the session with the teacher broke: {error!r}")
                )
        ended = False
        while not self._queue.empty():
            call = self._queue.get_nowait()
            if call is None:
                ended = True
            else:
                self._fail(call, error)
        if ended:
            self._queue.put_nowait(None)
        self._settled.set()
        self._stopped.set()

    async def nap(self, seconds: float) -> None:
        """Sleeps, and wakes early if the session stops."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), seconds)

    # ---- the ledger ----

    def do(self, deed: Transaction) -> "asyncio.Future[Any]":
        """What *deed* gives, once it is on disk."""
        done: asyncio.Future[Any] = self._loop.create_future()
        self._writer.do(done, deed)
        return done

    def _written(self, group: list[tuple[Any, Any, BaseException | None]]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended; nobody waits
            self._loop.call_soon_threadsafe(self._resolve, group)

    def _resolve(self, group: list[tuple[Any, Any, BaseException | None]]) -> None:
        for done, result, error in group:
            if done is None:
                if (
                    error is not None
                ):  # a bill that could not be put down: the answer is kept, and nothing more may be spent
                    self._stop_with(error)
            elif not done.done():
                done.set_result(result) if error is None else done.set_exception(error)

    # ---- one call ----

    async def answer(self, call: Call) -> Answer:
        """reserve, commit, send, commit the raw body, parse; again where the reply asks for it."""
        tries = 0
        while True:
            found = await self._begin(call)
            if isinstance(found, Kept):
                return self._parsed(call, found, fresh=False)
            started = time.monotonic()
            async with self._pace.slot(_tokens(call)) as sent_at:
                if self._fault is not None:
                    await self.do(
                        partial(
                            _account.void,
                            attempt=found.attempt,
                            status=None,
                            reason="not sent",
                            body=b"",
                            seconds=0.0,
                        )
                    )
                    raise self._fault
                reply = await self.transport.send(call)
                said = decide(reply, self.endpoint)
                if (
                    said.error is not None and call.ordinal >= 0
                ):  # at once: the commit takes time, in which others would be sent
                    self._stop_with(said.error)
            answer = await self._close(call, found.attempt, reply, said, time.monotonic() - started)
            if answer is not None:
                return answer
            tries = await self._wait(said, tries, sent_at)

    async def _begin(self, call: Call) -> Kept | Reserved:
        """Waits for whoever has the same request out; raises BudgetError where there is neither money nor hope of it."""
        while True:
            await self._pace.opened()
            found = await self._found(call)
            if isinstance(found, OverBudget):
                async with self._poor:  # one asks at a time, since each look costs a transaction
                    found = await self._with_money(call)
            if isinstance(found, Kept | Reserved):
                return found
            await self.nap(POLL_S)

    async def _with_money(self, call: Call) -> Kept | Reserved | Busy:
        """Waits until what others have out is settled, and may leave some of its reservation."""
        while isinstance(found := await self._found(call), OverBudget):
            if not found.others:
                raise self.budget.exceeded(
                    found.nano, found.calls, found.open_nano, call.entry.worst
                )
            self._settled.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._settled.wait(), POLL_S)
        return found

    async def _found(self, call: Call) -> Kept | Reserved | Busy | OverBudget:
        if self._fault is not None:
            raise self._fault
        found = await self.do(
            partial(
                _account.begin, entry=call.entry, payer=self._payer, send=not self.budget.is_late()
            )
        )
        if found is None:
            raise self.budget.late()
        assert isinstance(found, Kept | Reserved | Busy | OverBudget)
        return found

    async def _close(
        self, call: Call, attempt: int, reply: Reply, said: RetryDecision, seconds: float
    ) -> Answer | None:
        """Puts down what came; the answer, or None if the call must be made again."""
        if said.kind == "answer":
            assert reply.status is not None
            await self.do(
                partial(
                    _account.record_body,
                    attempt=attempt,
                    status=reply.status,
                    body=reply.body,
                    seconds=seconds,
                )
            )
            self._pace.answered(reply.headers)
            self._last_answer = time.monotonic()
            return self._parsed(
                call, Kept(attempt, reply.body, call.entry.worst, settled=False), fresh=True
            )
        end = _account.leave_open if said.kind == "again" else _account.void
        await self.do(
            partial(
                end,
                attempt=attempt,
                status=reply.status,
                reason=said.reason,
                body=reply.body,
                seconds=seconds,
            )
        )
        self._settled.set()
        if said.error is not None:
            raise said.error
        if said.kind == "filtered":
            self._count(call, Completion("", "filtered", said.reason))
            return Answer("", "filtered", call.entry.key, 0.0, fresh=True)
        return None

    def _parsed(self, call: Call, kept: Kept, *, fresh: bool) -> Answer:
        reading = self._of_model(read(kept.body, call.request))
        billed = kept.billed
        if not kept.settled:
            nano = self._bill(reading)
            billed = billed if nano is None else nano
            bill = Settlement(
                reading.outcome,
                reading.reason,
                reading.model,
                reading.input_tokens,
                reading.output_tokens,
                nano,
            )
            self._writer.do(None, partial(_account.settle, attempt=kept.attempt, bill=bill))
            self._settled.set()
        self._count(call, reading)
        return Answer(reading.text, reading.outcome, call.entry.key, billed / NANO, fresh)

    def _of_model(self, reading: Completion) -> Completion:
        """Who pays for one model does not take another's answer, whose price is not known either: it stays at its reservation."""
        if (
            self.endpoint.price == FREE
            or reading.model is None
            or same_model(self.endpoint.model, reading.model)
        ):
            return reading
        return Completion(
            reading.text, "invalid", f"the model '{reading.model}' answered", reading.model
        )

    def _bill(self, reading: Completion) -> int | None:
        """None where the server did not say what it used."""
        if reading.input_tokens is None or reading.output_tokens is None:
            return None
        return self.endpoint.price.nano(reading.input_tokens, reading.output_tokens)

    async def _wait(self, said: RetryDecision, tries: int, sent_at: float) -> int:
        """Sleeps as the reply asks; raises where waiting has been in vain for too long.  Gives the number of failed tries."""
        if said.kind == "throttled":
            if time.monotonic() - self._last_answer > PATIENCE_S:
                raise ServiceError(
                    f"{self.endpoint.address} has answered nothing but 429 for {PATIENCE_S / 60:.0f} minutes ({said.reason})."
                )
            wait = backoff(self._pace.cuts + 1, random.random()) if said.wait is None else said.wait
            self._pace.throttled(sent_at, wait)
            return tries
        if tries + 1 >= MOST_TRIES:
            raise gone(self.endpoint, said.reason, MOST_TRIES)
        await self.nap(backoff(tries + 1, random.random()) if said.wait is None else said.wait)
        return tries + 1

    def _count(self, call: Call, reading: Completion) -> None:
        """Stops the session when more than half of the last answers are of no use, and shows some."""
        if call.ordinal < 0:  # the probe: its answer tells about the server
            return
        self.outcomes[reading.outcome] += 1
        self._recent.append((reading.outcome, reading.reason, reading.text))
        rejected = [
            (outcome, reason, text) for outcome, reason, text in self._recent if outcome != "ok"
        ]
        if len(rejected) > MOST_REJECTED and len(self._recent) == WINDOW:
            shown = "\n".join(
                f"  {outcome} ({reason}): {text[:200]!r}"
                for outcome, reason, text in rejected[-SHOWN:]
            )
            self._stop_with(
                IncompleteError(
                    f"{len(rejected)} of the last {WINDOW} answers of '{self.endpoint.model}' cannot be used; the last {SHOWN}:\n{shown}\n"
                    "Change the prompt, or choose another teacher (teacher=..., teacher.model=...). All answers are kept."
                )
            )


def _tokens(call: Call) -> int:
    """As OpenAI counts them against its limits: a token for four characters, and max_tokens."""
    return (
        sum(len(message["content"]) for message in call.request.messages) // 4
        + call.request.max_tokens
    )


@contextlib.contextmanager
def session(
    endpoint: Endpoint, transport: Transport, work: Work, budget: Budget, calls: Path
) -> Iterator[Session]:
    with Session(endpoint, transport, work, budget, calls) as opened:
        yield opened
