"""What a reply means for the one who sent the request: an answer, try again, or stop."""

import json
import time
from dataclasses import dataclass
from typing import Any, Literal

from p2m.calls.endpoint import Endpoint, Reply
from p2m.calls.pace import retry_after
from p2m.errors import ServiceError, UserError

QUOTA = ("insufficient_quota", "billing", "quota_exceeded", "credit", "exceeded your current quota")
MOST_TRIES = 6  # of a call that met 5xx, resets or timeouts
AGAIN = {408, 409, 425}
SHOWN = 300  # characters of a server's message
KEPT = "all answers are kept, and the same command goes on from here."
Kind = Literal["answer", "throttled", "unsent", "again", "filtered", "stop"]


@dataclass(frozen=True)
class RetryDecision:
    """answer: read it.  throttled: not billed, wait.  unsent: never left, try again.

    again: maybe billed, try again.  filtered: not billed, this one request is refused.
    stop: no further call can succeed.
    """

    kind: Kind
    reason: str = ""
    wait: float | None = None
    error: UserError | None = None


class RefusedError(ServiceError):
    """The server refused a call for what it is; asking again cannot mend it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def decide(reply: Reply, endpoint: Endpoint) -> RetryDecision:
    status = reply.status
    if status is None:
        return RetryDecision("again" if reply.sent else "unsent", reply.fault)
    if 200 <= status < 300:
        return _decide_success(reply, endpoint)
    message = server_message(reply.body)
    reason = f"HTTP {status}: {message}"
    if status == 429:
        status = _refused_for_good(message.lower())
        if status is None:
            return RetryDecision("throttled", reason, retry_after(reply.headers, time.time()))
    if status >= 500 or status in AGAIN:
        return RetryDecision("again", reason, retry_after(reply.headers, time.time()))
    if status == 400 and "content_filter" in message:
        return RetryDecision("filtered", message)
    return RetryDecision("stop", reason, error=_refusal(status, endpoint, message))


def _refused_for_good(message: str) -> int | None:
    """The status that a server should have given instead of 429, where waiting is in vain."""
    if any(word in message for word in QUOTA):
        return 402
    return 413 if "request too large" in message else None


def _decide_success(reply: Reply, endpoint: Endpoint) -> RetryDecision:
    """OpenRouter reports an upstream failure as 200 with an `error` beside no choices."""
    if b'"error"' not in reply.body[:2000]:
        return RetryDecision("answer")
    try:
        envelope = json.loads(reply.body)
    except (ValueError, RecursionError):
        return RetryDecision("answer")
    error = envelope.get("error") if isinstance(envelope, dict) else None
    if not error or envelope.get("choices"):
        return RetryDecision("answer")
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int) and 400 <= code < 600:
        return decide(Reply(code, reply.headers, reply.body), endpoint)
    message = server_message(reply.body)
    return RetryDecision("again", f"an error in place of an answer: {message}")


def _refusal(status: int, endpoint: Endpoint, message: str) -> UserError:
    """Which setting to look at, for each refusal that asking again cannot mend."""
    key = "teacher.api_key_env (none is set)"
    if endpoint.key_setting:
        variable = endpoint.key_setting
        key = f"the key in the environment variable {variable} (teacher.api_key_env)"
    look = {
        400: "a parameter that this model does not take:"
        " see teacher.extra, teacher.tokens_field and teacher.structured",
        401: key,
        402: f"the credit of the account behind {key}",
        403: f"what {key} may use: the model (teacher.model) or the place",
        404: "teacher.model and teacher.base_url",
        413: "the size of a request: the prompt, generator's demonstrations,"
        " or teacher.tokens_per_minute of your account",
    }.get(status)
    if look is None:
        look = "teacher.base_url" if status < 400 else "teacher.base_url and teacher.extra"
    return RefusedError(
        f"{endpoint.address} refused a call for model '{endpoint.model}'"
        f" (HTTP {status}: {message}). Look at {look}. No further call was made; {KEPT}",
        status,
    )


def server_gone(endpoint: Endpoint, reason: str, tries: int) -> UserError:
    return ServiceError(
        f"{endpoint.address} failed {tries} times in a row for one call (last: {reason})."
        f" Is the server up (teacher.base_url)? {KEPT.capitalize()}"
    )


def server_message(body: bytes) -> str:
    """The server's own words: error.code and error.message of a JSON body, else its start."""
    text = body[:20_000].decode(errors="replace")
    try:
        envelope = json.loads(text)
    except (ValueError, RecursionError):
        return " ".join(text.split())[:SHOWN] or "no message"
    error: Any = envelope.get("error", envelope) if isinstance(envelope, dict) else envelope
    if not isinstance(error, dict):
        return str(error)[:SHOWN]
    parts = [str(error[name]) for name in ("code", "type", "message", "detail") if error.get(name)]
    return ": ".join(parts).encode(errors="replace").decode()[:SHOWN] or "no message"
