"""Posts to an OpenAI-compatible server and brings back the raw body, within four deadlines and a size.

It rides on httpx2, as the openai client does, and not on that client: this keeps the raw bytes, a deadline for each phase,
and no retry but ours.
"""

import asyncio
import os
import time
from dataclasses import dataclass, field
from typing import Any

from p2m.calls.endpoint import Call, Endpoint, Reply, encoded
from p2m.errors import ConfigError

MOST_BYTES = (
    8 << 20
)  # of a body: 1,000 times a long answer.  What lies beyond is not read, and the answer is invalid
POOL = 32  # connections a client: its pool looks at all of them for each request, so that one of 256 is slower than eight of 32
KEEPALIVE_S = 4.0  # less than the 5 s after which common servers hang up, since a request that meets a closing line may be billed


@dataclass(frozen=True)
class Deadlines:
    """Seconds on the monotonic clock: to connect, to the first byte, between bytes, and for all of it."""

    connect_s: float
    first_byte_s: float
    idle_s: float
    total_s: float


@dataclass
class Http:
    """Transport to `<base_url>/chat/completions`."""

    endpoint: Endpoint
    api_key_env: str | None
    deadlines: Deadlines
    clients: list[Any] = field(default_factory=list, init=False)
    loads: list[int] = field(default_factory=list, init=False)
    key: str = field(default="", init=False, repr=False)

    async def open(self) -> None:
        import httpx2

        self.key = api_key(self.api_key_env)
        headers = {"content-type": "application/json"} | (
            {"authorization": f"Bearer {self.key}"} if self.key else {}
        )
        limits = httpx2.Limits(
            max_connections=None, max_keepalive_connections=POOL, keepalive_expiry=KEEPALIVE_S
        )
        timeout = httpx2.Timeout(None, connect=self.deadlines.connect_s)
        trust = (
            httpx2.create_ssl_context()
        )  # one for all, since reading the certificates takes longer than a call
        self.clients = [
            httpx2.AsyncClient(
                headers=headers,
                limits=limits,
                timeout=timeout,
                follow_redirects=False,
                verify=trust,
            )
            for _ in range(-(-self.endpoint.concurrency // POOL))
        ]
        self.loads = [0] * len(self.clients)

    async def close(self) -> None:
        for client in self.clients:
            await client.aclose()

    async def send(self, call: Call) -> Reply:
        import httpx2

        body = encoded(self.endpoint.body(call.request, structured=call.structured))
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.deadlines.total_s):
                return await self._exchange(body)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol) as error:
            return Reply(None, {}, b"", f"no connection: {_said(error)}", sent=False)
        except TimeoutError as error:
            return Reply(
                None,
                {},
                b"",
                f"timeout after {time.monotonic() - started:.1f} s{_said(error, ' ')}",
            )
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            return Reply(None, {}, b"", f"connection lost: {_said(error)}")

    async def _exchange(self, body: bytes) -> Reply:
        least = min(range(len(self.loads)), key=self.loads.__getitem__)
        self.loads[least] += 1
        try:
            return await self._exchanged(self.clients[least], body)
        finally:
            self.loads[least] -= 1

    async def _exchanged(self, client: Any, body: bytes) -> Reply:
        request = client.build_request(
            "POST", f"{self.endpoint.address}/chat/completions", content=body
        )
        try:
            async with asyncio.timeout(self.deadlines.first_byte_s):
                response = await client.send(request, stream=True)
        except TimeoutError:
            raise TimeoutError("(no first byte; teacher.first_byte_s)") from None
        try:
            raw = await self._body(response)
        finally:
            await response.aclose()
        raw = (
            raw.replace(self.key.encode(), b"***") if self.key else raw
        )  # some servers quote the key that they refuse
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, raw)

    async def _body(self, response: Any) -> bytes:
        """The body, cut off at MOST_BYTES."""
        parts: list[bytes] = []
        size = 0
        chunks = response.aiter_bytes()
        while True:
            try:
                async with asyncio.timeout(self.deadlines.idle_s):
                    chunk = await anext(chunks, None)
            except TimeoutError:
                raise TimeoutError("(no more bytes; teacher.idle_s)") from None
            if chunk is None:
                return b"".join(parts)
            parts.append(chunk)
            size += len(chunk)
            if size > MOST_BYTES:
                return b"".join(parts)[:MOST_BYTES]


def api_key(name: str | None) -> str:
    """The key in the environment variable *name*, empty where none is named.  Raises ConfigError."""
    if name is None:
        return ""
    key = os.environ.get(name, "").strip()
    if not key:
        raise ConfigError(f"teacher.api_key_env: the environment variable {name} is not set")
    if not key.isascii() or not key.isprintable():
        raise ConfigError(
            f"teacher.api_key_env: the environment variable {name} holds characters that no key has"
        )
    return key


def _said(error: BaseException, before: str = "") -> str:
    text = str(error) or ("" if isinstance(error, TimeoutError) else type(error).__name__)
    return f"{before}{text}"[:200] if text else ""
