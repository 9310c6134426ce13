"""What of a request reaches the page: by its host, its size, its form, and in its turn."""

import asyncio
import json
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

HOSTS = ("127.0.0.1", "localhost", "::1")
CALLS = "/gradio_api/run/"  # the one door that takes anything; the page uses no other
MAX_CHARS = 20_000  # of an input: a student reads a few thousand at most, and cuts the rest
# bytes of a call: JSON may write a character as two escapes of six, and names stand around it
MAX_BODY = 12 * MAX_CHARS + 4_096
# bytes of a body that is refused: read on and dropped, since a browser whose connection ends while
# it still sends shows no reason
MAX_DROPPED = 64 * 2**20
WAITING = 16  # calls in all; the last of them waits for a few seconds
TOO_LONG = f"The input is too long: at most {MAX_CHARS:,} characters are answered."
OTHER_HOST = (
    "This page answers to 127.0.0.1 and localhost. For another name start it with --allow-host "
    "NAME."
)
BUSY = "Too many inputs are waiting. Try again in a moment."
ONE_AT_A_TIME = "The input before is still being answered. Try again in a moment."
SHOWN = 200  # of any other status Gradio's page says "Error" alone
PASSED_ON = ("data", "fn_index", "session_hash", "trigger_id")  # of a call


class RefusedError(Exception):
    """A request that is not let in: with status SHOWN its text stands in the page, as an answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Gate:
    """ASGI middleware.

    hosts: further names that the page answers to; to any other it does not, so that a web site
    whose name leads to this machine (DNS rebinding) cannot read it.
    functions: what the page may call, by number; how many examples it chooses from, 0: it is given
    a text.
    """

    def __init__(self, app: Any, hosts: Collection[str], functions: Mapping[int, int]) -> None:
        self.app = app
        self.hosts = {*HOSTS, *(host.lower() for host in hosts)}
        self.functions = functions
        self.sessions: set[str] = set()  # that have a call under way: one each, so that all come by
        self.turn = asyncio.Semaphore(1)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        try:
            if not self._is_own(scope):
                raise RefusedError(403, OTHER_HOST)
            if scope.get("method") in ("GET", "HEAD"):
                await self.app(scope, receive, send)
            elif scope.get("method") == "POST" and scope["path"].startswith(CALLS):
                await self._answer(scope, receive, send)
            else:
                raise RefusedError(404, "This page takes inputs alone.")
        except RefusedError as refused:
            await _refuse(scope, send, refused)

    def _is_own(self, scope: Any) -> bool:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1:
            return False
        try:
            return urlsplit(f"//{hosts[0].decode('latin-1')}").hostname in self.hosts
        except ValueError:
            return False

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        call = read_call(await _read_body(receive), self.functions)
        session = call["session_hash"]
        if session in self.sessions:
            raise RefusedError(SHOWN, ONE_AT_A_TIME)
        if len(self.sessions) >= WAITING:
            raise RefusedError(SHOWN, BUSY)

        body = json.dumps(call).encode()
        headers = [item for item in scope["headers"] if item[0] != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))

        async def receive_call() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        self.sessions.add(session)
        try:
            async with self.turn:
                await self.app({**scope, "headers": headers}, receive_call, send)
        finally:
            self.sessions.discard(session)


def read_call(body: bytes, functions: Mapping[int, int]) -> dict[str, Any]:
    """The parts of a call that are known.  RefusedError for one that is not of their form."""
    try:
        call = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(422, "A call must be JSON.") from error
    if not isinstance(call, dict) or not isinstance(call.setdefault("session_hash", ""), str):
        raise RefusedError(422, "A call must be a JSON object, its session_hash text.")
    function, data = call.get("fn_index"), call.get("data")
    if type(function) is not int or function not in functions:
        raise RefusedError(422, f"fn_index must be one of {', '.join(map(str, functions))}.")
    if not isinstance(data, list) or len(data) != 1:
        raise RefusedError(422, "data must be a list of one input.")
    _check_input(data[0], functions[function])
    return {name: call[name] for name in PASSED_ON if name in call}


def _check_input(text: Any, samples: int) -> None:
    if samples:
        if type(text) is not int or not 0 <= text < samples:
            raise RefusedError(422, f"data must name one of {samples} examples, the first is 0.")
        return
    if not isinstance(text, str):
        raise RefusedError(422, "The input must be text.")
    if len(text) > MAX_CHARS:
        raise RefusedError(SHOWN, TOO_LONG)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise RefusedError(
            422, "The input holds half a surrogate pair, which is no text."
        ) from error


async def _read_body(receive: Any) -> bytes:
    """Never more than MAX_BODY is held.  RefusedError for a longer one."""
    body, size = b"", 0
    while size < MAX_DROPPED:
        message = await receive()
        piece = message.get("body", b"")
        size += len(piece)
        if size <= MAX_BODY:
            body += piece
        if not message.get("more_body", False):
            break
    if size > MAX_BODY:
        raise RefusedError(SHOWN, TOO_LONG)
    return body


async def _refuse(scope: Any, send: Any, refused: RefusedError) -> None:
    if scope["type"] != "http":
        await send({"type": "websocket.close", "code": 1008})
        return
    answer: dict[str, Any] = {"error": str(refused)}
    if refused.status == SHOWN:
        answer["data"] = ["", str(refused)]
    body = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
