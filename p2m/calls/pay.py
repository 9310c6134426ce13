"""The one place that sends a request: reserve, commit, send, commit the raw body, parse, settle.

Nothing else sends or tries again.
"""

import asyncio
import random
import time
from functools import partial
from typing import Literal

from p2m.calls import account
from p2m.calls.account import Found, Kept, OverBudget, Payer, Reserved
from p2m.calls.completion import Completion, parse
from p2m.calls.endpoint import Call, Endpoint, Reply, Transport
from p2m.calls.health import Health
from p2m.calls.ledger import Writer
from p2m.calls.pace import Pace, backoff
from p2m.calls.prices import NANO
from p2m.calls.queue import Queue
from p2m.calls.retry import RetryDecision, decide
from p2m.stages import Answer

POLL_S = 0.1  # how often to look whether another process is done


class Pay:
    """`answer` brings one call to its end, within the budget."""

    def __init__(
        self,
        endpoint: Endpoint,
        transport: Transport,
        payer: Payer,
        writer: Writer,
        queue: Queue,
        health: Health,
    ) -> None:
        self._endpoint = endpoint
        self._transport = transport
        self._payer = payer
        self._writer = writer
        self._queue = queue
        self._health = health
        self._pace = Pace(
            endpoint.concurrency,
            endpoint.requests_per_minute,
            endpoint.tokens_per_minute,
            queue.nap,
        )
        self._poor = asyncio.Lock()

    async def answer(self, call: Call) -> Answer:
        """Tries until there is an answer.  Raises a UserError where no further try can succeed."""
        failures = 0
        while True:
            # 1) the ledger holds the answer, or sets aside what it can cost
            found = await self._begin(call)
            if isinstance(found, Kept):
                return self._parse(call, found, fresh=False)
            started = time.monotonic()
            # 2) send
            async with self._pace.slot(_tokens(call)) as sent_at:
                if self._queue.fault is not None:
                    unsent = RetryDecision("unsent", "not sent")
                    await self._close(found.attempt, Reply(None, {}, b""), unsent, 0.0)
                    raise self._queue.fault
                reply = await self._transport.send(call)
                decision = decide(reply, self._endpoint)
                # at once: the commit takes time, in which others would be sent
                if decision.error is not None and not call.is_probe:
                    self._queue.stop(decision.error)
            # 3) put down what came
            seconds = time.monotonic() - started
            if decision.kind == "answer":
                return await self._accept(call, found.attempt, reply, seconds)
            await self._close(found.attempt, reply, decision, seconds)
            if decision.kind in {"filtered", "too_long"}:
                refused = Completion("", decision.kind, decision.reason)  # and not billed
                return self._finish(call, refused, 0, seconds, fresh=True)
            # 4) wait as the reply asks, and try again
            if decision.kind != "throttled":
                failures += 1
            self._health.give_up_after(decision, failures)
            await self._wait(decision, failures, sent_at)

    async def _begin(self, call: Call) -> Kept | Reserved:
        """Waits for whoever has the same request out, and for room in the budget."""
        while True:
            await self._pace.wait_until_open()
            found = await self._find(call)
            if isinstance(found, OverBudget):
                async with self._poor:  # one asks at a time, since each look costs a transaction
                    while isinstance(found := await self._find(call), OverBudget):
                        await self._queue.nap(POLL_S)
            if isinstance(found, Kept | Reserved):
                return found
            await self._queue.nap(POLL_S)

    async def _find(self, call: Call) -> Found:
        if self._queue.fault is not None:
            raise self._queue.fault
        begin = partial(account.begin, entry=call.entry, payer=self._payer)
        found: Found = await self._writer.commit(begin)
        return found

    async def _accept(self, call: Call, attempt: int, reply: Reply, seconds: float) -> Answer:
        """The raw body is on disk before it is parsed."""
        await self._writer.commit(lambda db: account.record_body(db, attempt, reply, seconds))
        self._pace.note_answer(reply.headers)
        self._health.note_answer()
        kept = Kept(attempt, reply.body, call.entry.worst, settled=False, seconds=seconds)
        return self._parse(call, kept, fresh=True)

    async def _close(
        self, attempt: int, reply: Reply, decision: RetryDecision, seconds: float
    ) -> None:
        """Puts down an attempt without an answer; raises the error that ends all."""
        to: Literal["void", "open"] = "open" if decision.kind == "again" else "void"
        reason = decision.reason
        await self._writer.commit(lambda db: account.close(db, attempt, to, reply, reason, seconds))
        if decision.error is not None:
            raise decision.error

    def _parse(self, call: Call, kept: Kept, *, fresh: bool) -> Answer:
        completion = self._endpoint.refuse_other_model(parse(kept.body, call.request))
        billed = kept.billed
        if not kept.settled:
            bill = self._endpoint.bill(completion)
            if bill is not None:
                billed = bill
            most = self._endpoint.most(completion, call.request)
            self._settle(kept.attempt, completion, bill, most)
        return self._finish(call, completion, billed, kept.seconds, fresh)

    def _finish(
        self, call: Call, completion: Completion, billed: int, seconds: float, fresh: bool
    ) -> Answer:
        if not call.is_probe:  # whose answer tells about the server
            self._health.count(completion)
        key, usd, tokens = call.entry.key, billed / NANO, completion.output_tokens or 0
        text, outcome, reason = completion.text, completion.outcome, completion.reason
        return Answer(text, outcome, key, usd, fresh, reason, seconds, tokens)

    def _settle(
        self, attempt: int, completion: Completion, bill: int | None, most: int | None
    ) -> None:
        """Nobody waits for the bill; but nothing more may be spent if it cannot be put down."""
        done = self._writer.do(lambda db: account.settle(db, attempt, completion, bill, most))
        asyncio.wrap_future(done).add_done_callback(self._stop_on_failure)

    def _stop_on_failure(self, done: "asyncio.Future[None]") -> None:
        error = done.exception()
        if error is not None:
            self._queue.stop(error)

    async def _wait(self, decision: RetryDecision, failures: int, sent_at: float) -> None:
        is_throttled = decision.kind == "throttled"
        wait = decision.wait
        if wait is None:
            wait = backoff(self._pace.cuts + 1 if is_throttled else failures, random.random())
        if is_throttled:
            self._pace.note_throttling(sent_at, wait)
        else:
            await self._queue.nap(wait)


def _tokens(call: Call) -> int:
    """As OpenAI counts them against its limits: one for four characters, and max_tokens."""
    characters = sum(len(message["content"]) for message in call.request.messages)
    return characters // 4 + call.request.max_tokens
