"""What a raw answer says: its text, what became of it, and what it used."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from p2m.stages import Outcome, Request
from p2m.text import evasion
from p2m.text.listed import find_fault, list_name, read_items

MOST_TOKENS = 10**9  # a usage beyond it is a server's mistake, not a bill
CUT = "cut off at max_tokens"
REFUSED = "it reads as a refusal"
REFUSAL_MOST = 400  # characters of a text that refuses; a longer one only begins like one
_VERSION = re.compile(r"[-:@.](?:v?\d[\w.:-]*|latest|main|preview.*)")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Completion:
    """text as received.  reason: a few words where outcome is not ok.

    Tokens are None where the server did not say.
    """

    text: str
    outcome: Outcome
    reason: str = ""
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


def parse(body: bytes, request: Request) -> Completion:
    """A chat completion in OpenAI's form.  Never raises: what cannot be read is `invalid`."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return Completion("", "invalid", "the body is not JSON")
    if not isinstance(envelope, dict):
        return Completion("", "invalid", "the body is not an object")
    text, outcome, reason = _content(envelope.get("choices"), request)
    model = envelope.get("model")
    usage = envelope.get("usage")
    if not isinstance(usage, dict):
        usage = {}
    return Completion(
        text,
        outcome,
        reason,
        _clean(model)[:200] if isinstance(model, str) else None,
        _tokens(usage.get("prompt_tokens")),
        _tokens(usage.get("completion_tokens")),
    )


def is_same_model(asked: str, answered: str) -> bool:
    """Whether the one name is the other with a version, a date or an organisation.

    `gpt-4o` and `gpt-4o-2024-08-06` are the same model, `gpt-4o` and `gpt-4o-mini` are not.
    """
    names = [name.lower().rpartition("/")[2] for name in (asked, answered)]
    short, long = sorted(names, key=len)
    if not long.startswith(short):
        return False
    return short == long or _VERSION.fullmatch(long, len(short)) is not None


def _content(choices: Any, request: Request) -> tuple[str, Outcome, str]:
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return "", "empty", "no choices"
    message = choices[0].get("message")
    if not isinstance(message, dict):
        return "", "empty", "no message"
    refusal = _text(message.get("refusal"))
    text = _text(message.get("content"))
    clean = _clean(text)
    finish = choices[0].get("finish_reason")
    if finish == "content_filter":
        return clean, "filtered", "the server's content filter"
    if refusal:
        return _clean(refusal), "refusal", "the model refused"
    if finish == "length":
        return _cut(clean, request)
    if not text.strip():
        return "", "empty", "no content"
    if clean != text:
        return clean, "invalid", "half a surrogate pair"
    return text, *judge(text, request)


def _cut(text: str, request: Request) -> tuple[str, Outcome, str]:
    """Of a text that was cut off, the whole items of a list can be used."""
    schema = request.schema
    if schema is not None and list_name(schema) and read_items(text, schema):
        outcome, reason = judge(text, request)
        return text, outcome, reason or f"{CUT}: what was whole is kept"
    return text, "length", CUT


def judge(text: str, request: Request) -> tuple[Outcome, str]:
    """ok for what is neither refusal nor echo, and of the schema, or lists something that is."""
    prompts = [message["content"] for message in request.messages]
    echo = evasion.find_echo(text, prompts)
    if echo is not None:
        return "echo", echo
    if request.schema is not None:
        fault = find_fault(text, request.schema)
        if fault is not None:
            return ("refusal", REFUSED) if evasion.is_refusal(text) else ("invalid", fault)
    elif len(text) < REFUSAL_MOST and evasion.is_refusal(text):
        return "refusal", REFUSED
    return "ok", ""


def _text(content: Any) -> str:
    """Content is text, or a list of parts that hold text, or null."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, Mapping)]
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _clean(text: str) -> str:
    """*text* without the halves of surrogate pairs, which no file can hold."""
    return _SURROGATE.sub("\ufffd", text)


def _tokens(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_TOKENS:
        return value
    return None
