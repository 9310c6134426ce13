"""An endpoint of a model: what decides an answer, what it may cost, what is sent and comes back."""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from p2m.calls.completion import Completion, is_same_model
from p2m.calls.prices import FREE, Price
from p2m.errors import InputError
from p2m.stages import Answer, Request


@dataclass(frozen=True)
class Entry:
    """A request in the ledger: its key, its parts in canonical JSON, the most that it can cost."""

    key: str
    endpoint: str
    model: str
    messages: str
    params: str
    schema: str | None
    sample: int
    worst: int


@dataclass(frozen=True)
class Endpoint:
    """address and model name whom to ask; extra are further parameters, None takes one out.

    key_setting: the environment variable of the key.  resumes: answers outlive who asked.
    """

    address: str
    model: str
    concurrency: int
    price: Price = FREE
    extra: Mapping[str, Any] = field(default_factory=dict)
    tokens_field: str = "max_tokens"
    structured: Literal["probe", "always", "never"] = "never"
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    key_setting: str = ""
    resumes: bool = False

    def body(self, request: Request, *, structured: bool) -> dict[str, Any]:
        """What is posted.  structured: whether the schema goes along as response_format."""
        sent: dict[str, Any] = {
            "model": self.model,
            "messages": [dict(message) for message in request.messages],
            "temperature": request.temperature,
            "top_p": request.top_p,
            **self.extra,
            self.tokens_field: request.max_tokens,
        }
        if structured and request.schema is not None:
            name = str(request.schema.get("title", "answer"))
            sent["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": name, "schema": request.schema, "strict": True},
            }
        return {name: value for name, value in sent.items() if value is not None}

    def entry(self, request: Request) -> Entry:
        """By what decides the answer, alone.  InputError for a message that no file can hold."""
        messages = [dict(message) for message in request.messages]
        params = {"temperature": request.temperature, "top_p": request.top_p, **self.extra}
        params["max_tokens"] = request.max_tokens
        whole = {
            "endpoint": self.address,
            "model": self.model,
            "messages": messages,
            "params": params,
            "schema": request.schema,
            "sample": request.sample,
        }
        try:
            key = hashlib.sha256(canonical(whole).encode()).hexdigest()
        except UnicodeEncodeError as error:
            character = f"U+{ord(error.object[error.start]):04X}"
            raise InputError(
                f"a request holds half a surrogate pair ({character}), which is no text"
            ) from error
        return Entry(
            key,
            self.address,
            self.model,
            canonical(messages),
            canonical(params),
            None if request.schema is None else canonical(request.schema),
            request.sample,
            self.worst(request),
        )

    def bill(self, completion: Completion) -> int | None:
        """In nano-dollars; None where the server did not say what it used."""
        if completion.input_tokens is None or completion.output_tokens is None:
            return None
        return self.price.nano(completion.input_tokens, completion.output_tokens)

    def most(self, completion: Completion, request: Request) -> int | None:
        """What the request can cost, as its input was counted; None where it was not."""
        if completion.input_tokens is None:
            return None
        return self.price.nano(completion.input_tokens, request.max_tokens)

    def refuse_other_model(self, completion: Completion) -> Completion:
        """Who pays for one model does not take another's answer, whose price is not known."""
        model = completion.model
        if self.price == FREE or model is None or is_same_model(self.model, model):
            return completion
        return Completion(completion.text, "invalid", f"the model '{model}' answered", model)

    def worst(self, request: Request) -> int:
        """The most it can cost, in nano-dollars: no tokenizer makes more tokens than bytes."""
        if self.price == FREE:
            return 0
        size = len(encode(self.body(request, structured=True)))
        return self.price.nano(size, request.max_tokens)


@dataclass
class Call:
    """A request on its way.  ordinal: its place among all of the session; -1 of the probe."""

    request: Request
    entry: Entry
    future: "Future[Answer]"
    ordinal: int
    structured: bool = False

    @property
    def is_probe(self) -> bool:
        return self.ordinal < 0


@dataclass(frozen=True)
class Reply:
    """status: HTTP's, or None: then fault says why, and sent whether it may have been billed."""

    status: int | None
    headers: Mapping[str, str]
    body: bytes
    fault: str = ""
    sent: bool = True


class Transport(Protocol):
    """`send` gives a Reply whatever happens; a UserError is raised where no call can succeed."""

    async def open(self) -> None: ...
    async def send(self, call: Call) -> Reply: ...
    async def close(self) -> None: ...


def canonical(value: Any) -> str:
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )


def encode(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def reply_with(
    text: str, model: str, prompt_tokens: int, completion_tokens: int, finish: str = "stop"
) -> Reply:
    """An answer in the form of OpenAI's chat completions, for models that run in this process."""
    message = {"role": "assistant", "content": text}
    envelope = {
        "object": "chat.completion",
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens},
    }
    body = json.dumps(envelope, ensure_ascii=False).encode(errors="surrogatepass")
    return Reply(200, {}, body)
