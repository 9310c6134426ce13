"""Whether an endpoint keeps to a JSON schema that it is sent: asked once, so that a server which ignores it answers otherwise."""

import asyncio
import sqlite3
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from p2m.calls.endpoint import Call
from p2m.calls.retry import RefusedError
from p2m.stages import Request

if TYPE_CHECKING:
    from p2m.calls.session import Session

TRAIT = "response_format.json_schema"
PROBE = Request(
    messages=(
        {
            "role": "user",
            "content": "Say hello in one short sentence, in plain words. Do not write JSON.",
        },
    ),
    temperature=0.0,
    max_tokens=400,  # room for a model that thinks first
    schema={
        "title": "probe",
        "type": "object",
        "properties": {
            "colour": {"type": "string", "enum": ["violet-7"]}
        },  # nobody says this unless made to
        "required": ["colour"],
        "additionalProperties": False,
    },
)
UNSUPPORTED = {400, 404, 415, 422, 500, 501}


async def honoured(session: "Session") -> bool:
    """As the line says, or as the endpoint showed: the first to ask probes, everybody else waits for it."""
    if session.endpoint.structured != "probe":
        return session.endpoint.structured == "always"
    if session.structured is None:
        session.structured = asyncio.create_task(_remembered(session))
    return bool(await asyncio.shield(session.structured))


async def _remembered(session: "Session") -> bool:
    place = (session.endpoint.address, session.endpoint.model, TRAIT)
    known = await session.do(lambda db: _trait(db, place))
    if known is None:
        known = await _probed(session)
        if known is not None:
            value = known
            await session.do(
                lambda db: db.execute(
                    "INSERT OR REPLACE INTO traits VALUES(?,?,?,?)", (*place, value)
                )
            )
    return bool(known == "yes")


def _trait(db: sqlite3.Connection, place: tuple[str, str, str]) -> Any:
    row = db.execute(
        "SELECT value FROM traits WHERE endpoint=? AND model=? AND trait=?", place
    ).fetchone()
    return row[0] if row else None


async def _probed(session: "Session") -> str | None:
    """yes, no, or None where the answer does not tell."""
    call = Call(PROBE, session.endpoint.entry(PROBE), Future(), ordinal=-1, structured=True)
    try:
        answer = await session.answer(call)
    except RefusedError as error:
        if error.status in UNSUPPORTED:
            return "no"
        raise
    session.work.meter.add(answer.usd, answer.fresh)
    return {"ok": "yes", "invalid": "no", "refusal": "no"}.get(answer.outcome)
