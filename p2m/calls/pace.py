"""How fast to ask: concurrency that yields to 429s, limits a minute, and the server's own wishes."""

import asyncio
import contextlib
import email.utils
import math
import re
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

LONGEST_S = 120.0  # a longer Retry-After is taken as this: a run that waits for hours unseen is worse than one more 429
FIRST_S = 0.5  # first wait where the server names none, doubled each time
BURST_S = 5.0  # how much of a minute's allowance may go out at once
_PARTS = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait, within [0, LONGEST_S], from `retry-after-ms` or `retry-after` (seconds, duration, date); None from nonsense.

    now: seconds since the epoch.  Never raises.
    """
    ms = _number(headers.get("retry-after-ms", ""))
    if ms is not None:
        return min(max(ms / 1000, 0.0), LONGEST_S)
    said = headers.get("retry-after", "").strip()
    if not said:
        return None
    wait = _number(said)
    if wait is None:
        wait = duration(said)
    if wait is None:
        wait = _until(said, now)
    return None if wait is None else min(max(wait, 0.0), LONGEST_S)


def duration(text: str) -> float | None:
    """Seconds in `6m0s`, `120ms`, `1h2m3.5s`; None for anything else."""
    text = text.strip()[:40]
    parts = _PARTS.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def backoff(tries: int, jitter: float) -> float:
    """Seconds before try *tries* + 1: doubling from FIRST_S, times a factor in [0.5, 1.5) from jitter in [0, 1)."""
    return min(FIRST_S * 2.0 ** min(tries - 1, 10), LONGEST_S / 2) * (0.5 + jitter)


def _number(text: str) -> float | None:
    try:
        value = float(text[:40])
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _until(text: str, now: float) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text[:60]).timestamp() - now
    except (ValueError, TypeError, OverflowError, IndexError, OSError):
        return None


class Allowance:
    """So many a minute, BURST_S of it at once."""

    def __init__(self, per_minute: float | None) -> None:
        self.per_minute, self._level, self._at = per_minute, math.inf, time.monotonic()

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
        return (
            max(0.0, -self._level / rate)
            if amount <= most
            else max(0.0, -(self._level + amount - most) / rate)
        )


class Pace:
    """At most `limit` requests out at once: one more after each round of answers, half after a burst of 429s (AIMD)."""

    def __init__(
        self,
        concurrency: int,
        per_minute: float | None,
        tokens_per_minute: float | None,
        nap: Callable[[float], Awaitable[None]],
    ) -> None:
        self._nap = nap
        self.most, self.limit, self.out = concurrency, float(concurrency), 0
        self.cuts = 0  # since the last answer
        self._requests, self._tokens = Allowance(per_minute), Allowance(tokens_per_minute)
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._cut_at = self._closed_until = -math.inf

    @contextlib.asynccontextmanager
    async def slot(self, tokens: int) -> AsyncIterator[float]:
        """Waits for its turn; gives the monotonic time at which the request goes out."""
        await self._enter()
        try:
            wait = max(self._requests.wait(1), self._tokens.wait(tokens))
            if wait > 0:
                await self._nap(wait)
            await self.opened()
            yield time.monotonic()
        finally:
            self._leave()

    async def opened(self) -> None:
        """Returns once no Retry-After holds everybody back (or the nap was cut short, as the session stops)."""
        if (wait := self._closed_until - time.monotonic()) > 0:
            await self._nap(wait)

    def throttled(self, sent_at: float, wait: float) -> None:
        """A 429 for a request sent at *sent_at*: one cut for all that were out together, and a pause for all."""
        now = time.monotonic()
        if sent_at >= self._cut_at:
            self.limit, self._cut_at, self.cuts = max(1.0, self.limit / 2), now, self.cuts + 1
        self._closed_until = max(self._closed_until, now + wait)

    def answered(self, headers: Mapping[str, str]) -> None:
        self.limit, self.cuts = min(float(self.most), self.limit + 1 / self.limit), 0
        if "x-ratelimit-limit-requests" in headers:
            self._learn(headers, "requests", self._requests)
        if "x-ratelimit-limit-tokens" in headers:
            self._learn(headers, "tokens", self._tokens)

    def _learn(self, headers: Mapping[str, str], what: str, allowance: Allowance) -> None:
        allowance.limit(_number(headers[f"x-ratelimit-limit-{what}"]))
        if _number(headers.get(f"x-ratelimit-remaining-{what}", "")) == 0:
            reset = headers.get(f"x-ratelimit-reset-{what}", "")
            wait = duration(reset) if duration(reset) is not None else _number(reset)
            self._closed_until = max(
                self._closed_until, time.monotonic() + min(max(wait or 0.0, 0.0), LONGEST_S)
            )

    async def _enter(self) -> None:
        while self.out >= max(1, int(self.limit)):
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._wake()  # the turn that this one got goes to the next
                raise
        self.out += 1

    def _leave(self) -> None:
        self.out -= 1
        self._wake()

    def _wake(self) -> None:
        free = max(1, int(self.limit)) - self.out
        while self._waiting and free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
