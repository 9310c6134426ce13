"""Any server that speaks OpenAI's chat completions: OpenAI itself, vLLM, Ollama, OpenRouter."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt

from p2m.calls import session
from p2m.calls.budget import Budget
from p2m.calls.endpoint import Endpoint
from p2m.calls.forecast import per_call
from p2m.calls.prices import Price
from p2m.stages import Estimate, Session, Sizes, Work
from p2m.teacher import _server
from p2m.teacher._http import Deadlines, Http
from p2m.teacher._prices import price_of

Seconds = Annotated[float, Gt(0)]


@dataclass(frozen=True)
class OpenAI:
    """api_key_env names an environment variable; None sends no key.

    price: dollars a million tokens; None looks it up among OpenAI's models.
    extra: further parameters of each request; null takes one out.
    structured: whether the endpoint keeps to a JSON schema.
    """

    base_url: str
    model: str
    api_key_env: str | None
    price: Price | None
    free: bool
    extra: dict[str, Any]
    tokens_field: Literal["max_tokens", "max_completion_tokens"]
    structured: Literal["probe", "always", "never"]
    concurrency: Annotated[int, Ge(1)]
    requests_per_minute: Annotated[float, Gt(0)] | None
    tokens_per_minute: Annotated[float, Gt(0)] | None
    connect_s: Seconds
    first_byte_s: Seconds
    idle_s: Seconds
    total_s: Seconds
    calls: Path
    budget: Budget

    RUNTIME: ClassVar = frozenset(
        {
            "api_key_env",
            "price",
            "free",
            "calls",
            "budget",
            "concurrency",
            "requests_per_minute",
            "tokens_per_minute",
            "connect_s",
            "first_byte_s",
            "idle_s",
            "total_s",
        }
    )
    VERSION: ClassVar = 1

    def __post_init__(self) -> None:
        _server.check(self.base_url, self.extra, self.api_key_env)
        self._endpoint()  # whose price must be known

    def ready(self) -> Iterator[str]:
        yield from _server.find_obstacles(self.base_url, self.api_key_env)

    def estimate(self, sizes: Sizes | None = None) -> Estimate:
        """Of one call."""
        return per_call(self.calls, self._endpoint(), sizes)

    def session(self, work: Work) -> AbstractContextManager[Session]:
        endpoint = self._endpoint()
        deadlines = Deadlines(self.connect_s, self.first_byte_s, self.idle_s, self.total_s)
        transport = Http(endpoint, self.api_key_env, deadlines)
        return session.Session(endpoint, transport, work, self.budget, self.calls)

    def _endpoint(self) -> Endpoint:
        return Endpoint(
            self.base_url.rstrip("/"),
            self.model,
            self.concurrency,
            price_of(self.model, self.base_url, self.price, free=self.free),
            self.extra,
            self.tokens_field,
            self.structured,
            self.requests_per_minute,
            self.tokens_per_minute,
            self.api_key_env or "",
        )
