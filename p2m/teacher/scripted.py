"""A teacher that needs no model: it answers the bundled tasks from a grammar, through the same session and ledger as a paid one."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Ge, Le

from p2m.calls.budget import Budget
from p2m.calls.endpoint import Call, Endpoint, Reply, reply_with
from p2m.calls.forecast import per_call
from p2m.calls.session import session
from p2m.stages import Estimate, Session, Work

Rate = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True)
class Scripted:
    """Wrong, repetitive and badly formatted at the given rates, as a real model is.  Free; knows only the bundled tasks."""

    error_rate: Rate
    repeat_rate: Rate
    break_rate: Rate
    seed: int
    concurrency: Annotated[int, Ge(1)]
    calls: Path
    budget: Budget

    RUNTIME: ClassVar = frozenset({"concurrency", "calls", "budget"})
    VERSION: ClassVar = 5  # of the grammar: raise it with any change to what is answered

    def estimate(self) -> Estimate:
        """Of one call."""
        endpoint = self._endpoint()
        return per_call(
            self.calls, endpoint.address, endpoint.model, endpoint.price, self.concurrency
        )

    def session(self, work: Work) -> AbstractContextManager[Session]:
        return session(self._endpoint(), _Script(self), work, self.budget, self.calls)

    def _endpoint(self) -> Endpoint:
        rates = f"{self.error_rate:g}/{self.repeat_rate:g}/{self.break_rate:g}/{self.seed}"
        return Endpoint(f"scripted:{rates}", f"scripted-{self.VERSION}", self.concurrency)


@dataclass(frozen=True)
class _Script:
    teacher: Scripted

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def send(self, call: Call) -> Reply:
        from p2m.teacher._scripted import reply

        it = self.teacher
        text = reply(call.request, it.error_rate, it.repeat_rate, it.break_rate, it.seed)
        asked = sum(len(message["content"]) for message in call.request.messages)
        return reply_with(text, f"scripted-{it.VERSION}", asked // 4, len(text) // 4)
