"""What the settings of every OpenAI-compatible server must be: its address, parameters and key."""

import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from p2m.errors import ConfigError

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


def check(base_url: str, extra: Mapping[str, Any]) -> None:
    """Raises ValueError for what is no address of a server, or holds a secret.

    The address goes into the ledger.  Neither may *extra* hold what p2m sets itself.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"base_url must be like https://api.openai.com/v1, got '{base_url}'")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "base_url must hold no user, password, query or fragment;"
            " name the key's environment variable in api_key_env"
        )
    taken = sorted(OURS & set(extra))
    if taken:
        raise ValueError(
            f"extra must not hold {', '.join(taken)}: p2m sets it, and the budget counts on it"
        )


def lacks_key(api_key_env: str | None) -> Iterator[str]:
    """One line where the environment variable is not set."""
    if api_key_env is not None and not os.environ.get(api_key_env):
        yield (
            f"api_key_env: the environment variable {api_key_env} is not set;"
            " put your key there (it is never written to disk)"
        )


def api_key(name: str | None) -> str:
    """The key in the environment variable *name*, empty where none is named.  Raises ConfigError."""
    if name is None:
        return ""
    variable = f"teacher.api_key_env: the environment variable {name}"
    key = os.environ.get(name, "").strip()
    if not key:
        raise ConfigError(f"{variable} is not set")
    if not key.isascii() or not key.isprintable():
        raise ConfigError(f"{variable} holds characters that no key has")
    return key
