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


@dataclass(frozen=True)
class RetryDecision:
    """answer: read it.  throttled: not billed, wait.  unsent: never left, try again.  again: maybe billed, try again.

    filtered: not billed, this one request is refused.  stop: no further call can succeed.
    """

    kind: Literal["answer", "throttled", "unsent", "again", "filtered", "stop"]
    reason: str = ""
    wait: float | None = None
    error: UserError | None = None


class RefusedError(ServiceError):
    """The server refused a call for what it is; asking again cannot mend it."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def decide(reply: Reply, endpoint: Endpoint) -> RetryDecision:
    status, said = reply.status, told(reply.body)
    if status is None:
        return RetryDecision("again" if reply.sent else "unsent", reply.fault)
    if 200 <= status < 300:
        return _of_success(reply, endpoint)
    if status == 429:
        return _of_429(reply, endpoint, said)
    if status >= 500 or status in AGAIN:
        return RetryDecision(
            "again", f"HTTP {status}: {said}", retry_after(reply.headers, time.time())
        )
    if status == 400 and "content_filter" in said:
        return RetryDecision("filtered", said)
    return RetryDecision("stop", f"HTTP {status}", error=_refused(status, endpoint, said))


def _of_success(reply: Reply, endpoint: Endpoint) -> RetryDecision:
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
    return RetryDecision("again", f"an error in place of an answer: {told(reply.body)}")


def _of_429(reply: Reply, endpoint: Endpoint, said: str) -> RetryDecision:
    lower = said.lower()
    if any(word in lower for word in QUOTA):
        return RetryDecision("stop", "quota", error=_refused(402, endpoint, said))
    if "request too large" in lower:
        return RetryDecision("stop", "too large", error=_refused(413, endpoint, said))
    return RetryDecision("throttled", f"HTTP 429: {said}", retry_after(reply.headers, time.time()))


def _refused(status: int, endpoint: Endpoint, said: str) -> UserError:
    """Which setting to look at, for each refusal that asking again cannot mend."""
    named = f"the key in the environment variable {endpoint.key_setting} (teacher.api_key_env)"
    key = named if endpoint.key_setting else "teacher.api_key_env (none is set)"
    look = {
        400: "a parameter that this model does not take: see teacher.extra, teacher.tokens_field and teacher.structured",
        401: key,
        402: f"the credit of the account behind {key}",
        403: f"what {key} may use: the model (teacher.model) or the place",
        404: "teacher.model and teacher.base_url",
        413: "the size of a request: the prompt, generator's demonstrations, or teacher.tokens_per_minute of your account",
    }.get(
        status, "teacher.base_url" if 300 <= status < 400 else "teacher.base_url and teacher.extra"
    )
    return RefusedError(
        f"{endpoint.address} refused a call for model '{endpoint.model}' (HTTP {status}: {said}). Look at {look}."
        " No further call was made; all answers are kept, and the same command goes on from here.",
        status,
    )


def gone(endpoint: Endpoint, reason: str, tries: int) -> UserError:
    return ServiceError(
        f"{endpoint.address} failed {tries} times in a row for one call (last: {reason}). Is the server up (teacher.base_url)?"
        " All answers are kept; the same command goes on from here."
    )


def told(body: bytes) -> str:
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
