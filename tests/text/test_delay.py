import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2m.text.delay import duration, in_words, retry_after

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 0.25 "}, 0.25),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({"retry-after": email.utils.formatdate(NOW + 7, usegmt=True)}, 7.0),
        ({"retry-after": email.utils.formatdate(NOW - 7, usegmt=True)}, 0.0),
        ({"retry-after": "1m30s"}, 90.0),
        ({"retry-after": "30ms"}, 0.03),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "99999999"}, 120.0),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "in a while"}, None),
        ({"retry-after": ""}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms_and_clip(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers, NOW) == seconds


@given(st.text(), st.text())
def test_no_header_raises_or_asks_for_too_long(ms: str, seconds: str) -> None:
    wait = retry_after({"retry-after-ms": ms, "retry-after": seconds}, NOW)
    assert wait is None or 0 <= wait <= 120


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("6m0s", 360.0), ("120ms", 0.12), ("1h2m3.5s", 3723.5), ("", None), ("5", None), ("5x", None)],
)
def test_duration_is_read_or_refused(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Please retry in 10.3s.", 10.3),
        ("Limit 3, Used 3. Please try again in 20s. Visit", 20.0),
        ("please try again in 6m0s", 360.0),
        ("Try again in 450ms", 0.45),
        ("Please retry after 26 seconds. To raise your limit", 26.0),
        ("wait for 2 minutes 5 seconds", 125.0),
        ("You may try again in 1 h", 3600.0),
        ("retry in a while", None),
        ("10 s ago", None),
        ("retry in 3 apples", None),
    ],
)
def test_a_wait_in_a_sentence_is_read(text: str, seconds: float | None) -> None:
    assert in_words(text) == seconds


@given(st.text())
def test_no_sentence_raises(text: str) -> None:
    in_words(f"retry in {text}")
    duration(text)
