"""Texts that hold a secret, or may: how one is known, and hidden however it is spelled."""

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

HIDDEN = "***"
_USERINFO = re.compile(r"(?:(?<=://)|\A)[^/?#\s]*@")
_KEY = re.compile(
    r"(?:sk|pk|xai)-[\w.\-]{8,}|(?:hf|ghp|gho|gsk|r8)_[A-Za-z0-9]{16,}|github_pat_\w{20,}"
    r"|AIza[\w\-]{20,}|Bearer\s+\S{8,}|[0-9a-f]{32,}"
)
# letters and digits mixed, without a pause: names of models and of variables have pauses
_RANDOM = re.compile(r"(?=[A-Z0-9]*[a-z])(?=[A-Za-z]*[0-9])[A-Za-z0-9]{20,}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_NAMES = {
    *("apikey", "accesskey", "accesstoken", "authtoken", "authorization", "bearer"),
    *("password", "passwd", "secret", "clientsecret", "token"),
}
# fields of requests that hold an identifier of the user's own making
_IDENTIFIERS = {"promptcachekey", "safetyidentifier", "user", "userid", "sessionid"}


def looks_like_key(text: str) -> bool:
    """True for sk-..., and for a long word of letters, small ones among them, and digits mixed."""
    text = text.strip()
    if _KEY.fullmatch(text):
        return True
    return any(_RANDOM.fullmatch(part) for part in re.split(r"[-_.:]", text))


def check_variable(text: str) -> None:
    """ValueError where *text* cannot be an environment variable's name, or is a key itself."""
    if not _VARIABLE.fullmatch(text) or looks_like_key(text):
        raise ValueError(
            "api_key_env must be the name of an environment variable, such as OPENAI_API_KEY;"
            " what it holds is none, or looks like a key itself (it is not shown): put the key"
            " into a variable, and the variable's name here"
        )


def find_secrets(at: str, value: Any) -> Iterator[str]:
    """The places at or below *at* in plain data that hold what may be a secret."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            plain = re.sub(r"[^a-z]", "", str(name).lower())
            if plain.removeprefix("x") in _NAMES and isinstance(inner, str):
                yield f"{at}.{name}"
            elif plain not in _IDENTIFIERS:
                yield from find_secrets(f"{at}.{name}", inner)
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            yield from find_secrets(f"{at}.{i}", inner)
    elif isinstance(value, str) and looks_like_key(value):
        yield at


def hide_userinfo(url: str) -> str:
    """*url* without the user and the password in it."""
    return _USERINFO.sub(f"{HIDDEN}@", url)


@functools.cache
def spellings(secret: str) -> re.Pattern[str]:
    """*secret* as it is, with characters escaped as in JSON, however often, or as in a URL."""
    parts = []
    for character in secret:
        escapes = [re.escape(character), rf"\\+u(?i:{ord(character):04x})"]
        escapes += [f"(?i:{code})" for code in (_percent(character),) if code]
        if character in '/"\\':
            escapes.append(rf"\\+{re.escape(character)}")
        parts.append(f"(?:{'|'.join(escapes)})")
    return re.compile("".join(parts))


def _percent(character: str) -> str:
    return quote(character, safe="") if not character.isascii() else f"%{ord(character):02x}"


def hide(text: str, secret: str, instead: str = HIDDEN) -> str:
    """*text* without *secret* in any of its spellings."""
    text = text.replace(secret, instead)
    if "\\" in text or "%" in text:
        text = spellings(secret).sub(instead, text)
    return text


def hide_in_body(body: bytes, secret: str) -> bytes:
    """The same for a raw body, which stays as it is where the secret is not in it."""
    if not secret:
        return body
    body = body.replace(secret.encode(), HIDDEN.encode())
    if b"\\u" not in body and b"\\/" not in body and b"%" not in body:
        return body
    text = body.decode("utf-8", "surrogateescape")
    return hide(text, secret).encode("utf-8", "surrogateescape")
