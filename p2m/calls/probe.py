"""Whether an endpoint keeps to a JSON schema that it is sent: servers that ignore it say nothing.

Asked once, and put down in the ledger.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any

from p2m.calls.endpoint import Call, Endpoint
from p2m.calls.ledger import Writer
from p2m.calls.retry import RefusedError
from p2m.stages import Answer, Meter, Request

TRAIT = "response_format.json_schema"
QUESTION = "Say hello in one short sentence, in plain words. Do not write JSON."
PROBE = Request(
    messages=({"role": "user", "content": QUESTION},),
    temperature=0.0,
    max_tokens=400,  # room for a model that thinks first
    schema={
        "title": "probe",
        "type": "object",
        # nobody says this unless made to
        "properties": {"colour": {"type": "string", "enum": ["violet-7"]}},
        "required": ["colour"],
        "additionalProperties": False,
    },
)
UNSUPPORTED = {400, 404, 415, 422, 500, 501}


class SchemaProbe:
    """answer: asks the endpoint."""

    def __init__(
        self,
        endpoint: Endpoint,
        answer: Callable[[Call], Awaitable[Answer]],
        writer: Writer,
        meter: Meter,
    ) -> None:
        self._endpoint = endpoint
        self._answer = answer
        self._writer = writer
        self._meter = meter
        self._task: asyncio.Task[bool] | None = None

    async def keeps_schema(self) -> bool:
        """As the settings say, or as the endpoint showed.

        The first to ask probes, everybody else waits for it.
        """
        if self._endpoint.structured != "probe":
            return self._endpoint.structured == "always"
        if self._task is None:
            self._task = asyncio.create_task(self._remember())
        return await asyncio.shield(self._task)

    async def _remember(self) -> bool:
        place = (self._endpoint.address, self._endpoint.model, TRAIT)
        value = await self._writer.commit(lambda db: _read_trait(db, place))
        if value is None:
            value = await self._probe()
            if value is not None:
                await self._writer.commit(lambda db: _write_trait(db, place, value))
        return bool(value == "yes")

    async def _probe(self) -> str | None:
        """yes, no, or None where the answer does not tell."""
        entry = self._endpoint.entry(PROBE)
        call = Call(PROBE, entry, Future(), ordinal=-1, structured=True)
        try:
            answer = await self._answer(call)
        except RefusedError as error:
            if error.status in UNSUPPORTED:
                return "no"
            raise
        self._meter.add(answer.usd, answer.fresh)
        return {"ok": "yes", "invalid": "no", "refusal": "no"}.get(answer.outcome)


def _read_trait(db: sqlite3.Connection, place: tuple[str, str, str]) -> Any:
    query = "SELECT value FROM traits WHERE endpoint=? AND model=? AND trait=?"
    row = db.execute(query, place).fetchone()
    return row[0] if row else None


def _write_trait(db: sqlite3.Connection, place: tuple[str, str, str], value: str) -> None:
    db.execute("INSERT OR REPLACE INTO traits VALUES(?,?,?,?)", (*place, value))
