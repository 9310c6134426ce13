import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2m.text.server_error import read_error


def body(error: Any) -> bytes:
    return json.dumps({"error": error}).encode()


def gemini(*quotas: str, delay: str = "10s") -> bytes:
    """As Google's servers put it: in a list, and with the same words for a minute and for a day."""
    violations = [{"quotaId": quota} for quota in quotas]
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay},
    ]
    error = {
        "code": 429,
        "message": "You exceeded your current quota, please check your plan and billing details.",
        "status": "RESOURCE_EXHAUSTED",
        "details": details,
    }
    return json.dumps([{"error": error}]).encode()


@pytest.mark.parametrize(
    ("raw", "delay"),
    [
        (gemini("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), 10.0),
        (gemini("x", delay="1.25s"), 1.25),
        (body({"message": "Please retry in 10.3s."}), 10.3),
        (body({"message": "Limit 3, Used 3. Please try again in 20s.", "code": "x"}), 20.0),
        (body({"message": "slow down", "retry_after": 7}), 7.0),
        (body({"message": "no", "metadata": {"retry_after_seconds": 12.5}}), 12.5),
        (body({"message": "no", "details": [{"retryDelay": {"seconds": 4}}]}), 4.0),
        (body("Rate limited, wait 30 seconds"), 30.0),
        (b"<html>slow down</html>", None),
        (b"", None),
        (body({"retry_after": True, "retryDelay": "soon"}), None),
    ],
)
def test_the_delay_in_a_body_is_read(raw: bytes, delay: float | None) -> None:
    assert read_error(raw).delay == delay


@pytest.mark.parametrize(
    ("raw", "is_final"),
    [
        (body({"code": "insufficient_quota", "type": "insufficient_quota", "message": "m"}), True),
        (body({"code": "billing_hard_limit_reached", "message": "m"}), True),
        (body({"type": "exceeded_current_quota_error", "message": "m"}), True),
        (
            body({"type": "invalid_request_error", "message": "Your credit balance is too low"}),
            True,
        ),
        (body({"message": "Insufficient Balance"}), True),
        (body({"code": 402, "message": "This request requires more credits"}), True),
        # a limit a minute that has the same words in it
        (
            body({"code": "rate_limit_exceeded", "message": "See account/billing, credit, quota"}),
            False,
        ),
        (body({"code": "insufficient_quota", "message": "Retry after 26 seconds"}), False),
        (body({"code": "429", "message": "exceeded call rate limit of your current quota"}), False),
        (gemini("GenerateRequestsPerMinutePerProjectPerModel"), False),
    ],
)
def test_an_account_without_money_is_known_by_code_and_not_by_a_word(
    raw: bytes, is_final: bool
) -> None:
    assert read_error(raw).wants_money() is is_final


@pytest.mark.parametrize(
    ("raw", "is_day"),
    [
        (gemini("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), True),
        (gemini("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"), False),
        (body({"code": 429, "message": "Rate limit exceeded: free-models-per-day. Add 10"}), True),
        (body({"message": "Limit of requests per day. Please try again in 7m12s."}), False),
    ],
)
def test_a_quota_for_a_day_is_known(raw: bytes, is_day: bool) -> None:
    assert read_error(raw).is_used_up_for_today() is is_day


@pytest.mark.parametrize(
    "error",
    [
        {"code": "context_length_exceeded", "message": "The window is 800 tokens."},
        {"message": "This model's maximum context length is 2048 tokens. However, you requested"},
        {"type": "exceed_context_size_error", "message": "the request exceeds"},
        {"message": "prompt is too long: 210000 tokens > 200000 maximum"},
        {"message": "input length and `max_tokens` exceed context limit: 178959 + 64000 > 200000"},
        {"message": "The input token count (40000) exceeds the maximum number of tokens allowed"},
        {"message": "The input (5000 tokens) is longer than the model's context length (4096)"},
        {"message": "`inputs` tokens + `max_new_tokens` must be <= 4096"},
        {"message": "max_tokens is too large: 50000. This model supports at most 16384"},
        {"message": "Please reduce the length of the messages or completion."},
    ],
)
def test_a_request_that_is_too_long_is_known_in_the_words_of_many_servers(error: Any) -> None:
    assert read_error(body(error)).is_too_long(400)


def test_other_refusals_are_not_about_length() -> None:
    old = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    assert not read_error(body({"message": old})).is_too_long(400)
    assert not read_error(body({"message": "context window"})).is_too_long(401)
    quoted = json.dumps({"detail": [{"msg": "bad", "input": "my context window"}]}).encode()
    assert not read_error(quoted).is_too_long(422), "the request is quoted"
    assert read_error(body({"message": "Request too large for m: TPM"})).is_too_long(429)
    assert read_error(b"<html>").is_too_long(413)


def test_message_of_a_server_is_short_and_of_one_line() -> None:
    assert read_error(b"<html>\n<b>down</b>").message == "<html> <b>down</b>"
    assert read_error(b"").message == "no message"
    assert len(read_error(b'{"error": {"message": "' + b"x" * 5000 + b'"}}').message) == 300
    assert read_error(gemini("q")).message.startswith("429: RESOURCE_EXHAUSTED: You exceeded")


@given(
    st.binary()
    | st.recursive(
        st.none() | st.text() | st.integers(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(st.sampled_from(["error", "retryDelay", "code", "message"]), x)
        ),
    ).map(lambda value: json.dumps(value).encode())
)
@settings(max_examples=300, deadline=None)
def test_no_body_raises(raw: bytes) -> None:
    error = read_error(raw)
    error.wants_money()
    error.is_too_long(400)
    read_error(b"[" * 900 + raw + b"]" * 900)
