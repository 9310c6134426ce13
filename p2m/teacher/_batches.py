"""Batches at OpenAI: filled, submitted once whatever dies, polled, fetched.

A batch is put down in `<calls>/batches/<digest>.json` before it is submitted, under a digest that goes along as metadata.  Whoever finds
such a file without the batch's id asks the server whether it has one of that digest: a kill before the receipt submits nothing twice.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from p2m.calls.endpoint import Call, Endpoint, Reply, encoded
from p2m.calls.pace import backoff
from p2m.calls.retry import MOST_TRIES, decide, gone
from p2m.errors import ServiceError
from p2m.teacher._http import api_key

FILL_S = 2.0  # a batch is submitted when it is full or nothing came for so long
TAG = "p2m"
ENDED = {"completed", "failed", "expired", "cancelled"}
TIMEOUT_S = 120.0  # of one request about a batch: its files are large


@dataclass
class Batch:
    """path: its file.  keys: of its calls.  server_id: None until the server said it."""

    path: Path
    keys: list[str]
    server_id: str | None = None
    fetched: "asyncio.Task[dict[str, Reply]] | None" = None


@dataclass
class Batches:
    """Transport over the Batch API."""

    endpoint: Endpoint
    folder: Path
    api_key_env: str | None
    size: int
    poll_s: float
    client: Any = None
    known: dict[str, Batch] = field(default_factory=dict)
    filling: list[tuple[Call, "asyncio.Future[Batch]"]] = field(default_factory=list)
    filler: "asyncio.Task[None] | None" = None
    submitting: "list[asyncio.Task[None]]" = field(default_factory=list)

    async def open(self) -> None:
        from openai import AsyncOpenAI

        self.client = AsyncOpenAI(
            api_key=api_key(self.api_key_env) or "none",
            base_url=self.endpoint.address,
            max_retries=0,
            timeout=TIMEOUT_S,
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        found = [
            batch for path in sorted(self.folder.glob("*.json")) if (batch := self._read(path))
        ]
        if any(batch.server_id is None for batch in found):
            await self._adopt(found)
        self.known = {key: batch for batch in found if batch.server_id for key in batch.keys}

    async def close(self) -> None:
        fetching = {batch.path: batch.fetched for batch in self.known.values()}.values()
        tasks = [task for task in (self.filler, *self.submitting, *fetching) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self.client is not None:
            await self.client.close()

    async def send(self, call: Call) -> Reply:
        key = call.entry.key
        batch = self.known.get(key) or await self._joined(call)
        if batch.fetched is None:
            batch.fetched = asyncio.create_task(self._fetched(batch))
        replies = await asyncio.shield(batch.fetched)
        reply = replies.get(key) or Reply(
            None, {}, b"", "the batch ended without this call", sent=False
        )
        if reply.status is None or not 200 <= reply.status < 300:
            self.known.pop(key, None)  # another try is another batch
        return reply

    # ---- filling ----

    async def _joined(self, call: Call) -> Batch:
        done: asyncio.Future[Batch] = asyncio.get_running_loop().create_future()
        self.filling.append((call, done))
        if self.filler is not None and not self.filler.done():
            self.filler.cancel()
        self.filler = asyncio.create_task(self._when_full())
        return await done

    async def _when_full(self) -> None:
        """Submits at once if full, else after FILL_S, unless another call comes and starts the wait anew."""
        if len(self.filling) < self.size:
            await asyncio.sleep(FILL_S)
        self.filler = None  # from here on, a newcomer must not cancel this task
        while self.filling:
            group, self.filling = self.filling[: self.size], self.filling[self.size :]
            self.submitting.append(asyncio.create_task(self._submit(group)))

    async def _submit(self, group: list[tuple[Call, "asyncio.Future[Batch]"]]) -> None:
        try:
            batch = await self._submitted([call for call, _ in group])
        except Exception as error:
            for _, done in group:
                done.set_exception(error)
            return
        for call, done in group:
            self.known[call.entry.key] = batch
            if not done.done():
                done.set_result(batch)

    async def _submitted(self, calls: list[Call]) -> Batch:
        lines = [
            {
                "custom_id": c.entry.key,
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": self.endpoint.body(c.request, structured=c.structured),
            }
            for c in calls
        ]
        data = b"".join(encoded(line) + b"\n" for line in lines)
        digest = hashlib.sha256(data + os.urandom(16)).hexdigest()[:32]
        batch = Batch(self.folder / f"{digest}.json", [c.entry.key for c in calls])
        self._write(batch)
        uploaded = await self._insisted(
            lambda: self.client.files.create(file=(f"{digest}.jsonl", data), purpose="batch")
        )
        batch.server_id = await self._created(digest, uploaded.id)
        self._write(batch)
        return batch

    async def _created(self, digest: str, file: str) -> str:
        """Asks before each further try whether the one before has arrived after all."""
        for tries in range(1, MOST_TRIES + 1):
            try:
                made = await self.client.batches.create(
                    completion_window="24h",
                    endpoint="/v1/chat/completions",
                    input_file_id=file,
                    metadata={TAG: digest},
                )
                return str(made.id)
            except Exception as error:
                await self._pass_or_raise(error, tries)
            if known := (await self._tagged()).get(digest):
                return known
        raise AssertionError("the last try raises")

    # ---- what the server has ----

    async def _adopt(self, found: list[Batch]) -> None:
        """Gives batches without an id the one that the server has for their digest; what it has none for was never submitted."""
        tagged = await self._tagged()
        for batch in found:
            if batch.server_id is None:
                batch.server_id = tagged.get(batch.path.stem)
                self._write(batch) if batch.server_id else batch.path.unlink()

    async def _tagged(self) -> dict[str, str]:
        async def all_of_them() -> dict[str, str]:
            return {
                b.metadata[TAG]: b.id
                async for b in self.client.batches.list(limit=100)
                if b.metadata and TAG in b.metadata
            }

        return dict(await self._insisted(all_of_them))

    async def _fetched(self, batch: Batch) -> dict[str, Reply]:
        while True:
            state = await self._insisted(lambda: self.client.batches.retrieve(batch.server_id))
            if state.status in ENDED:
                break
            await asyncio.sleep(self.poll_s)
        if state.status == "failed":
            said = (
                "; ".join(
                    str(e.message)
                    for e in (state.errors.data if state.errors and state.errors.data else [])
                )
                or "no reason given"
            )
            batch.path.unlink(missing_ok=True)
            raise ServiceError(
                f"{self.endpoint.address} refused the batch {batch.server_id} ({said[:300]}). Look at teacher.model and teacher.extra."
            )
        replies: dict[str, Reply] = {}
        for file in filter(None, (state.output_file_id, state.error_file_id)):
            content = await self._insisted(lambda file=file: self.client.files.content(file))
            replies |= {
                key: reply
                for line in content.content.split(b"\n")
                if line.strip()
                for key, reply in _replies(line)
            }
        return replies

    async def _insisted(self, ask: Any) -> Any:
        """What *ask* gives; tried again while the server is down.  Only for requests that change nothing, or whose double does no harm."""
        for tries in range(1, MOST_TRIES + 1):
            try:
                return await ask()
            except Exception as error:
                await self._pass_or_raise(error, tries)
        raise AssertionError("the last try raises")

    async def _pass_or_raise(self, error: Exception, tries: int) -> None:
        from openai import APIConnectionError, APIStatusError

        if isinstance(error, APIStatusError):
            headers = {name.lower(): value for name, value in error.response.headers.items()}
            said = decide(Reply(error.status_code, headers, error.response.content), self.endpoint)
            if said.error is not None:
                raise said.error from None
        elif not isinstance(error, APIConnectionError):
            raise error
        if tries >= MOST_TRIES:
            raise gone(self.endpoint, str(error)[:200], tries)
        await asyncio.sleep(backoff(tries, random.random()))

    # ---- its file ----

    def _read(self, path: Path) -> Batch | None:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            record = json.loads(path.read_text(encoding="utf-8"))
            if (record["endpoint"], record["model"]) == (
                self.endpoint.address,
                self.endpoint.model,
            ):
                return Batch(path, list(record["keys"]), record["batch"])
        return None

    def _write(self, batch: Batch) -> None:
        """Whole or not at all, and on disk before the next step."""
        record = {
            "endpoint": self.endpoint.address,
            "model": self.endpoint.model,
            "batch": batch.server_id,
            "keys": batch.keys,
        }
        part = batch.path.with_suffix(".part")
        with part.open("w", encoding="utf-8") as file:
            json.dump(record, file)
            file.flush()
            os.fsync(file.fileno())
        part.rename(batch.path)
        handle = os.open(self.folder, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def _replies(line: bytes) -> list[tuple[str, Reply]]:
    """The key and reply that a line of an output or error file holds; nothing for a line that is none."""
    with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
        record = json.loads(line)
        key, response = record["custom_id"], record["response"]
        if response is None:
            return [
                (key, Reply(None, {}, b"", f"not done: {record.get('error')}"[:200], sent=False))
            ]
        return [(key, Reply(int(response["status_code"]), {}, encoded(response["body"])))]
    return []
