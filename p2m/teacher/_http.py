"""Posts to an OpenAI-compatible server and brings back the raw body, within four deadlines.

It rides on httpx2, as the openai client does, and not on that client: this keeps the raw bytes, a
deadline for each phase, and no retry but ours.
"""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from p2m import network
from p2m.calls.endpoint import Call, Endpoint, Reply, encode
from p2m.teacher._server import api_key
from p2m.text.secrets import hide_in_body

# of a body: 1,000 times a long answer.  What lies beyond is not read, and the answer is invalid
MOST_BYTES = 8 << 20
# connections a client: its pool looks at all of them for each request, so that one client of 256 is
# slower than eight of 32
POOL = 32
# less than the 5 s after which common servers hang up: a request that meets a closing connection
# may be billed
KEEPALIVE_S = 4.0


@dataclass(frozen=True)
class Deadlines:
    """Seconds: to connect, to the first byte, between bytes, and for all of it."""

    connect_s: float
    first_byte_s: float
    idle_s: float
    total_s: float


@dataclass
class Http:
    """Transport to `<base_url>/chat/completions`.

    loads: requests that each of the clients has out.  way: through which proxy, in words.
    """

    endpoint: Endpoint
    api_key_env: str | None
    deadlines: Deadlines
    clients: list[Any] = field(default_factory=list, init=False)
    loads: list[int] = field(default_factory=list, init=False)
    key: str = field(default="", init=False, repr=False)
    way: str = field(default="", init=False)

    async def open(self) -> None:
        import httpx2

        self.key = api_key(self.api_key_env)
        headers = {"content-type": "application/json"}
        if self.key:
            headers["authorization"] = f"Bearer {self.key}"
        options: dict[str, Any] = {
            "headers": headers,
            "limits": httpx2.Limits(
                max_connections=None, max_keepalive_connections=POOL, keepalive_expiry=KEEPALIVE_S
            ),
            "timeout": httpx2.Timeout(None, connect=self.deadlines.connect_s),
            "follow_redirects": False,
            **network.client_options(self.endpoint.address),
        }
        self.way = network.describe_proxy(self.endpoint.address)
        n = -(-self.endpoint.concurrency // POOL)
        self.clients = [httpx2.AsyncClient(**options) for _ in range(n)]
        self.loads = [0] * n

    async def close(self) -> None:
        for client in self.clients:
            await client.aclose()

    async def send(self, call: Call) -> Reply:
        import httpx2

        body = encode(self.endpoint.body(call.request, structured=call.structured))
        started = time.monotonic()
        least = self.loads.index(min(self.loads))
        self.loads[least] += 1
        try:
            async with asyncio.timeout(self.deadlines.total_s):
                return await self._exchange(self.clients[least], body)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol) as error:
            return Reply(None, {}, b"", f"no connection{self.way}: {_text(error)}", sent=False)
        except TimeoutError as error:
            seconds = time.monotonic() - started
            return Reply(None, {}, b"", f"timeout after {seconds:.1f} s {error}".rstrip()[:200])
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            return Reply(None, {}, b"", f"connection lost{self.way}: {_text(error)}")
        finally:
            self.loads[least] -= 1

    async def _exchange(self, client: Any, body: bytes) -> Reply:
        url = f"{self.endpoint.address}/chat/completions"
        request = client.build_request("POST", url, content=body)
        try:
            async with asyncio.timeout(self.deadlines.first_byte_s):
                response = await client.send(request, stream=True)
        except TimeoutError:
            raise TimeoutError("(no first byte; teacher.first_byte_s)") from None
        try:
            raw = await self._read(response)
        finally:
            await response.aclose()
        raw = hide_in_body(raw, self.key)  # some servers quote the key that they refuse
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Reply(response.status_code, headers, raw)

    async def _read(self, response: Any) -> bytes:
        """The body, cut off at MOST_BYTES."""
        body = bytearray()
        chunks = response.aiter_bytes()
        while len(body) <= MOST_BYTES:
            try:
                async with asyncio.timeout(self.deadlines.idle_s):
                    chunk = await anext(chunks, None)
            except TimeoutError:
                raise TimeoutError("(no more bytes; teacher.idle_s)") from None
            if chunk is None:
                break
            body += chunk
        return bytes(body[:MOST_BYTES])


def _text(error: BaseException) -> str:
    return (str(error) or type(error).__name__)[:200]
