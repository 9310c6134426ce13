"""What a raw answer says: its text, what became of it, and what it used."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from p2m.schema import mismatch
from p2m.stages import Outcome, Request
from p2m.text.json_answer import tolerant_json
from p2m.text.scripts import families

MOST_TOKENS = 10**9  # a usage beyond it is a server's mistake, not a bill
# characters; shorter texts recur by right, as when an answer repeats its input
ECHO_LEAST = 80
# letters of a script that the request does not use, before its language is called wrong
STRANGE_LEAST = 12
REFUSED = "it reads as a refusal"
REFUSAL_MOST = 400  # characters of a text that refuses; a longer one only begins like one
_REFUSAL = re.compile(
    r"\W*(?:I['’]?m sorry|I am sorry|sorry,"
    r"|I (?:can(?:no|['’])?t|am unable|am not able|won['’]t)|as an? (?:AI|language model))",
    re.I,
)
_VERSION = re.compile(r"[-:@.](?:v?\d[\w.:-]*|latest|main|preview.*)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LETTERS = {name: re.compile(f"[{chars}]") for name, chars in families().items()}


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
        return clean, "length", "cut off at max_tokens"
    if not text.strip():
        return "", "empty", "no content"
    if clean != text:
        return clean, "invalid", "half a surrogate pair"
    return text, *judge(text, request)


def judge(text: str, request: Request) -> tuple[Outcome, str]:
    """Whether *text* answers the request, and why not.

    It must be neither refusal, nor echo, nor in another script, and of the schema asked for.
    """
    echo = _find_echo(text, request)
    if echo:
        return "echo", echo
    value: Any = text
    if request.schema is not None:
        value = tolerant_json(text)
        fault = "no JSON in it" if value is None else mismatch(value, request.schema)
        if fault is not None:
            return ("refusal", REFUSED) if _REFUSAL.match(text) else ("invalid", fault)
    elif len(text) < REFUSAL_MOST and _REFUSAL.match(text):
        return "refusal", REFUSED
    script = _find_strange("\n".join(_strings(value)), request)
    if script is not None:
        return "language", f"mostly {script}, which the request does not use"
    return "ok", ""


def _find_echo(text: str, request: Request) -> str:
    """The prompt in the answer, or the answer in the prompt, word for word."""
    answer = text.strip()
    for message in request.messages:
        asked = message["content"].strip()
        if len(asked) >= ECHO_LEAST and asked in answer:
            return "it repeats the prompt"
        if len(answer) >= ECHO_LEAST and answer in asked:
            return "it is a part of the prompt"
    return ""


def _find_strange(text: str, request: Request) -> str | None:
    """The script that most of *text* is in, if the request has no letter of it."""
    if text.isascii():
        return None
    counts = {name: len(letters.findall(text)) for name, letters in _LETTERS.items()}
    name = max(counts, key=lambda n: counts[n])
    if counts[name] < STRANGE_LEAST or counts[name] * 2 <= sum(counts.values()):
        return None
    is_used = any(_LETTERS[name].search(message["content"]) for message in request.messages)
    return None if is_used else name


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


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
