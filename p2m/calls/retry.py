"""What a reply means for the one who sent the request: an answer, try again, or stop."""

import json
import time
from dataclasses import dataclass
from typing import Literal

from p2m.calls.endpoint import Endpoint, Reply
from p2m.errors import ServiceError, UserError
from p2m.text.delay import clip, retry_after
from p2m.text.server_error import ServerError, read_error

MOST_TRIES = 6  # of a call that met 5xx, resets or timeouts
AGAIN = {408, 409, 425}
KEPT = "all answers are kept, and the same command goes on from here."
Kind = Literal["answer", "throttled", "unsent", "again", "filtered", "too_long", "stop"]


@dataclass(frozen=True)
class RetryDecision:
    """answer: read it.  throttled: not billed, wait.  unsent: never left, try again.

    again: maybe billed, try again.  filtered, too_long: not billed, this one request is refused.
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
    return _decide_error(status, reply, endpoint)


def _decide_error(status: int, reply: Reply, endpoint: Endpoint) -> RetryDecision:
    error = read_error(reply.body)
    reason = f"HTTP {status}: {error.message}"
    if error.is_too_long(status):
        return RetryDecision("too_long", reason)
    look = _hopeless(status, error)
    if look is None and status == 429:
        return RetryDecision("throttled", reason, _wait(reply, error))
    if look is None and (status >= 500 or status in AGAIN):
        return RetryDecision("again", reason, _wait(reply, error))
    if status == 400 and "content_filter" in error.text:
        return RetryDecision("filtered", error.message)
    return RetryDecision("stop", reason, error=_refusal(status, look, endpoint, error.message))


def _hopeless(status: int, error: ServerError) -> str | None:
    """What to look at where the account is the fault, for which no waiting helps."""
    if status == 402 or (status in {400, 403, 429} and error.wants_money()):
        return "the credit of the account behind {key}"
    if status == 429 and error.is_used_up_for_today():
        return "the quota for a day of the account behind {key}: it is used up until tomorrow"
    return None


def _wait(reply: Reply, error: ServerError) -> float | None:
    """Seconds, of headers or body whichever asks for more."""
    waits = [retry_after(reply.headers, time.time()), error.delay]
    known = [clip(wait) for wait in waits if wait is not None]
    return max(known, default=None)


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
    message = read_error(reply.body).message
    return RetryDecision("again", f"an error in place of an answer: {message}")


def _refusal(status: int, look: str | None, endpoint: Endpoint, message: str) -> UserError:
    """Which setting to look at, for each refusal that asking again cannot mend."""
    key = "teacher.api_key_env (none is set)"
    if endpoint.key_setting:
        variable = endpoint.key_setting
        key = f"the key in the environment variable {variable} (teacher.api_key_env)"
    looks = {
        400: "a parameter that this model does not take:"
        " see teacher.extra, teacher.tokens_field and teacher.structured",
        401: "{key}",
        403: "what {key} may use: the model (teacher.model) or the place",
        404: "teacher.model and teacher.base_url",
    }
    other = "teacher.base_url" if status < 400 else "teacher.base_url and teacher.extra"
    look = (look or looks.get(status, other)).replace("{key}", key)
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
