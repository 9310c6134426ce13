"""OpenAI's Batch API: half the price, answers within a day, nothing submitted twice after a kill."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le

from p2m.calls.budget import Budget
from p2m.calls.endpoint import Endpoint
from p2m.calls.forecast import per_call
from p2m.calls.prices import Price, price_of
from p2m.calls.session import session
from p2m.stages import Estimate, Session, Work
from p2m.teacher._batches import Batches
from p2m.teacher.openai import OURS, checked_url

OUT = 4  # batches in progress at once


@dataclass(frozen=True)
class OpenAIBatch:
    """price: dollars a million tokens in a batch; None takes half of the listed price.  A stopped run goes on with the same batches."""

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
        checked_url(self.base_url)
        self._price()
        if taken := sorted(OURS & set(self.extra)):
            raise ValueError(
                f"extra must not hold {', '.join(taken)}: p2m sets it, and the budget counts on it"
            )

    def ready(self) -> Iterator[str]:
        if self.api_key_env is not None and not os.environ.get(self.api_key_env):
            yield f"api_key_env: the environment variable {self.api_key_env} is not set; put your key there (it is never written to disk)"

    def estimate(self) -> Estimate:
        """Of one call; when a batch is done nobody can tell."""
        told = per_call(self.calls, self.base_url.rstrip("/"), self.model, self._price(), 1)
        return Estimate(told.calls, told.usd, None)

    def session(self, work: Work) -> AbstractContextManager[Session]:
        endpoint = Endpoint(
            self.base_url.rstrip("/"), self.model, OUT * self.batch_size, self._price(), self.extra, self.tokens_field, self.structured,
            key_setting=self.api_key_env or "", resumes=True,
        )  # fmt: skip
        batches = Batches(
            endpoint, self.calls / "batches", self.api_key_env, self.batch_size, self.poll_s
        )
        return session(endpoint, batches, work, self.budget, self.calls)

    def _price(self) -> Price:
        if self.price is not None:
            return self.price
        listed = price_of(self.model, self.base_url, None, free=False)
        return Price(listed.input / 2, listed.output / 2)
