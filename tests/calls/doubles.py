"""What the tests of the teacher share: a transport that answers from a list, and work to do it
for."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from p2m.calls.budget import Budget
from p2m.calls.endpoint import Call, Endpoint, Reply, reply_with
from p2m.calls.ledger import open_ledger
from p2m.calls.prices import Price
from p2m.calls.session import Session
from p2m.stages import Request, Work
from tests.doubles import QuietBar

DOLLAR = Price(1, 1)
NO_CAPS = Budget(None, None, None, 0)
GOOD = json.dumps({"examples": [{"input": "a", "output": "b"}]})
SCHEMA = {
    "title": "examples",
    "type": "object",
    "properties": {
        "examples": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"input": {"type": "string"}, "output": {"type": "string"}},
                "required": ["input", "output"],
            },
        }
    },
    "required": ["examples"],
}


def work(folder: Path, account: str = "prompt-1", run: str = "run-1") -> Work:
    return Work(folder, "generator", run, account, QuietBar())


def ask(i: int, **more: Any) -> Request:
    return Request(({"role": "user", "content": f"question {i}"},), 0.7, 100, **more)


def endpoint(concurrency: int = 4, price: Price = DOLLAR, **more: Any) -> Endpoint:
    return Endpoint("http://model.test/v1", "large", concurrency, price, **more)


@dataclass
class FakeTransport:
    """A transport that replies as told: reply(number of the send) -> Reply.  It keeps every body it
    was sent."""

    reply: Callable[[int], Reply]
    seconds: float = 0.0
    sent: list[Call] = field(default_factory=list)

    async def open(self) -> None: ...
    async def close(self) -> None: ...

    async def send(self, call: Call) -> Reply:
        self.sent.append(call)
        number = len(self.sent) - 1
        await asyncio.sleep(self.seconds)
        return self.reply(number)


def good(text: str = GOOD, tokens: tuple[int, int] = (10, 20)) -> Reply:
    return reply_with(text, "large", *tokens)


def make_session(
    folder: Path,
    transport: Any,
    *,
    caps: Budget = NO_CAPS,
    account: str = "prompt-1",
    run: str = "run-1",
    pages: int | None = None,
    **more: Any,
) -> Session:
    surroundings = work(folder, account, run)
    return Session(endpoint(**more), transport, surroundings, caps, folder / "calls", pages)


def query(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows of the ledger in *folder*."""
    with open_ledger(folder) as db:
        return db.execute(sql).fetchall()
