"""How long a server wants to be left alone, in the ways in which servers say it."""

import email.utils
import math
import re
from collections.abc import Mapping

# a longer wait is taken as this: a run that waits for hours unseen is worse than one more 429
LONGEST_S = 120.0
_PARTS = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)[a-z]*\s*", re.IGNORECASE | re.ASCII)
_IN_WORDS = re.compile(
    r"\b(?:retry|try again|wait|available)\b(?:\s+(?:in|after|for|again))*\s+"
    r"((?:\d+(?:\.\d+)?\s*(?:ms|milliseconds?|s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)\b\s*"
    r"|\d+(?:\.\d+)?(?:d|h|m|ms|s)(?=\d))+)",
    re.IGNORECASE | re.ASCII,
)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait, within [0, LONGEST_S]; None where the headers name none, or nonsense.

    Retry-After may be seconds, a duration or a date.  now: seconds since the epoch.
    """
    wait_ms = number(headers.get("retry-after-ms", ""))
    if wait_ms is not None:
        return clip(wait_ms / 1000)
    text = headers.get("retry-after", "").strip()
    wait = number(text)
    if wait is None:
        wait = duration(text)
    if wait is None:
        wait = _until(text, now)
    return None if wait is None else clip(wait)


def duration(text: str) -> float | None:
    """Seconds in `6m0s`, `120ms`, `1h2m3.5s`; None for anything else."""
    text = text.strip()[:40]
    parts = _PARTS.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return _sum(parts)


def in_words(text: str) -> float | None:
    """Seconds where *text* says such as `Please retry in 10.3s` or `try again in 2 minutes`."""
    wait = _IN_WORDS.search(text)
    return None if wait is None else _sum(_PARTS.findall(wait[1].replace("milliseconds", "ms")))


def clip(wait: float) -> float:
    return min(max(wait, 0.0), LONGEST_S)


def number(text: str) -> float | None:
    """The finite number that *text* is."""
    try:
        value = float(text[:40])
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def _sum(parts: list[tuple[str, str]]) -> float:
    return sum(float(amount) * _UNITS[unit.lower()] for amount, unit in parts)


def _until(date: str, now: float) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(date[:60]).timestamp() - now
    except (ValueError, TypeError, OverflowError, IndexError, OSError):
        return None
