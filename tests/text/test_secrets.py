import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2m.text.secrets import (
    check_variable,
    find_secrets,
    hide,
    hide_in_body,
    hide_userinfo,
    looks_like_key,
)

KEY = "sk-canary/01+=x"


@pytest.mark.parametrize(
    "text",
    ["sk-proj-abc123def456", "hf_AbCdEf0123456789xyz", "Bearer abc123def", "a1b2" * 6, "0f" * 16],
)
def test_keys_are_known(text: str) -> None:
    assert looks_like_key(text)
    with pytest.raises(ValueError, match="name of an environment variable") as refused:
        check_variable(text)
    assert text not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "OPENAI_API_KEY",
        "key_for_my_openai_account_2024",
        "MY_PROVIDER_KEY_2",
        "claude-3-5-sonnet-20241022",
        "gpt-4o-mini-2024-07-18",
        "meta-llama/Llama-3.1-70B-Instruct",
        "low",
    ],
)
def test_names_are_no_keys(text: str) -> None:
    assert not looks_like_key(text)


def test_secrets_are_found_by_name_and_by_value_however_deep() -> None:
    extra = {
        "stop_token_ids": [1, 2],
        "prompt_cache_key": "0f" * 16,
        "reasoning": {"effort": "low"},
        "api-key": "x",
        "more": [{"Authorization": "y"}, "sk-proj-abc123def456"],
        "password": None,
    }
    assert list(find_secrets("extra", extra)) == [
        "extra.api-key",
        "extra.more.0.Authorization",
        "extra.more.1",
    ]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:pass@host/v1", "https://***@host/v1"),
        ("me:pass@host", "***@host"),
        ("https://host/v1?a=b@c", "https://host/v1?a=b@c"),
    ],
)
def test_user_and_password_are_not_shown(url: str, shown: str) -> None:
    assert hide_userinfo(url) == shown


@pytest.mark.parametrize(
    "spelled",
    [
        KEY,
        quote(KEY, safe=""),
        quote(KEY, safe="").lower(),
        KEY.replace("/", "\\/"),
        "".join(f"\\u{ord(c):04x}" for c in KEY),
        "".join(f"\\u{ord(c):04X}" for c in KEY),
        "".join(f"\\\\u{ord(c):04x}" for c in KEY),
        "".join(f"%{ord(c):02X}" for c in KEY),
    ],
)
def test_a_secret_is_hidden_however_it_is_spelled(spelled: str) -> None:
    assert hide(f"the key {spelled} is wrong", KEY) == "the key *** is wrong"
    body = f'{{"error": {{"message": "the key {spelled} is wrong"}}}}'.encode()
    assert hide_in_body(body, KEY) == b'{"error": {"message": "the key *** is wrong"}}'


def test_a_body_without_the_secret_stays_byte_for_byte() -> None:
    body = b'{"a": "\\u0073k 100% \\/", "b": "\xff"}'
    assert hide_in_body(body, KEY) == body
    assert hide_in_body(body, "") == body


@given(st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126), min_size=8))
def test_any_key_is_hidden_in_json_within_json(key: str) -> None:
    inner = json.dumps({"text": f"<{key}>"})
    for text in (inner, json.dumps(inner), json.dumps(json.dumps(inner))):
        assert hide(text, key).count("***") == 1
