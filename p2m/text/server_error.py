"""What a server says where it refuses a request: its words, its codes, how long to wait.

Each provider spells it in its own way; what is known here was read in their documents and in
reports of their users: OpenAI, Azure, Gemini, Anthropic, OpenRouter, vLLM, llama.cpp, TGI, SGLang.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from p2m.text.delay import duration, in_words

SHOWN = 300  # characters of a server's message
MOST_READ = 20_000  # bytes of a body
_CODES = {"code", "type", "status", "reason", "quotaId", "quotaMetric"}
_WORDS = {"message", "msg", "detail", "raw", "error", "title"}
_DEPTH = 8  # of a body; what lies deeper is not looked at
_DELAYS = {"retryDelay", "retry_after", "retry_after_seconds", "retryAfter"}
# no money or no plan: waiting is in vain whatever else is said
_NO_MONEY = {
    *("billing_hard_limit_reached", "billing_not_active", "insufficient_balance"),
    *("insufficient_credits", "credit_balance_too_low", "credit_balance_exhausted"),
    *("payment_required", "account_deactivated"),
}
# the same, but Azure says so of a minute's quota too, and then how long to wait
_NO_QUOTA = {"insufficient_quota", "quota_exceeded", "exceeded_current_quota_error"}
_NO_MONEY_WORDS = re.compile(
    r"insufficient (?:balance|credits?|funds)|credit balance is too low"
    r"|billing hard limit|requires more credits"
)
_A_DAY = re.compile(r"per[-_ ]?day|daily")
_TOO_LONG_CODES = {
    "context_length_exceeded",
    "exceed_context_size_error",
    "string_above_max_length",
}
_TOO_LONG = re.compile(
    r"context (?:length|window|size|limit)|model length|max_(?:seq|model)_len"
    r"|(?:prompt|input|request) (?:is|was) too (?:long|large)|request too large"
    r"|input token count|too many (?:input |prompt )?tokens|reduce the (?:length|size) of"
    r"|inputs` tokens|maximum number of tokens"
    r"|max_(?:completion_|output_|new_)?tokens[^.]{0,30}(?:too large|exceeds?|> ?\d)"
)


@dataclass(frozen=True)
class ServerError:
    """message: for people, short, in one line.  text: all of its words, in lower case.

    codes: in lower case.  delay: seconds that it asks to wait, None where it does not say.
    """

    message: str
    text: str
    codes: frozenset[str]
    delay: float | None

    def wants_money(self) -> bool:
        """Whether an account has no credit, or a limit that no waiting lifts."""
        if self.codes & _NO_MONEY or _NO_MONEY_WORDS.search(self.text):
            return True
        is_transient = "rate_limit_exceeded" in self.codes or self.delay is not None
        return bool(self.codes & _NO_QUOTA) and not is_transient

    def is_used_up_for_today(self) -> bool:
        """Whether it is a day's quota.  Gemini names a delay of seconds for it all the same."""
        if any(_A_DAY.search(code) for code in self.codes):
            return True
        return self.delay is None and _A_DAY.search(self.text) is not None

    def is_too_long(self, status: int) -> bool:
        """Whether the request is longer than the model, or the account, can ever take."""
        if status == 413:
            return True
        if status == 429:  # OpenAI's word for more tokens at once than a minute's allowance
            return "request too large" in self.text
        if status not in {400, 422}:
            return False
        return bool(self.codes & _TOO_LONG_CODES) or _TOO_LONG.search(self.text) is not None


def read_error(body: bytes) -> ServerError:
    """What *body* says, whatever it is.  Never raises."""
    text = body[:MOST_READ].decode(errors="replace")
    try:
        error = _find_error(json.loads(text))
    except (ValueError, RecursionError):
        error = None
    members = list(_members(error, _DEPTH))
    codes = _texts(members, _CODES)
    # not the whole body where there are such words: some servers quote the request in it
    words = "\n".join(_texts(members, _WORDS)) or text.lower()
    delays = [_seconds(member) for name, member in members if name in _DELAYS]
    known = [delay for delay in (*delays, in_words(words)) if delay is not None]
    return ServerError(_message(error, text), words, frozenset(codes), max(known, default=None))


def _texts(members: list[tuple[str, Any]], names: set[str]) -> list[str]:
    """Those of *names* that are texts, in lower case."""
    return [text.lower() for name, text in members if name in names and isinstance(text, str)]


def _find_error(value: Any) -> Any:
    """The error in its envelope, which is in a list where it is Gemini's."""
    if isinstance(value, list) and value:
        value = value[0]
    return value.get("error", value) if isinstance(value, dict) else value


def _members(value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Each name with its value, *depth* levels deep."""
    if depth and isinstance(value, list):
        for item in value:
            yield from _members(item, depth - 1)
    elif depth and isinstance(value, dict):
        for name, member in value.items():
            yield name, member
            yield from _members(member, depth - 1)


def _message(error: Any, text: str) -> str:
    """Code, type and message of a JSON body, else its start."""
    if error is None:
        return " ".join(text.split())[:SHOWN] or "no message"
    if not isinstance(error, dict):
        return str(error)[:SHOWN]
    names = ("code", "type", "status", "message", "detail")
    parts = [str(error[name]) for name in names if error.get(name)]
    return ": ".join(parts).encode(errors="replace").decode()[:SHOWN] or "no message"


def _seconds(value: Any) -> float | None:
    """Of `10`, `"1.2s"` and Google's `{"seconds": 10}`."""
    if isinstance(value, dict):
        value = value.get("seconds")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        return duration(value) if not value.isdecimal() else float(value[:9])
    return float(value) if 0 <= value < 10**9 else None
