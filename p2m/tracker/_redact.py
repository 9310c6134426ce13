"""What may leave a run: its settings and figures, less everything that is or looks like a secret."""

import os
import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "<redacted>"
SECRET_WORDS = {
    *("apikey", "auth", "authorization", "bearer", "credential", "credentials", "key"),
    *("passphrase", "passwd", "password", "secret", "secrets", "token"),
}
SHORTEST = 4  # a variable such as TOKEN=1 would otherwise hide every 1
SHORTEST_INSIDE = 8  # from here on a value is also sought inside longer text, where shorter ones are met by chance
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+(?![a-z])")
_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")


def redacted(settings: Any) -> Any:
    """Plain data with HIDDEN for whatever stands under a secret's name, and scrubbed."""
    return _clean(settings, _secrets(), by_name=True)


def scrubbed(value: Any) -> Any:
    """Plain data with HIDDEN for the environment's secrets, whole or inside a text, and for the user and password of a URL."""
    return _clean(value, _secrets(), by_name=False)


def looks_secret(name: str) -> bool:
    """True for api_key, HF_TOKEN, clientSecret; not for api_key_env, which names a variable, nor for max_tokens."""
    words = [word.lower() for word in _WORDS.findall(name)]
    return bool(SECRET_WORDS & set(words)) and words[-1] != "env"


def _secrets() -> list[str]:
    """Values of variables with a secret's name, longest first, so that one inside another leaves no rest."""
    return sorted(
        {v for name, v in os.environ.items() if looks_secret(name) and len(v) >= SHORTEST},
        key=len,
        reverse=True,
    )


def _clean(value: Any, secrets: list[str], by_name: bool) -> Any:
    if isinstance(value, Mapping):
        return {
            _clean(k, secrets, by_name): _under(str(k), v, secrets, by_name)
            for k, v in value.items()
        }
    if isinstance(value, list | tuple):
        return [_clean(item, secrets, by_name) for item in value]
    return _clean_text(value, secrets) if isinstance(value, str) else value


def _under(name: str, value: Any, secrets: list[str], by_name: bool) -> Any:
    return (
        HIDDEN
        if by_name and value is not None and looks_secret(name)
        else _clean(value, secrets, by_name)
    )


def _clean_text(text: str, secrets: list[str]) -> str:
    if text in secrets:
        return HIDDEN
    for secret in secrets:
        if len(secret) >= SHORTEST_INSIDE:
            text = text.replace(secret, HIDDEN)
    return _USERINFO.sub(f"{HIDDEN}@", text)
