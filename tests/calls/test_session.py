import hashlib
import json
import sqlite3
from pathlib import Path

import pytest

from p2m.calls.budget import Budget
from p2m.calls.endpoint import Reply
from p2m.errors import (
    BudgetError,
    DiskFullError,
    IncompleteError,
    InputError,
    ServiceError,
    Stopped,
)
from p2m.stages import Request
from tests.calls.doubles import GOOD, SCHEMA, FakeTransport, ask, endpoint, good, make_session


def rows(folder: Path, columns: str) -> list[tuple]:
    db = sqlite3.connect(folder / "calls" / "calls.sqlite")
    try:
        return db.execute(f"SELECT {columns} FROM attempts ORDER BY id").fetchall()
    finally:
        db.close()


def account(folder: Path) -> tuple:
    db = sqlite3.connect(folder / "calls" / "calls.sqlite")
    try:
        return db.execute("SELECT nano, calls FROM accounts").fetchone()
    finally:
        db.close()


def test_answer_is_billed_by_its_usage_and_kept_with_its_raw_body(tmp_path: Path) -> None:
    with make_session(tmp_path, FakeTransport(lambda i: good())) as session:
        answer = session.submit(ask(1, schema=SCHEMA)).result()
    assert (answer.text, answer.outcome, answer.usd, answer.fresh) == (GOOD, "ok", 30e-6, True)
    ((state, billed, outcome, model, asked, wrote, status),) = rows(
        tmp_path, "state, billed, outcome, model, input_tokens, output_tokens, status"
    )
    assert (state, billed, outcome, model, asked, wrote, status) == (
        "paid",
        30_000,
        "ok",
        "large",
        10,
        20,
        200,
    )
    ((body, sha256),) = rows(tmp_path, "body, sha256")
    assert json.loads(body)["choices"][0]["message"]["content"] == GOOD
    assert sha256 == hashlib.sha256(body).hexdigest()
    assert account(tmp_path) == (30_000, 1)


def test_same_request_tomorrow_is_free(tmp_path: Path) -> None:
    for expected in (True, False):
        transport = FakeTransport(lambda i: good())
        with make_session(tmp_path, transport) as session:
            answer = session.submit(ask(1)).result()
            meter = session.work.meter
        assert answer.fresh is expected
        assert len(transport.sent) == int(expected)
        assert (meter.usd, meter.paid_usd) == (30e-6, 30e-6 if expected else 0.0)
    assert account(tmp_path) == (30_000, 1)


def test_same_request_twice_at_once_is_sent_once(tmp_path: Path) -> None:
    transport = FakeTransport(lambda i: good(), seconds=0.05)
    with make_session(tmp_path, transport) as session:
        answers = [f.result() for f in [session.submit(ask(1)) for _ in range(5)]]
    assert len(transport.sent) == 1
    assert sorted(a.fresh for a in answers) == [False] * 4 + [True]


def test_another_sample_of_the_same_request_is_another_call(tmp_path: Path) -> None:
    transport = FakeTransport(lambda i: good())
    with make_session(tmp_path, transport) as session:
        keys = {session.submit(ask(1, sample=n)).result().key for n in range(3)}
    assert len(transport.sent) == len(keys) == 3


def test_key_hangs_on_what_decides_the_answer(tmp_path: Path) -> None:
    with make_session(tmp_path, FakeTransport(lambda i: good())) as session:
        base = session.endpoint.entry(ask(1)).key
        others = [
            ask(2),
            ask(1, sample=1),
            ask(1, top_p=0.9),
            ask(1, schema=SCHEMA),
            Request(({"role": "user", "content": "question 1"},), 0.8, 100),
            Request(({"role": "user", "content": "question 1"},), 0.7, 101),
            Request(({"role": "system", "content": "question 1"},), 0.7, 100),
        ]
        keys = {session.endpoint.entry(request).key for request in others}
        assert session.endpoint.entry(ask(1)).key == base
    assert len(keys) == len(others)
    assert base not in keys


def test_key_is_the_digest_of_canonical_json(tmp_path: Path) -> None:
    it = endpoint()
    whole = {
        "endpoint": "http://model.test/v1",
        "model": "large",
        "messages": [{"role": "user", "content": "question 1"}],
        "params": {"temperature": 0.7, "top_p": 1.0, "max_tokens": 100},
        "schema": SCHEMA,
        "sample": 3,
    }
    text = json.dumps(whole, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert (
        it.entry(ask(1, schema=SCHEMA, sample=3)).key == hashlib.sha256(text.encode()).hexdigest()
    )


def test_cap_is_never_passed_and_says_what_it_takes_to_go_on(tmp_path: Path) -> None:
    transport = FakeTransport(lambda i: good(), seconds=0.002)
    with make_session(
        tmp_path, transport, caps=Budget(0.002, None, None, 0), concurrency=8
    ) as session:
        futures = [session.submit(ask(i)) for i in range(100)]
        done = [f for f in futures if f.exception() is None]
        with pytest.raises(BudgetError, match=r"budget\.max_usd=0\.002 leaves no room") as caught:
            futures[-1].result()
    assert caught.value.code == 7
    assert "To go on, start the same command with budget.max_usd=0.0" in str(caught.value)
    nano, calls = account(tmp_path)
    assert nano == calls * 30_000 == len(done) * 30_000
    assert 0.85 * 0.002 < nano / 1e9 <= 0.002  # the rest is less than one worst case, 0.00024


def test_cap_on_calls_holds_across_runs(tmp_path: Path) -> None:
    transport = FakeTransport(lambda i: good())
    for first in (0, 5):
        with make_session(tmp_path, transport, caps=Budget(None, 7, None, 0)) as session:
            futures = [session.submit(ask(i)) for i in range(first, first + 5)]
            failed = [f for f in futures if f.exception() is not None]
    assert len(transport.sent) == 7
    assert len(failed) == 3
    with pytest.raises(
        BudgetError,
        match=r"budget\.max_calls=7 is reached: \$0\.000210 in 7 calls on this prompt\.",
    ):
        failed[0].result()


def test_cap_counts_each_prompt_for_itself(tmp_path: Path) -> None:
    for prompt in ("one", "two"):
        with make_session(
            tmp_path, FakeTransport(lambda i: good()), caps=Budget(None, 1, None, 0), account=prompt
        ) as session:
            assert session.submit(ask(1, sample=ord(prompt[0]))).result().fresh


def test_time_that_is_up_stops_before_the_next_call_and_keeps_kept_answers_free(
    tmp_path: Path,
) -> None:
    with make_session(tmp_path, FakeTransport(lambda i: good())) as session:
        session.submit(ask(1)).result()
    with make_session(
        tmp_path, FakeTransport(lambda i: good()), caps=Budget(None, None, 0.0, 0)
    ) as session:
        assert session.submit(ask(1)).result().outcome == "ok"
        with pytest.raises(BudgetError, match=r"budget\.max_minutes=0\.0 is reached"):
            session.submit(ask(2)).result()


def test_refusal_by_the_server_stops_at_once_and_names_the_setting(tmp_path: Path) -> None:
    told = Reply(
        401, {}, b'{"error": {"code": "invalid_api_key", "message": "Incorrect API key provided"}}'
    )
    transport = FakeTransport(lambda i: told if i == 10 else good(), seconds=0.001)
    with make_session(tmp_path, transport, concurrency=4, key_setting="MY_KEY") as session:
        futures = [session.submit(ask(i)) for i in range(100)]
        with pytest.raises(
            ServiceError,
            match=r"the key in the environment variable MY_KEY \(teacher\.api_key_env\)",
        ):
            futures[-1].result()
    assert len(transport.sent) <= 11 + 3
    assert account(tmp_path)[1] == len(transport.sent) - 1


def test_server_error_is_tried_again_and_stays_charged(tmp_path: Path) -> None:
    transport = FakeTransport(
        lambda i: Reply(500, {"retry-after": "0"}, b"<html>oops</html>") if i < 2 else good()
    )
    with make_session(tmp_path, transport) as session:
        answer = session.submit(ask(1)).result()
        worst = session.endpoint.entry(ask(1)).worst
    assert (answer.outcome, len(transport.sent)) == ("ok", 3)
    most = (10 + 100) * 1000  # its input, as the answer counted it, and max_tokens
    assert most < worst
    assert rows(tmp_path, "state, reserved, billed, reason") == [
        ("open", worst, most, "HTTP 500: <html>oops</html>"),
        ("open", worst, most, "HTTP 500: <html>oops</html>"),
        ("paid", worst, 30_000, ""),
    ]
    assert account(tmp_path) == (2 * most + 30_000, 3)


def test_an_unknown_fate_of_another_request_stays_at_its_reservation(tmp_path: Path) -> None:
    transport = FakeTransport(lambda i: Reply(500, {"retry-after": "0"}, b"") if i < 6 else good())
    with make_session(tmp_path, transport, concurrency=1) as session:
        assert session.submit(ask(1)).exception() is not None
        worst = session.endpoint.entry(ask(1)).worst
    with make_session(tmp_path, transport) as session:
        session.submit(ask(2)).result()
    assert account(tmp_path) == (6 * worst + 30_000, 7)


def test_server_that_only_fails_is_given_up_after_six_tries(tmp_path: Path) -> None:
    transport = FakeTransport(lambda i: Reply(503, {"retry-after-ms": "1"}, b""))
    with (
        make_session(tmp_path, transport) as session,
        pytest.raises(ServiceError, match="failed 6 times in a row for one call") as caught,
    ):
        session.submit(ask(1)).result()
    assert (len(transport.sent), caught.value.code) == (6, 69)


def test_throttled_call_is_given_back_and_tried_again(tmp_path: Path) -> None:
    transport = FakeTransport(
        lambda i: (
            Reply(429, {"retry-after-ms": "5"}, b'{"error": {"message": "slow down"}}')
            if i < 3
            else good()
        )
    )
    with make_session(tmp_path, transport) as session:
        assert session.submit(ask(1)).result().outcome == "ok"
    assert [state for (state,) in rows(tmp_path, "state")] == ["void", "void", "void", "paid"]
    assert account(tmp_path) == (30_000, 1)


def test_unread_usage_leaves_the_answer_at_its_reservation(tmp_path: Path) -> None:
    body = json.dumps(
        {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}
    ).encode()
    with make_session(tmp_path, FakeTransport(lambda i: Reply(200, {}, body))) as session:
        answer = session.submit(ask(1)).result()
        worst = session.endpoint.entry(ask(1)).worst
    assert answer.outcome == "ok"
    assert rows(tmp_path, "state, billed") == [("open", worst)]
    with make_session(tmp_path, FakeTransport(lambda i: good())) as session:
        assert session.submit(ask(1)).result().fresh is False


def test_mostly_useless_answers_stop_the_session_and_three_are_shown(tmp_path: Path) -> None:
    transport = FakeTransport(lambda i: good("I'm sorry, but I cannot help with that."))
    with make_session(tmp_path, transport, concurrency=1) as session:
        futures = [session.submit(ask(i)) for i in range(60)]
        with pytest.raises(
            IncompleteError,
            match="50 of the last 50 answers of 'large' cannot be used; the last 3:",
        ) as caught:
            futures[59].result()
    assert (
        str(caught.value).count(
            'refusal (it reads as a refusal): "I\'m sorry, but I cannot help with that."'
        )
        == 3
    )
    assert futures[0].result().outcome == "refusal"
    assert session.health.outcomes == {"refusal": len(transport.sent)}
    assert len(transport.sent) < 60


def test_full_disk_loses_no_acknowledged_answer_and_the_run_goes_on_later(tmp_path: Path) -> None:
    big = json.dumps({"examples": [{"input": "x" * 2000, "output": "y"}]})
    with make_session(tmp_path, FakeTransport(lambda i: good(big)), pages=40) as session:
        futures = [session.submit(ask(i)) for i in range(200)]
        kept = [i for i, f in enumerate(futures) if f.exception() is None]
        with pytest.raises(
            DiskFullError, match=r"no room left to write .* then start the same command"
        ) as caught:
            futures[-1].result()
    assert caught.value.code == 28
    assert 5 < len(kept) < 100
    transport = FakeTransport(lambda i: good(big))
    with make_session(tmp_path, transport) as session:
        answers = [f.result() for f in [session.submit(ask(i)) for i in range(200)]]
    assert {i for i, a in enumerate(answers) if not a.fresh} >= set(kept)
    assert {a.text for a in answers} == {big}


def test_request_that_no_file_can_hold_is_refused_with_the_character(tmp_path: Path) -> None:
    bad = Request(({"role": "user", "content": "a\ud800"},), 0, 1)
    with (
        make_session(tmp_path, FakeTransport(lambda i: good())) as session,
        pytest.raises(InputError, match=r"half a surrogate pair \(U\+D800\)"),
    ):
        session.submit(bad)


def test_leaving_waits_for_what_is_out_and_sends_no_more(tmp_path: Path) -> None:
    transport = FakeTransport(lambda i: good(), seconds=0.2)
    with make_session(tmp_path, transport, concurrency=2) as session:
        futures = [session.submit(ask(i)) for i in range(10)]
        futures[0].result()
    sent = len(transport.sent)
    assert sent <= 2 * 2
    assert [state for (state,) in rows(tmp_path, "state")].count("paid") == sent
    with pytest.raises(ServiceError, match="the session with the teacher is closed"):
        futures[-1].result()


def test_endpoint_that_keeps_to_a_schema_is_asked_once_and_remembered(tmp_path: Path) -> None:
    for sends in (2, 1):
        transport = FakeTransport(
            lambda i, n=sends: good('{"colour": "violet-7"}') if n == 2 and i == 0 else good()
        )
        with make_session(tmp_path, transport, structured="probe") as session:
            session.submit(ask(sends, schema=SCHEMA)).result()
        assert [call.structured for call in transport.sent] == [True] * sends


@pytest.mark.parametrize(
    "said", [good("Hello there!"), Reply(400, {}, b'{"error": "response_format is not supported"}')]
)
def test_endpoint_that_ignores_or_refuses_a_schema_is_not_sent_one(
    tmp_path: Path, said: Reply
) -> None:
    transport = FakeTransport(lambda i: said if i == 0 else good())
    with make_session(tmp_path, transport, structured="probe") as session:
        assert session.submit(ask(1, schema=SCHEMA)).result().outcome == "ok"
        session.submit(ask(2, schema=SCHEMA)).result()
        body = session.endpoint.body(ask(1, schema=SCHEMA), structured=transport.sent[1].structured)
    assert [call.structured for call in transport.sent] == [True, False, False]
    assert "response_format" not in body


@pytest.mark.timeout(30)
def test_a_signal_while_the_session_opens_ends_it(tmp_path, monkeypatch):
    session = make_session(tmp_path, FakeTransport(lambda number: good()))

    def stopped(*_: object) -> None:
        raise Stopped(15)

    monkeypatch.setattr(session._ready, "result", stopped)
    with pytest.raises(Stopped):
        session.__enter__()
    assert not session._thread.is_alive()
