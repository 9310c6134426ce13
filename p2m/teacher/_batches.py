"""Batches at OpenAI: filled, submitted once whatever dies, polled, fetched.

A batch is put down in `<calls>/batches/<digest>.json` before it is submitted, under a digest that
goes along as metadata.  Whoever finds such a file without the batch's id asks the server whether it
has one of that digest: a kill before the receipt submits nothing twice.
"""

import asyncio
import hashlib
import json
import os
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from p2m import disk, network
from p2m.calls.endpoint import Call, Endpoint, Reply, encode
from p2m.calls.pace import backoff
from p2m.calls.retry import MOST_TRIES, decide, server_gone
from p2m.errors import ServiceError
from p2m.teacher import _gather
from p2m.teacher._gather import Waiting
from p2m.teacher._server import api_key
from p2m.text.secrets import hide_in_body

FILL_S = 2.0  # a batch is submitted when it is full or nothing came for so long
TAG = "p2m"
URL = "/v1/chat/completions"
ENDED = {"completed", "failed", "expired", "cancelled"}
TIMEOUT_S = 120.0  # of one request about a batch: its files are large
UNDONE = Reply(None, {}, b"", "the batch ended without this call", sent=False)


@dataclass
class Batch:
    """path: its file.  keys: of its calls.  server_id: None until the server said it."""

    path: Path
    keys: list[str]
    server_id: str | None = None
    replies: "asyncio.Task[Any] | None" = None


@dataclass
class Batches:
    """Over the Batch API.  unfinished: what earlier processes submitted, by calls' keys."""

    endpoint: Endpoint
    folder: Path
    api_key_env: str | None
    size: int
    poll_s: float
    client: Any = None
    key: str = field(default="", repr=False)
    waiting: "asyncio.Queue[Waiting]" = field(default_factory=asyncio.Queue)
    unfinished: dict[str, Batch] = field(default_factory=dict)
    tasks: "list[asyncio.Task[Any]]" = field(default_factory=list)

    async def open(self) -> None:
        import httpx2
        from openai import AsyncOpenAI

        self.key = api_key(self.api_key_env)
        options = network.client_options(self.endpoint.address)
        self.client = AsyncOpenAI(
            api_key=self.key or "none",
            base_url=self.endpoint.address,
            max_retries=0,
            timeout=TIMEOUT_S,
            http_client=httpx2.AsyncClient(timeout=TIMEOUT_S, **options),
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        batches = [self._load(path) for path in sorted(self.folder.glob("*.json"))]
        ours = [batch for batch in batches if batch is not None]
        await self._adopt([batch for batch in ours if batch.server_id is None])
        for batch in ours:
            if batch.server_id is not None:
                self.unfinished |= dict.fromkeys(batch.keys, batch)
        self._start(self._submit())

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.client is not None:
            await self.client.close()

    async def send(self, call: Call) -> Reply:
        key = call.entry.key
        batch = self.unfinished.pop(key, None)  # once: another try is another batch
        if batch is None:
            return await _gather.send(self.waiting, call)
        if batch.replies is None:
            batch.replies = self._start(self._fetch(batch))
        replies: dict[str, Reply] = await asyncio.shield(batch.replies)
        return replies.get(key, UNDONE)

    def _start(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = asyncio.create_task(work)
        self.tasks.append(task)
        return task

    # submitting

    async def _submit(self) -> None:
        while True:
            batch = await _gather.take(self.waiting, self.size, FILL_S)
            self._start(_gather.answer(batch, self._ask))

    async def _ask(self, calls: list[Call]) -> list[Reply]:
        replies = await self._fetch(await self._create(calls))
        return [replies.get(call.entry.key, UNDONE) for call in calls]

    async def _create(self, calls: list[Call]) -> Batch:
        # 1) put down which calls it holds
        data = b"".join(self._line(call) for call in calls)
        digest = hashlib.sha256(data + os.urandom(16)).hexdigest()[:32]
        batch = Batch(self.folder / f"{digest}.json", [call.entry.key for call in calls])
        self._save(batch)
        # 2) upload: a double does no harm
        file = (f"{digest}.jsonl", data)
        uploaded = await self._insist(lambda: self.client.files.create(file=file, purpose="batch"))
        # 3) submit, once, and put down its id
        batch.server_id = await self._submit_once(digest, uploaded.id)
        self._save(batch)
        return batch

    def _line(self, call: Call) -> bytes:
        body = self.endpoint.body(call.request, structured=call.structured)
        line = {"custom_id": call.entry.key, "method": "POST", "url": URL, "body": body}
        return encode(line) + b"\n"

    async def _submit_once(self, digest: str, file: str) -> str:
        """Asks before each try whether one before has arrived after all."""

        async def submit() -> str:
            known = (await self._list_ids()).get(digest)
            if known is not None:
                return known
            batch = await self.client.batches.create(
                completion_window="24h", endpoint=URL, input_file_id=file, metadata={TAG: digest}
            )
            return str(batch.id)

        return str(await self._insist(submit))

    # what the server has

    async def _adopt(self, unsubmitted: list[Batch]) -> None:
        """Gives each the id that the server has for its digest.

        What it has none for was never submitted.
        """
        if not unsubmitted:
            return
        ids = await self._insist(self._list_ids)
        for batch in unsubmitted:
            batch.server_id = ids.get(batch.path.stem)
            if batch.server_id is None:
                batch.path.unlink()
            else:
                self._save(batch)

    async def _list_ids(self) -> dict[str, str]:
        """The id of each batch of ours, by its digest."""
        ids = {}
        async for batch in self.client.batches.list(limit=100):
            if batch.metadata and TAG in batch.metadata:
                ids[batch.metadata[TAG]] = batch.id
        return ids

    async def _fetch(self, batch: Batch) -> dict[str, Reply]:
        """Waits for the batch's end; the replies by the keys of their calls."""
        state = await self._retrieve(batch)
        while state.status not in ENDED:
            await asyncio.sleep(self.poll_s)
            state = await self._retrieve(batch)
        if state.status == "failed":
            batch.path.unlink(missing_ok=True)
            errors = (state.errors.data if state.errors else None) or []
            reason = "; ".join(str(error.message) for error in errors) or "no reason given"
            raise ServiceError(
                f"{self.endpoint.address} refused the batch {batch.server_id} ({reason[:300]})."
                " Look at teacher.model and teacher.extra."
            )
        replies: dict[str, Reply] = {}
        for file in (state.output_file_id, state.error_file_id):
            if file:
                content = await self._insist(partial(self.client.files.content, file))
                for line in hide_in_body(content.content, self.key).split(b"\n"):
                    replies |= _read_line(line)
        return replies

    async def _retrieve(self, batch: Batch) -> Any:
        return await self._insist(lambda: self.client.batches.retrieve(batch.server_id))

    async def _insist(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        """What *ask* gives; tried again while the server is down.

        Only for what changes nothing, or whose double does no harm.
        """
        from openai import APIConnectionError, APIStatusError

        for tries in range(1, MOST_TRIES + 1):
            try:
                return await ask()
            except APIStatusError as error:
                headers = {name.lower(): value for name, value in error.response.headers.items()}
                body = hide_in_body(error.response.content, self.key)
                reply = Reply(error.status_code, headers, body)
                decision = decide(reply, self.endpoint)
                if decision.error is not None:
                    raise decision.error from None
                reason = decision.reason
            except APIConnectionError as error:
                reason = str(error)
            if tries < MOST_TRIES:
                await asyncio.sleep(backoff(tries, random.random()))
        raise server_gone(self.endpoint, reason[:200], MOST_TRIES)

    # its file

    def _load(self, path: Path) -> Batch | None:
        """None for a batch of another endpoint or model, and for what is no batch."""
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            place = (record["endpoint"], record["model"])
            batch = Batch(path, list(record["keys"]), record["batch"])
        except (ValueError, KeyError, TypeError):
            return None
        return batch if place == (self.endpoint.address, self.endpoint.model) else None

    def _save(self, batch: Batch) -> None:
        record = {
            "endpoint": self.endpoint.address,
            "model": self.endpoint.model,
            "batch": batch.server_id,
            "keys": batch.keys,
        }
        disk.write_text(batch.path, json.dumps(record))


def _read_line(line: bytes) -> dict[str, Reply]:
    """The reply in a line of an output or error file, by its call's key; else none."""
    try:
        record = json.loads(line)
        key, response = record["custom_id"], record["response"]
        if response is None:
            fault = f"not done: {record.get('error')}"[:200]
            return {key: Reply(None, {}, b"", fault, sent=False)}
        return {key: Reply(int(response["status_code"]), {}, encode(response["body"]))}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
