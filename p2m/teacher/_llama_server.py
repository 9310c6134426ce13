"""A llama.cpp server of our own: started on a free port, waited for, and ended with us."""

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from p2m import network
from p2m.calls.endpoint import Call, Endpoint, Reply
from p2m.errors import ServiceError, listed
from p2m.teacher._http import Deadlines, Http

CHILD = Path(__file__).with_name("_llama_child.py")
BINARY = "llama-server"
POLL_S = 0.05
START_S = 600.0  # 40 GB of weights from a slow disk
# an answer comes when it is whole: 1,300 tokens at one a second take less
DEADLINES = Deadlines(10.0, 3600.0, 60.0, 3600.0)
TAIL_LINES = 8  # of the server's log, where it died


def is_there() -> bool:
    return bool(shutil.which(BINARY) or find_spec("xllamacpp"))


@dataclass
class LlamaServer:
    """Transport to a server that lives as long as this is open.

    A llama-server on the path comes first: who has one built it for his machine.
    """

    endpoint: Endpoint
    model: Path
    threads: int
    tokens: int
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)
    log: IO[bytes] = field(default_factory=tempfile.TemporaryFile, init=False)
    http: Http = field(init=False)

    async def open(self) -> None:
        try:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            self.process = self._start(port)
            await self._wait(f"http://127.0.0.1:{port}")
            there = replace(self.endpoint, address=f"http://127.0.0.1:{port}/v1")
            self.http = Http(there, None, DEADLINES)
            await self.http.open()
        except BaseException:
            self._end()
            raise

    async def close(self) -> None:
        await self.http.close()
        self._end()

    async def send(self, call: Call) -> Reply:
        reply = await self.http.send(call)
        if reply.status is None:
            self._check()
        return reply

    def _start(self, port: int) -> "subprocess.Popen[bytes]":
        """To be called in the thread that lasts: the kernel ends the server with it."""
        slots = self.endpoint.concurrency
        numbers = (port, self.threads, self.tokens, slots)
        words = [os.getpid(), self.model.absolute(), *numbers, shutil.which(BINARY) or ""]
        ours = {name: v for name, v in os.environ.items() if not name.endswith("_API_KEY")}
        return subprocess.Popen(
            [sys.executable, "-P", CHILD, *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=self.log,
            stderr=self.log,
            env=ours | {"LLAMA_ARG_CACHE_RAM": "0"},
            start_new_session=True,  # Ctrl-C is for us: what is out may arrive
        )

    async def _wait(self, url: str) -> None:
        import httpx2

        deadline = time.monotonic() + START_S
        async with httpx2.AsyncClient(timeout=5.0, **network.client_options(url)) as client:
            while time.monotonic() < deadline:
                try:
                    response = await client.get(f"{url}/health")
                    is_up = response.status_code == 200
                except httpx2.HTTPError:
                    is_up = False
                self._check()  # else what answered is somebody else
                if is_up:
                    return
                await asyncio.sleep(POLL_S)
        raise ServiceError(f"teacher: llama.cpp did not load {self.model} in {START_S:.0f} s")

    def _check(self) -> None:
        """ServiceError with the end of its log where the server is gone."""
        code = self.process.poll() if self.process else None
        if code is None:
            return
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").strip().split("\n")[-TAIL_LINES:]
        message = (
            f"teacher: the server of {self.model.name} ended (exit code {code}; -9 means that"
            " memory ran out, or somebody killed it). All answers are kept; the same command goes"
            " on from here. Its last lines:"
        )
        raise ServiceError(listed(message, lines))

    def _end(self) -> None:
        if self.process is not None:
            with self.process:  # closes its pipe, and waits
                self.process.kill()  # it keeps nothing
        self.log.close()
