import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from p2m.calls.endpoint import Reply
from p2m.calls.prices import Price
from p2m.calls.retry import decide
from p2m.errors import ConfigError, ServiceError
from p2m.teacher._prices import list_prices, price_of
from p2m.teacher.openai import OpenAI
from tests.calls.doubles import (
    NO_CAPS,
    SCHEMA,
    FakeTransport,
    ask,
    endpoint,
    good,
    make_session,
    work,
)
from tests.calls.fault_server import billed, client, server, usd

FIELDS: dict[str, Any] = {
    "base_url": "http://127.0.0.1:1/v1",
    "model": "m",
    "api_key_env": None,
    "price": None,
    "free": True,
    "extra": {},
    "tokens_field": "max_tokens",
    "structured": "never",
    "concurrency": 4,
    "requests_per_minute": None,
    "tokens_per_minute": None,
    "connect_s": 1.0,
    "first_byte_s": 1.0,
    "idle_s": 1.0,
    "total_s": 5.0,
    "calls": Path("calls"),
    "budget": NO_CAPS,
}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"base_url": "api.openai.com/v1"},
            "base_url must be like https://api.openai.com/v1, got 'api.openai.com/v1'",
        ),
        (
            {"base_url": "https://me:secret@host/v1"},
            "base_url must hold no user, password, query or fragment",
        ),
        (
            {"free": False},
            "the price of 'm' at http://127.0.0.1:1/v1 is not known, so no budget could hold",
        ),
        ({"price": Price(1, 1)}, "free is true and a price is given"),
        (
            {"extra": {"n": 4, "stream": True}},
            "extra must not hold n, stream: p2m sets it, and the budget counts on it",
        ),
        ({"base_url": "http://host:port/v1"}, "base_url must have a number for its port"),
        ({"extra": {"api_key": "x"}}, r"extra\.api_key looks like a secret"),
        (
            {"extra": {"headers": [{"Authorization": "Bearer abcdefgh"}]}},
            r"extra\.headers\.0\.Authorization looks like a secret",
        ),
        ({"api_key_env": "MY KEY"}, "api_key_env must be the name of an environment variable"),
    ],
)
def test_settings_that_cannot_be_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("?", r"\?")):
        OpenAI(**FIELDS | given)


@pytest.mark.parametrize(
    "given",
    [
        {"api_key_env": "sk-proj-abc123def456"},
        {"api_key_env": "a1b2c3d4e5f6a7b8c9d0e1f2"},
        {"base_url": "ftp://me:hunter2abc@host/v1"},
        {"base_url": "me:hunter2abc@host/v1"},
        {"base_url": "https://me:hunter2abc@host/v1"},
        {"extra": {"x": "sk-proj-abc123def456"}},
    ],
)
def test_a_secret_in_the_settings_is_refused_and_not_shown(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"base_url|api_key_env|extra") as error:
        OpenAI(**FIELDS | given)
    assert not any(secret in str(error.value) for secret in ("abc123", "a1b2c3", "hunter2"))


def test_a_server_that_is_not_up_is_named_before_the_run() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, and nobody listens
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        (line,) = OpenAI(**FIELDS | {"base_url": url}).ready()
    assert line == (
        f"base_url: nothing answers at {url} (Connection refused); start the server, give its"
        " address, teacher.base_url=..., or mend the way to it"
    )


def test_a_server_that_listens_is_ready() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        assert list(OpenAI(**FIELDS | {"base_url": url}).ready()) == []


def test_key_that_is_not_set_is_named_before_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    teacher = OpenAI(**FIELDS | {"api_key_env": "NO_SUCH_KEY", "base_url": "https://host.test/v1"})
    assert list(teacher.ready()) == [
        (
            "api_key_env: the environment variable NO_SUCH_KEY is not set; put your key there "
            "(it is never written to disk)"
        )
    ]


def test_key_that_is_not_set_ends_the_session_at_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    teacher = OpenAI(**FIELDS | {"api_key_env": "NO_SUCH_KEY", "calls": tmp_path})
    with (
        pytest.raises(ConfigError, match="the environment variable NO_SUCH_KEY is not set"),
        teacher.session(work(tmp_path)),
    ):
        pass


def test_listed_prices_are_known_for_dated_models_at_openai_only() -> None:
    assert price_of(
        "gpt-4o-mini-2024-07-18", "https://api.openai.com/v1", None, free=False
    ) == Price(0.15, 0.6)
    with pytest.raises(
        ValueError, match=r"the price of 'gpt-4o-mini' at https://other\.example/v1 is not known"
    ):
        price_of("gpt-4o-mini", "https://other.example/v1", None, free=False)
    assert str(list_prices()["date"]).startswith("20")


def test_price_is_exact_in_nano_dollars_and_rounded_up() -> None:
    assert Price(0.15, 0.6).nano(1000, 10) == 156_000
    assert Price(0.0001, 0.0).nano(1, 0) == 1


def test_worst_case_covers_every_byte_of_the_prompt_and_the_schema() -> None:
    at_most = endpoint(price=Price(1, 0)).worst(ask(1, schema=SCHEMA)) // 1000
    assert at_most > len("question 1") + len(json.dumps(SCHEMA, separators=(",", ":")))


@pytest.mark.slow  # waits five times, twice as long each time
def test_server_that_is_not_there_is_told_after_six_tries(tmp_path: Path) -> None:
    teacher = OpenAI(**FIELDS | {"calls": tmp_path})
    with (
        teacher.session(work(tmp_path)) as session,
        pytest.raises(ServiceError, match=r"failed 6 times in a row .* no connection"),
    ):
        session.submit(ask(1)).result()


def test_parameters_are_added_and_taken_out() -> None:
    it = endpoint(
        extra={"temperature": None, "reasoning_effort": "low"}, tokens_field="max_completion_tokens"
    )
    assert it.body(ask(1), structured=True) == {
        "model": "large",
        "messages": [{"role": "user", "content": "question 1"}],
        "top_p": 1.0,
        "reasoning_effort": "low",
        "max_completion_tokens": 100,
    }


@pytest.mark.parametrize(
    ("status", "body", "look"),
    [
        (
            400,
            {"message": "Unsupported parameter"},
            "a parameter that this model does not take: see teacher.extra",
        ),
        (401, {"message": "no"}, "the key in the environment variable KEY (teacher.api_key_env)"),
        (
            402,
            {"message": "no"},
            "the credit of the account behind the key in the environment variable KEY",
        ),
        (
            403,
            {"message": "no"},
            "what the key in the environment variable KEY (teacher.api_key_env) may use",
        ),
        (404, {"message": "no"}, "Look at teacher.model and teacher.base_url"),
        (429, {"code": "insufficient_quota"}, "the credit of the account"),
        (400, {"message": "Your credit balance is too low"}, "the credit of the account"),
        (
            429,
            {"code": "x", "message": "free-models-per-day"},
            "the quota for a day of the account",
        ),
        (302, {}, "Look at teacher.base_url."),
    ],
)
def test_refusal_names_the_setting(status: int, body: dict[str, str], look: str) -> None:
    said = decide(
        Reply(status, {}, json.dumps({"error": body}).encode()), endpoint(key_setting="KEY")
    )
    assert said.kind == "stop"
    assert look in str(said.error)
    assert f"(HTTP {status}: " in str(said.error)


@pytest.mark.parametrize(
    ("headers", "error", "wait"),
    [
        ({"retry-after": "1"}, {"message": "see your account's billing and credit pages"}, 1.0),
        ({}, {"code": "rate_limit_exceeded", "message": "quota; try again in 2s"}, 2.0),
        ({"retry-after": "0"}, {"message": "Please retry in 10.3s"}, 10.3),
        ({}, {"message": "Please try again in 3h"}, 120.0),
        ({}, {"message": "slow down"}, None),
    ],
)
def test_a_limit_a_minute_is_waited_for_as_long_as_headers_or_body_say(
    headers: dict[str, str], error: dict[str, str], wait: float | None
) -> None:
    decision = decide(Reply(429, headers, json.dumps({"error": error}).encode()), endpoint())
    assert (decision.kind, decision.wait) == ("throttled", wait)


def test_a_request_that_is_too_long_is_refused_alone() -> None:
    raw = b'{"error": {"code": "context_length_exceeded", "message": "2048 tokens"}}'
    assert decide(Reply(400, {}, raw), endpoint()).kind == "too_long"


@pytest.mark.parametrize("status", [408, 409, 425, 500, 502, 503, 504, 529])
def test_failures_that_pass_are_tried_again(status: int) -> None:
    assert decide(Reply(status, {}, b""), endpoint()).kind == "again"


def test_error_in_place_of_an_answer_is_no_answer() -> None:
    upstream = b'{"error": {"code": 502, "message": "upstream failed"}}'
    assert decide(Reply(200, {}, upstream), endpoint()).kind == "again"
    assert decide(Reply(200, {}, b'{"error": {"code": 429}}'), endpoint()).kind == "throttled"
    assert decide(Reply(200, {}, b'{"error": null, "choices": []}'), endpoint()).kind == "answer"


def test_other_models_answer_is_not_taken_and_stays_at_its_reservation(tmp_path: Path) -> None:
    cheap = good().body.replace(b'"large"', b'"cheap-0"')
    with make_session(tmp_path, FakeTransport(lambda i: Reply(200, {}, cheap))) as session:
        answer = session.submit(ask(1)).result()
        assert (answer.outcome, answer.usd) == (
            "invalid",
            session.endpoint.entry(ask(1)).worst / 1e9,
        )


def test_answers_come_through_every_fault_and_never_below_the_servers_bill(tmp_path: Path) -> None:
    with server(tmp_path, rate=0.4, latency=0.002) as (port, bill):
        first = client(
            {
                "port": port,
                "folder": str(tmp_path),
                "n": 60,
                "settings": {"concurrency": 32, "first_byte_s": 0.5},
            }
        )
        charged = billed(bill)
        again = client({"port": port, "folder": str(tmp_path), "n": 60})
        assert billed(bill) == charged
    assert (first["answers"], first["code"]) == (60, 0)
    assert (again["answers"], again["fresh"], again["outcomes"]) == (60, 0, first["outcomes"])
    assert sum(first["outcomes"].values()) == 60
    assert first["outcomes"]["ok"] >= 30
    assert usd(charged) > 0


def test_key_reaches_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_KEY", "sk-canary-0123456789")
    with server(tmp_path, fatal="401", fatal_after=2) as (port, _):
        told = client(
            {
                "port": port,
                "folder": str(tmp_path),
                "n": 5,
                "settings": {"api_key_env": "CANARY_KEY", "concurrency": 1},
            }
        )
    assert told["code"] == 69
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"sk-canary" not in path.read_bytes()
    assert os.environ["CANARY_KEY"] not in told["error"]
