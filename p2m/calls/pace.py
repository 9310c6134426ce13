"""How fast to ask: concurrency that yields to 429s, limits a minute, the server's own wishes."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

from p2m.text.delay import LONGEST_S, clip, duration, number

FIRST_S = 0.5  # first wait where the server names none, doubled each time
BURST_S = 5.0  # how much of a minute's allowance may go out at once


def backoff(tries: int, jitter: float) -> float:
    """Seconds before try *tries* + 1: doubling, times [0.5, 1.5) by jitter in [0, 1)."""
    return min(FIRST_S * 2.0 ** min(tries - 1, 10), LONGEST_S / 2) * (0.5 + jitter)


class Allowance:
    """So many a minute, BURST_S of it at once."""

    def __init__(self, per_minute: float | None) -> None:
        self.per_minute = per_minute
        self._level = math.inf
        self._at = time.monotonic()

    def limit(self, per_minute: float | None) -> None:
        """The server told its limit; what the configuration gave stays if it is lower."""
        if per_minute and (self.per_minute is None or per_minute < self.per_minute):
            self.per_minute = per_minute

    def wait(self, amount: float) -> float:
        """Takes *amount* and gives the seconds until it may be used."""
        if not self.per_minute:
            return 0.0
        now, rate = time.monotonic(), self.per_minute / 60
        most = max(rate * BURST_S, 1.0)
        self._level = min(most, self._level + (now - self._at) * rate) - amount
        self._at = now
        beyond_burst = max(0.0, amount - most)  # such an amount waits for a full allowance only
        return max(0.0, -(self._level + beyond_burst) / rate)


class Pace:
    """At most `limit` requests out: one more after each round, half after 429s (AIMD)."""

    def __init__(
        self,
        concurrency: int,
        per_minute: float | None,
        tokens_per_minute: float | None,
        nap: Callable[[float], Awaitable[None]],
    ) -> None:
        self._nap = nap
        self.most = concurrency
        self.limit = float(concurrency)
        self.out = 0
        self.cuts = 0  # since the last answer
        self._allowances = {
            "requests": Allowance(per_minute),
            "tokens": Allowance(tokens_per_minute),
        }
        self._left = asyncio.Event()
        self._cut_at = self._closed_until = -math.inf

    @contextlib.asynccontextmanager
    async def slot(self, tokens: int) -> AsyncIterator[float]:
        """Waits for its turn; gives the monotonic time at which the request goes out."""
        await self._enter()
        try:
            allowances = self._allowances
            wait = max(allowances["requests"].wait(1), allowances["tokens"].wait(tokens))
            if wait > 0:
                await self._nap(wait)
            await self.wait_until_open()
            yield time.monotonic()
        finally:
            self.out -= 1
            self._left.set()  # who waits looks again

    async def wait_until_open(self) -> None:
        """Returns once no Retry-After holds everybody back, or the nap was cut short."""
        wait = self._closed_until - time.monotonic()
        if wait > 0:
            await self._nap(wait)

    def note_throttling(self, sent_at: float, wait: float) -> None:
        """A 429: a pause for all, and one cut for all that were out together."""
        if sent_at >= self._cut_at:
            self.limit = max(1.0, self.limit / 2)
            self._cut_at = time.monotonic()
            self.cuts += 1
        self._close_for(wait)

    def note_answer(self, headers: Mapping[str, str]) -> None:
        self.limit = min(float(self.most), self.limit + 1 / self.limit)
        self.cuts = 0
        for what, allowance in self._allowances.items():
            limit = headers.get(f"x-ratelimit-limit-{what}")
            if limit is None:
                continue
            allowance.limit(number(limit))
            if number(headers.get(f"x-ratelimit-remaining-{what}", "")) == 0:
                reset = headers.get(f"x-ratelimit-reset-{what}", "")
                wait = duration(reset)
                self._close_for(clip((number(reset) if wait is None else wait) or 0.0))

    def _close_for(self, wait: float) -> None:
        self._closed_until = max(self._closed_until, time.monotonic() + wait)

    async def _enter(self) -> None:
        while self.out >= int(self.limit):
            self._left.clear()
            await self._left.wait()
        self.out += 1
