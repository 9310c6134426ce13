"""What may leave a run: settings and figures, less everything that is or looks like a secret."""

import os
import re
from collections.abc import Mapping
from typing import Any

from p2m.text.secrets import hide

HIDDEN = "<redacted>"
SECRET_WORDS = {
    *("apikey", "auth", "authorization", "bearer", "credential", "credentials", "key"),
    *("passphrase", "passwd", "password", "secret", "secrets", "token"),
}
SHORTEST = 4  # a variable such as TOKEN=1 would otherwise hide every 1
# from here on a value is also sought inside longer text, where shorter ones are met by chance
SHORTEST_INSIDE = 8
_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z0-9]+(?![a-z])")
_USERINFO = re.compile(r"(?<=://)[^/\s@]+@")


def redact(settings: Any) -> Any:
    """Plain data with HIDDEN for whatever stands under a secret's name, and scrubbed."""
    return scrub(_hide_by_name(settings))


def scrub(value: Any) -> Any:
    """Plain data with HIDDEN for the environment's secrets, whole or inside a text.

    And for the user and password of a URL.
    """
    return _scrub(value, _secrets())


def looks_secret(name: str) -> bool:
    """True for api_key, HF_TOKEN, clientSecret.

    Not for api_key_env, which names a variable, nor for max_tokens.
    """
    words = [word.lower() for word in _WORDS.findall(name)]
    return not SECRET_WORDS.isdisjoint(words) and words[-1] != "env"


def _hide_by_name(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_hide_by_name(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    shown = {}
    for name, inner in value.items():
        is_secret = looks_secret(str(name)) and inner is not None
        shown[name] = HIDDEN if is_secret else _hide_by_name(inner)
    return shown


def _secrets() -> list[str]:
    """Values of variables with a secret's name.

    Longest first, so that one inside another leaves no rest.
    """
    values = {
        value for name, value in os.environ.items() if looks_secret(name) and len(value) >= SHORTEST
    }
    return sorted(values, key=len, reverse=True)


def _scrub(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, Mapping):
        return {_scrub(name, secrets): _scrub(inner, secrets) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_scrub(item, secrets) for item in value]
    return _scrub_text(value, secrets) if isinstance(value, str) else value


def _scrub_text(text: str, secrets: list[str]) -> str:
    if text in secrets:
        return HIDDEN
    for secret in secrets:
        if len(secret) >= SHORTEST_INSIDE:
            text = hide(text, secret, HIDDEN)
    return _USERINFO.sub(f"{HIDDEN}@", text)
