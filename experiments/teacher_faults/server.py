"""An OpenAI-compatible server that misbehaves on purpose, and keeps an append-only bill that it
writes before it replies.

Which fault a request meets hangs on the seed, the prompt and how often this prompt was asked: the
same run can be played again.
    python server.py --bill bill.jsonl --rate 0.3 --latency 0.01        prints its port
"""

import argparse
import asyncio
import contextlib
import email.utils
import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MODEL = "fault-1"
BUSY = b'{"error": {"code": "rate_limit_exceeded", "message": "slow down"}}'
LIMITS: dict[str, Callable[[], dict[str, str]]] = {
    "429_seconds": lambda: {"retry-after": "0"},
    "429_fraction": lambda: {"retry-after": "0.05"},
    "429_ms": lambda: {"retry-after-ms": "40", "retry-after": "1"},
    "429_date": lambda: {"retry-after": email.utils.formatdate(time.time(), usegmt=True)},
    "429_duration": lambda: {"retry-after": "30ms"},
    "429_garbage": lambda: {"retry-after": "in a while"},
    "429_negative": lambda: {"retry-after": "-7"},
    "429_nothing": dict,
}
DOWN: dict[str, tuple[int, bytes, bool]] = {  # status, body, billed
    "500": (500, b'{"error": {"message": "internal error"}}', False),
    "500_billed": (500, b'{"error": {"message": "internal error"}}', True),
    "503_html": (503, b"<html><body><h1>503 Service Unavailable</h1></body></html>", False),
    "502_empty": (502, b"", False),
}
CUT: dict[str, tuple[str, bool]] = {  # what happens to the connection, billed
    "hang": ("hang", False),
    "hang_billed": ("hang", True),
    "reset": ("reset", False),
    "reset_billed": ("reset", True),
    "half_body_billed": ("half", True),
}
FATAL: dict[str, tuple[int, dict[str, Any]]] = {
    "400": (400, {"code": "unsupported_parameter", "message": "Unsupported parameter: 'top_p'"}),
    "401": (401, {"code": "invalid_api_key", "message": "Incorrect API key provided"}),
    "403": (403, {"code": "forbidden", "message": "no access to this model"}),
    "404": (404, {"code": "model_not_found", "message": "The model does not exist"}),
    "quota": (429, {"code": "insufficient_quota", "message": "You exceeded your current quota"}),
}
CONTENT: dict[
    str, Callable[[str, str], Any]
] = {  # (good answer, prompt) -> what stands in its place
    "truncated_json": lambda good, prompt: good[: len(good) // 3],
    "invalid_json": lambda good, prompt: good.replace(":", " = "),
    "deep_json": lambda good, prompt: "[" * 5000 + "]" * 5000,
    "nan": lambda good, prompt: '{"examples": [{"input": NaN, "output": "b"}]}',
    "huge_number": lambda good, prompt: (
        '{"examples": [{"input": 1e999, "output": ' + "9" * 6000 + "}]}"
    ),
    "duplicate_key": lambda good, prompt: '{"examples": [], "examples": []}',
    "null_content": lambda good, prompt: None,
    "empty_content": lambda good, prompt: " \n",
    "surrogates": lambda good, prompt: good.replace("in", "\ud83d"),
    "refusal": lambda good, prompt: "I'm sorry, but I can't help with that request.",
    "wrong_language": lambda good, prompt: json.dumps(
        {"examples": [{"input": "这是一个完全不同的语言的例子", "output": "它不是我们要的"}]}
    ),
    "echo": lambda good, prompt: prompt,
    "fenced": lambda good, prompt: f"Sure, here you are:\n```json\n{good}\n```\nDo you need more?",
}
ENVELOPE = (
    "no_choices",
    "filter",
    "length",
    "huge_body",
    "drip",
    "wrong_model",
    "no_usage",
    "not_json",
    "two_choices",
    "error_in_200",
)
MILD = (*LIMITS, *DOWN, *CUT, *CONTENT, *ENVELOPE)
USABLE = {"", "fenced", "drip", "no_usage", "two_choices"}  # faults whose answer is still good


@dataclass
class Shop:
    """One server's settings, and what it has billed."""

    bill: int
    seed: int
    rate: float
    latency: float
    faults: tuple[str, ...]
    fatal: str
    fatal_after: int
    asked: Counter[str] = field(default_factory=Counter)
    served: int = 0
    out: int = 0

    def fault(self, prompt: str, attempt: int) -> str:
        self.served += 1
        if self.fatal and self.served > self.fatal_after:
            return self.fatal
        digest = hashlib.sha256(f"{self.seed}/{prompt}/{attempt}".encode()).digest()
        if int.from_bytes(digest[:4], "big") / 2**32 >= self.rate:
            return ""
        return self.faults[int.from_bytes(digest[4:8], "big") % len(self.faults)]

    def charge(
        self, prompt: str, attempt: int, fault: str, body: bytes, wrote: int
    ) -> dict[str, int]:
        """Puts the charge down before anything is sent.  Input is counted as a tokenizer does,
        about four bytes each."""
        usage = {"prompt_tokens": len(prompt.encode()) // 4 + 8, "completion_tokens": wrote}
        line = {
            "prompt": _digest(prompt),
            "attempt": attempt,
            "fault": fault,
            "body": len(body),
            "out": self.out,
            **usage,
        }
        self.note(line)
        return usage

    def note(self, line: dict[str, Any]) -> None:
        os.write(self.bill, (json.dumps(line) + "\n").encode())


class Line(asyncio.Protocol):
    """One connection: requests come one after another and are answered in order."""

    def __init__(self, shop: Shop) -> None:
        self.shop, self.buffer = shop, b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, mark, rest = self.buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        lengths = [
            part.split(b":")[1]
            for part in head.lower().split(b"\r\n")
            if part.startswith(b"content-length:")
        ]
        size = int(lengths[0]) if lengths else 0
        if len(rest) >= size:
            self.buffer = rest[size:]
            self.task = asyncio.ensure_future(self.answer(rest[:size]))

    async def answer(self, body: bytes) -> None:
        self.shop.out += 1
        try:
            with contextlib.suppress(ConnectionError):
                await self._answer(body)
        finally:
            self.shop.out -= 1

    async def _answer(self, body: bytes) -> None:
        asked = json.loads(body)
        prompt = "\n".join(message["content"] for message in asked["messages"])
        attempt = self.shop.asked[prompt]
        self.shop.asked[prompt] += 1
        fault = self.shop.fault(prompt, attempt)
        await asyncio.sleep(self.shop.latency)
        if fault in FATAL:
            status, error = FATAL[fault]
            self.shop.note({"fault": fault})
            self.reply(status, json.dumps({"error": error}).encode())
        elif fault in LIMITS:
            self.reply(429, BUSY, LIMITS[fault]())
        elif fault in DOWN:
            status, said, billed = DOWN[fault]
            if billed:
                self.shop.charge(prompt, attempt, fault, body, asked_tokens(asked))
            self.reply(status, said, {"retry-after-ms": "20"})
        elif fault in CUT:
            await self.cut(prompt, attempt, fault, body, asked)
        else:
            await self.complete(prompt, attempt, fault, body, asked)

    async def cut(
        self, prompt: str, attempt: int, fault: str, body: bytes, asked: dict[str, Any]
    ) -> None:
        how, billed = CUT[fault]
        if billed:
            self.shop.charge(prompt, attempt, fault, body, asked_tokens(asked))
        if how == "hang":
            await asyncio.sleep(3600)
        if how == "half":
            self.transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n"
                b'{"choices": ['
            )
        self.transport.abort() if how == "reset" else self.transport.close()

    async def complete(
        self, prompt: str, attempt: int, fault: str, body: bytes, asked: dict[str, Any]
    ) -> None:
        good = answer_to(prompt, self.shop.seed)
        text = CONTENT[fault](good, prompt) if fault in CONTENT else good
        wrote = min(asked_tokens(asked), len(text or "") // 4 + 1)
        usage = self.shop.charge(prompt, attempt, fault, body, wrote)
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop",
        }
        envelope = {
            "id": "x",
            "object": "chat.completion",
            "model": MODEL,
            "choices": [choice],
            "usage": usage,
        }
        if fault in ENVELOPE:
            bent(envelope, fault)
        raw = b"<html>" if fault == "not_json" else json.dumps(envelope).encode()
        if fault == "drip":
            await self.drip(raw)
        else:
            self.reply(200, raw)

    async def drip(self, raw: bytes) -> None:
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
            % len(raw)
        )
        for start in range(0, len(raw), 64):
            self.transport.write(raw[start : start + 64])
            await asyncio.sleep(0.005)

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = (
            f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: "
            f"{len(body)}\r\n{more}\r\n"
        )
        self.transport.write(head.encode() + body)


def bent(envelope: dict[str, Any], fault: str) -> None:
    choice = envelope["choices"][0]
    if fault == "no_choices":
        envelope["choices"] = []
    elif fault in {"filter", "length"}:
        choice["finish_reason"] = {"filter": "content_filter", "length": "length"}[fault]
    elif fault == "huge_body":
        choice["message"]["content"] = "x" * (20 << 20)
    elif fault == "wrong_model":
        envelope["model"] = "cheap-0"
    elif fault == "no_usage":
        del envelope["usage"]
    elif fault == "two_choices":
        envelope["choices"] = [choice, dict(choice, index=1)]
    elif fault == "error_in_200":
        del envelope["choices"], envelope["usage"]
        envelope["error"] = {"code": 502, "message": "upstream failed"}


def answer_to(prompt: str, seed: int) -> str:
    digest = _digest(f"{seed}/{prompt}")
    return json.dumps(
        {
            "examples": [
                {"input": f"in {digest[i : i + 12]} {digest}", "output": digest[i:]}
                for i in range(3)
            ]
        }
    )


def asked_tokens(asked: dict[str, Any]) -> int:
    return int(asked.get("max_tokens") or asked.get("max_completion_tokens") or 16)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def serve(options: argparse.Namespace) -> None:
    bill = os.open(options.bill, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    faults = tuple(options.faults.split(",")) if options.faults else MILD
    shop = Shop(
        bill,
        options.seed,
        options.rate,
        options.latency,
        faults,
        options.fatal,
        options.fatal_after,
    )
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Line(shop), "127.0.0.1", options.port, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bill", required=True, help="file that charges are appended to")
    parser.add_argument("--port", type=int, default=0, help="0: any free one, which is printed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--rate", type=float, default=0.0, help="share of requests that meet a fault"
    )
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each reply")
    parser.add_argument(
        "--faults", default="", help=f"which ones, with commas; of {', '.join(MILD)}"
    )
    parser.add_argument(
        "--fatal",
        choices=["", *FATAL],
        default="",
        help="what every request meets after --fatal-after",
    )
    parser.add_argument("--fatal-after", type=int, default=0)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
