"""Any server that speaks OpenAI's chat completions: OpenAI itself, vLLM, Ollama, llama.cpp, OpenRouter."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from annotated_types import Ge, Gt

from p2m.calls.budget import Budget
from p2m.calls.endpoint import Endpoint
from p2m.calls.forecast import per_call
from p2m.calls.prices import Price, price_of
from p2m.calls.session import session
from p2m.stages import Estimate, Session, Work
from p2m.teacher._http import Deadlines, Http

Seconds = Annotated[float, Gt(0)]
OURS = frozenset(
    {
        "model",
        "messages",
        "n",
        "best_of",
        "stream",
        "max_tokens",
        "max_completion_tokens",
        "response_format",
    }
)


@dataclass(frozen=True)
class OpenAI:
    """api_key_env names an environment variable; None sends no key.  extra: further parameters of each request, null takes one out.

    price: dollars a million tokens; None looks it up among OpenAI's models.  structured: whether the endpoint keeps to a JSON schema.
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
        }
        | {"connect_s", "first_byte_s", "idle_s", "total_s"}
    )
    VERSION: ClassVar = 1

    def __post_init__(self) -> None:
        checked_url(self.base_url)
        price_of(self.model, self.base_url, self.price, free=self.free)
        if taken := sorted(OURS & set(self.extra)):
            raise ValueError(
                f"extra must not hold {', '.join(taken)}: p2m sets it, and the budget counts on it"
            )

    def ready(self) -> Iterator[str]:
        if self.api_key_env is not None and not os.environ.get(self.api_key_env):
            yield f"api_key_env: the environment variable {self.api_key_env} is not set; put your key there (it is never written to disk)"

    def estimate(self) -> Estimate:
        """Of one call."""
        price = price_of(self.model, self.base_url, self.price, free=self.free)
        return per_call(self.calls, self.base_url.rstrip("/"), self.model, price, self.concurrency)

    def session(self, work: Work) -> AbstractContextManager[Session]:
        endpoint = Endpoint(
            self.base_url.rstrip("/"), self.model, self.concurrency, price_of(self.model, self.base_url, self.price, free=self.free),
            self.extra, self.tokens_field, self.structured, self.requests_per_minute, self.tokens_per_minute, self.api_key_env or "",
        )  # fmt: skip
        deadlines = Deadlines(self.connect_s, self.first_byte_s, self.idle_s, self.total_s)
        return session(
            endpoint, Http(endpoint, self.api_key_env, deadlines), work, self.budget, self.calls
        )


def checked_url(url: str) -> None:
    """Raises ValueError for what is no address of a server, or holds a secret: the address goes into the ledger."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"base_url must be like https://api.openai.com/v1, got '{url}'")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "base_url must hold no user, password, query or fragment; name the key's environment variable in api_key_env"
        )
