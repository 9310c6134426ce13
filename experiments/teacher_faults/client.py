"""One process that asks the fault server N questions through p2m's teacher, and puts down each
answer as it is acknowledged.

python client.py '{"port": 8000, "folder": "ledger", "n": 100, ...}'        prints one JSON line at
its end
"""

import contextlib
import json
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from p2m.calls.budget import Budget
from p2m.calls.endpoint import Endpoint
from p2m.calls.prices import Price
from p2m.calls.session import Session
from p2m.errors import UserError
from p2m.stages import Answer, Bar, Request, Work
from p2m.teacher._http import Deadlines, Http
from p2m.teacher.openai import OpenAI

PRICE = Price(input=1.0, output=4.0)
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
SYSTEM = (
    "You write examples for a small model that learns one task. Answer with JSON of the form "
    "that was asked for, and nothing else. "
) * 4


class Silent:
    def advance(self, n: float = 1) -> None: ...
    def note(self, text: str) -> None: ...


@contextlib.contextmanager
def bar(total: float | None, unit: str) -> Iterator[Bar]:
    yield Silent()


def teacher(**settings: Any) -> OpenAI:
    told: dict[str, Any] = {
        "model": "fault-1",
        "api_key_env": None,
        "price": PRICE,
        "free": False,
        "extra": {},
        "tokens_field": "max_tokens",
        "structured": "never",
        "concurrency": 8,
        "requests_per_minute": None,
        "tokens_per_minute": None,
        "connect_s": 5.0,
        "first_byte_s": 1.0,
        "idle_s": 1.0,
        "total_s": 10.0,
    }
    return OpenAI(**(told | settings))


def question(i: int, start: int = 0) -> Request:
    user = (
        f"Write three more examples, unlike those before. This is question {i + start}. "
        f"Instruction: name the colour of a thing."
    )
    return Request(
        ({"role": "system", "content": SYSTEM}, {"role": "user", "content": user}), 0.7, 300, SCHEMA
    )


def cramped(it: OpenAI, work: Work, pages: int) -> Session:
    """A session whose ledger must not grow beyond *pages* pages: a disk that is full."""
    endpoint = Endpoint(it.base_url, it.model, it.concurrency, PRICE)
    return Session(
        endpoint, Http(endpoint, None, Deadlines(5, 5, 5, 10)), work, it.budget, it.calls, pages
    )


def _name(text: str) -> str:
    """The digest that the server put into its answer, by which a trace knows it again."""
    with contextlib.suppress(ValueError, KeyError, TypeError, IndexError):
        return str(json.loads(text)["examples"][0]["output"])
    return "-"


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Asks questions start .. start + n; `log`: a file for what was acknowledged; `out`: one for
    the usable answers in order."""
    caps = Budget(job.get("max_usd"), job.get("max_calls"), None, 0)
    folder = Path(job["folder"])
    it = teacher(
        base_url=f"http://127.0.0.1:{job['port']}/v1",
        calls=folder / "calls",
        budget=caps,
        **job.get("settings", {}),
    )
    work = Work(
        folder, "generator", str(job.get("run", os.getpid())), job.get("account", "prompt"), bar
    )
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND) if job.get("log") else None
    texts, error, ahead = (
        [],
        None,
        job.get("ahead", 300),
    )  # requests submitted before the first answer is read
    started = time.monotonic()
    with it.session(work) if not job.get("pages") else cramped(it, work, job["pages"]) as session:
        out: deque[Future[Answer]] = deque()
        for i in range(job["n"] + ahead):
            if i < job["n"]:
                out.append(session.submit(question(i, job.get("start", 0))))
            if i < ahead or not out:
                continue
            try:
                answer = out.popleft().result()
            except UserError as caught:
                error = caught
                continue
            texts.append(answer.text if answer.outcome == "ok" else f"<{answer.outcome}>")
            if log is not None:
                os.write(log, f"{answer.key} {_name(answer.text)}\n".encode())
    seconds = time.monotonic() - started
    if job.get("out"):
        Path(job["out"]).write_text(json.dumps(texts, indent=1), encoding="utf-8")
    return {
        "answers": len(texts),
        "fresh": work.meter.paid_calls,
        "usd": work.meter.usd,
        "paid_usd": work.meter.paid_usd,
        "seconds": seconds,
        "outcomes": dict(session.health.outcomes),
        "code": getattr(error, "code", 0),
        "error": str(error) if error else "",
    }


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.argv[1]))))
