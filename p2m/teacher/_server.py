"""What the settings of every OpenAI-compatible server must be: its address, parameters and key."""

import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from p2m import network
from p2m.errors import ConfigError
from p2m.text.secrets import check_variable, find_secrets, hide_userinfo

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


# how to start what listens at these ports, unless told otherwise
STARTS = {11434: "ollama serve", 8000: "vllm serve MODEL"}


def check(base_url: str, extra: Mapping[str, Any], api_key_env: str | None) -> None:
    """Raises ValueError for what is no address of a server, or holds a secret.

    Address and *extra* go into the ledger.  Neither may *extra* hold what p2m sets itself.
    """
    parts = urlsplit(base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        shown = hide_userinfo(base_url)
        raise ValueError(f"base_url must be like https://api.openai.com/v1, got '{shown}'")
    if not network.has_port(parts):
        raise ValueError("base_url must have a number for its port, as http://127.0.0.1:8000/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "base_url must hold no user, password, query or fragment;"
            " name the key's environment variable in api_key_env"
        )
    if api_key_env is not None:
        check_variable(api_key_env)
    _check_extra(extra)


def _check_extra(extra: Mapping[str, Any]) -> None:
    taken = sorted(OURS & set(extra))
    if taken:
        raise ValueError(
            f"extra must not hold {', '.join(taken)}: p2m sets it, and the budget counts on it"
        )
    secrets = list(find_secrets("extra", extra))
    if secrets:
        raise ValueError(
            f"{', '.join(secrets)} looks like a secret (it is not shown), and would be written to"
            " disk with each request; name the key's environment variable in api_key_env"
        )


def find_obstacles(base_url: str, api_key_env: str | None) -> Iterator[str]:
    """What keeps the server from being asked: no key, the environment, or that it is not up."""
    faults = [*lacks_key(api_key_env)]
    faults += [f"base_url: {fault}" for fault in network.find_faults(base_url)]
    yield from faults
    silence = None if faults else network.find_silence(base_url)
    if silence:
        start = STARTS.get(urlsplit(base_url).port or 0)
        how = f" ({start})" if start else ""
        yield (
            f"base_url: nothing answers at {base_url} ({silence}); start the server{how}, give its"
            " address, teacher.base_url=..., or mend the way to it"
        )


def lacks_key(api_key_env: str | None) -> Iterator[str]:
    """One line where the environment variable is not set."""
    if api_key_env is not None and not os.environ.get(api_key_env):
        yield (
            f"api_key_env: the environment variable {api_key_env} is not set;"
            " put your key there (it is never written to disk)"
        )


def api_key(name: str | None) -> str:
    """The key in the variable *name*, empty where none is named.  Raises ConfigError."""
    if name is None:
        return ""
    variable = f"teacher.api_key_env: the environment variable {name}"
    key = os.environ.get(name, "").strip()
    if not key:
        raise ConfigError(f"{variable} is not set")
    if not key.isascii() or not key.isprintable():
        raise ConfigError(f"{variable} holds characters that no key has")
    return key
