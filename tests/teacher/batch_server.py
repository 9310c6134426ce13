"""A stand-in for OpenAI's files and batches, in a thread; what it was asked is on its lists."""

import contextlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.calls.doubles import good


class Shop:
    """answer(body) -> (status, body) of one line of a batch.  A batch is done after `looks` looks
    at it, and ends as `status` says."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.looks, self.status, self.slow_s = 2, "completed", 0.0
        self.refuse: tuple[int, dict[str, Any]] | None = None
        self.answer: Callable[[dict[str, Any]], tuple[int, Any]] = lambda body: (
            200,
            json.loads(good().body),
        )

    def upload(self, raw: bytes) -> dict[str, Any]:
        content = re.search(rb'name="file".*?\r\n\r\n(.*?)\r\n--', raw, re.DOTALL)
        assert content is not None
        name = f"file-{len(self.files)}"
        self.files[name] = content[1]
        return {
            "id": name,
            "object": "file",
            "bytes": 1,
            "created_at": 1,
            "filename": "x",
            "purpose": "batch",
            "status": "processed",
        }

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = f"batch-{len(self.batches)}"
        self.batches[name] = asked | {
            "id": name,
            "object": "batch",
            "created_at": 1,
            "status": "in_progress",
            "seen": 0,
        }
        time.sleep(self.slow_s)
        return self.batches[name]

    def look(self, name: str) -> dict[str, Any]:
        batch = self.batches[name]
        batch["seen"] += 1
        if batch["seen"] >= self.looks and batch["status"] == "in_progress":
            batch["status"] = self.status
            if self.status == "failed":
                batch["errors"] = {
                    "object": "list",
                    "data": [{"message": "model not found", "code": "x"}],
                }
            else:
                batch["output_file_id"] = f"{name}-out"
                self.files[f"{name}-out"] = b"".join(self._lines(batch))
        return batch

    def _lines(self, batch: dict[str, Any]) -> Iterator[bytes]:
        lines = self.files[batch["input_file_id"]].splitlines()
        for line in lines if self.status == "completed" else lines[: (len(lines) + 1) // 2]:
            asked = json.loads(line)
            status, body = self.answer(asked["body"])
            record = {
                "custom_id": asked["custom_id"],
                "response": {"status_code": status, "body": body},
                "error": None,
            }
            yield json.dumps(record).encode() + b"\n"


def _handler(shop: Shop) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            if shop.refuse is not None:
                self._send(shop.refuse[0], json.dumps({"error": shop.refuse[1]}).encode())
            elif self.path == "/v1/files":
                self._send(200, json.dumps(shop.upload(raw)).encode())
            else:
                self._send(200, json.dumps(shop.create(json.loads(raw))).encode())

        def do_GET(self) -> None:
            path = self.path.partition("?")[0].split("/")
            if path[2] == "files":
                self._send(200, shop.files[path[3]])
            elif len(path) == 4:
                self._send(200, json.dumps(shop.look(path[3])).encode())
            else:
                self._send(
                    200,
                    json.dumps(
                        {"object": "list", "data": list(shop.batches.values()), "has_more": False}
                    ).encode(),
                )

        def _send(self, status: int, body: bytes) -> None:
            with contextlib.suppress(ConnectionError):
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    return Handler


@contextlib.contextmanager
def serving(shop: Shop) -> Iterator[str]:
    """The base_url."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(shop))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
