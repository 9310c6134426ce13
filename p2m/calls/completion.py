"""What a raw answer says: its text, what became of it, and what it used."""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from p2m.schema import mismatch
from p2m.stages import Outcome, Request
from p2m.text.json_answer import tolerant_json
from p2m.text.scripts import families

MOST_TOKENS = 10**9  # a usage beyond it is a server's mistake, not a bill
ECHO_LEAST = 80  # characters; shorter texts recur by right, as when an answer repeats its input
STRANGE_LEAST = (
    12  # letters of a script that the request does not use, before its language is called wrong
)
_REFUSAL = re.compile(
    r"\W*(?:I['’]?m sorry|I am sorry|sorry,|I (?:can(?:no|['’])?t|am unable|am not able|won['’]t)|as an? (?:AI|language model))",
    re.I,
)
_VERSION = re.compile(r"[-:@.](?:v?\d[\w.:-]*|latest|main|preview.*)")
_LETTERS = {name: re.compile(f"[{chars}]") for name, chars in families().items()}


@dataclass(frozen=True)
class Completion:
    """text as received.  reason: a few words where outcome is not ok.  Tokens are None where the server did not say."""

    text: str
    outcome: Outcome
    reason: str = ""
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


def read(body: bytes, request: Request) -> Completion:
    """A chat completion in OpenAI's form.  Never raises: what cannot be read is `invalid`."""
    try:
        envelope = json.loads(body)
    except (ValueError, RecursionError):
        return Completion("", "invalid", "the body is not JSON")
    if not isinstance(envelope, dict):
        return Completion("", "invalid", "the body is not an object")
    usage = envelope.get("usage")
    told = usage if isinstance(usage, dict) else {}
    model = envelope.get("model")
    text, outcome, reason = _content(envelope.get("choices"), request)
    return Completion(
        text, outcome, reason, _clean(model)[:200] if isinstance(model, str) else None,
        _tokens(told.get("prompt_tokens")), _tokens(told.get("completion_tokens")),
    )  # fmt: skip


def same_model(asked: str, answered: str) -> bool:
    """Whether the one name is the other with a version, a date or an organisation: `gpt-4o` and `gpt-4o-2024-08-06`, not `gpt-4o-mini`."""
    one, other = sorted((name.lower().rpartition("/")[2] for name in (asked, answered)), key=len)
    return other.startswith(one) and (
        one == other or _VERSION.fullmatch(other[len(one) :]) is not None
    )


def _content(choices: Any, request: Request) -> tuple[str, Outcome, str]:
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return "", "empty", "no choices"
    message, finish = choices[0].get("message"), choices[0].get("finish_reason")
    if not isinstance(message, dict):
        return "", "empty", "no message"
    text = _text(message.get("content"))
    if finish == "content_filter":
        return _clean(text), "filtered", "the server's content filter"
    if isinstance(message.get("refusal"), str) and message["refusal"]:
        return _clean(message["refusal"]), "refusal", "the model refused"
    if finish == "length":
        return _clean(text), "length", "cut off at max_tokens"
    if not text.strip():
        return "", "empty", "no content"
    if _clean(text) != text:
        return _clean(text), "invalid", "half a surrogate pair"
    return text, *judge(text, request)


def judge(text: str, request: Request) -> tuple[Outcome, str]:
    """Whether *text* answers the request: neither refusal, nor echo, nor another script, and of the schema asked for."""
    if echo := _echo(text, request):
        return "echo", echo
    value = tolerant_json(text) if request.schema is not None else None
    fault = mismatch(value, request.schema) if request.schema is not None else None
    if request.schema is not None and value is None:
        fault = "no JSON in it"
    if _REFUSAL.match(text) and (fault or (request.schema is None and len(text) < 400)):
        return "refusal", "it reads as a refusal"
    if fault:
        return "invalid", fault
    if text.isascii() and "\\u" not in text:
        return "ok", ""
    strange = _strange("\n".join(_strings(value)) if request.schema is not None else text, request)
    return (
        ("language", f"mostly {strange}, which the request does not use") if strange else ("ok", "")
    )


def _echo(text: str, request: Request) -> str:
    """The prompt in the answer, or the answer in the prompt, word for word."""
    said = text.strip()
    for message in request.messages:
        asked = message["content"].strip()
        if len(asked) >= ECHO_LEAST and asked in said:
            return "it repeats the prompt"
        if len(said) >= ECHO_LEAST and said in asked:
            return "it is a part of the prompt"
    return ""


def _strange(text: str, request: Request) -> str | None:
    """The script that most of *text* is in, if the request has no letter of it."""
    counts = {name: len(letters.findall(text)) for name, letters in _LETTERS.items()}
    name = max(counts, key=lambda n: counts[n])
    if counts[name] < STRANGE_LEAST or counts[name] * 2 <= sum(counts.values()):
        return None
    used = any(_LETTERS[name].search(message["content"]) for message in request.messages)
    return None if used else name


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _text(content: Any) -> str:
    """Content is text, or a list of parts that hold text, or null."""
    if isinstance(content, list):
        parts = (part.get("text") for part in content if isinstance(part, Mapping))
        return "".join(part for part in parts if isinstance(part, str))
    return content if isinstance(content, str) else ""


def _clean(text: str) -> str:
    """*text* without the surrogates that no file can hold."""
    return (
        "".join("\ufffd" if unicodedata.category(c) == "Cs" else c for c in text)
        if not _encodes(text)
        else text
    )


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _tokens(value: Any) -> int | None:
    return (
        value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_TOKENS
        else None
    )
