"""Whether an endpoint keeps to a JSON schema that it is sent: servers that ignore it say nothing.

Asked once: the ledger keeps the answer, as every other.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future

from p2m.calls.endpoint import Call, Endpoint
from p2m.calls.retry import RefusedError
from p2m.stages import Answer, Meter, Request

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
Ask = Callable[[Call], Awaitable[Answer]]
UNSUPPORTED = {400, 404, 415, 422}


class SchemaProbe:
    """answer: asks the endpoint."""

    def __init__(self, endpoint: Endpoint, answer: Ask, meter: Meter) -> None:
        self._endpoint = endpoint
        self._answer = answer
        self._meter = meter
        self._task: asyncio.Task[bool] | None = None

    async def keeps_schema(self) -> bool:
        """As the settings say, or as the endpoint showed: the first to ask probes for all."""
        if self._endpoint.structured != "probe":
            return self._endpoint.structured == "always"
        if self._task is None:
            self._task = asyncio.create_task(self._probe())
        return await asyncio.shield(self._task)

    async def _probe(self) -> bool:
        entry = self._endpoint.entry(PROBE)
        call = Call(PROBE, entry, Future(), ordinal=-1, structured=True)
        try:
            answer = await self._answer(call)
        except RefusedError as error:
            if error.status in UNSUPPORTED:
                return False
            raise
        self._meter.add(answer.usd, answer.fresh)
        return answer.outcome == "ok"
