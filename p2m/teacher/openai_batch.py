"""OpenAI's Batch API: half the price, answers within a day, nothing submitted twice."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le

from p2m.calls import session
from p2m.calls.budget import Budget
from p2m.calls.endpoint import Endpoint
from p2m.calls.forecast import per_call
from p2m.calls.prices import Price
from p2m.stages import Estimate, Session, Sizes, Work
from p2m.teacher import _server
from p2m.teacher._batches import Batches
from p2m.teacher._prices import price_of

OUT = 4  # batches in progress at once


@dataclass(frozen=True)
class OpenAIBatch:
    """price: dollars a million tokens in a batch; None takes half of the listed price.

    A stopped run goes on with the same batches.
    """

    base_url: str
    model: str
    api_key_env: str | None
    price: Price | None
    extra: dict[str, Any]
    tokens_field: Literal["max_tokens", "max_completion_tokens"]
    structured: Literal["always", "never"]
    batch_size: Annotated[int, Ge(1), Le(50_000)]
    poll_s: Annotated[float, Gt(0)]
    calls: Path
    budget: Budget

    RUNTIME: ClassVar = frozenset(
        {"api_key_env", "price", "batch_size", "poll_s", "calls", "budget"}
    )
    VERSION: ClassVar = 1

    def __post_init__(self) -> None:
        _server.check(self.base_url, self.extra, self.api_key_env)
        self._endpoint()  # whose price must be known

    def ready(self) -> Iterator[str]:
        yield from _server.find_obstacles(self.base_url, self.api_key_env)

    def estimate(self, sizes: Sizes | None = None) -> Estimate:
        """Of one call; when a batch is done nobody can tell."""
        return replace(per_call(self.calls, self._endpoint(), sizes), seconds=None)

    def session(self, work: Work) -> AbstractContextManager[Session]:
        endpoint = self._endpoint()
        folder = self.calls / "batches"
        batches = Batches(endpoint, folder, self.api_key_env, self.batch_size, self.poll_s)
        return session.Session(endpoint, batches, work, self.budget, self.calls)

    def _endpoint(self) -> Endpoint:
        return Endpoint(
            self.base_url.rstrip("/"),
            self.model,
            OUT * self.batch_size,
            self._price(),
            self.extra,
            self.tokens_field,
            self.structured,
            key_setting=self.api_key_env or "",
            resumes=True,
        )

    def _price(self) -> Price:
        if self.price is not None:
            return self.price
        listed = price_of(self.model, self.base_url, None, free=False)
        return Price(listed.input / 2, listed.output / 2)
