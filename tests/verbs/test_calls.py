import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "calls"))
from p2m.calls.endpoint import Reply
from p2m.errors import UsageError, UserError
from p2m.verbs import calls
from tests.calls.doubles import GOOD, FakeTransport, ask, good, make_session, query

Said = Callable[..., str]


@pytest.fixture
def said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Said:
    """Runs a verb over a ledger with 3 good answers, 1 refusal and 1 timeout that was answered when
    tried again."""
    replies = [
        good(),
        good(),
        good("I'm sorry, but I can't."),
        Reply(None, {}, b"", "timeout after 9.0 s"),
        good(),
    ]
    transport = FakeTransport(lambda i: replies[i])
    with make_session(tmp_path, transport, concurrency=1) as session:
        for i in range(4):
            session.submit(ask(i)).result()

    def run(verb: str, *more: str) -> str:
        assert calls.main([verb, "--calls", str(tmp_path / "calls"), *more]) == 0
        return capsys.readouterr().out

    return run


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_list_shows_the_latest_attempts_in_order(said: Said) -> None:
    table = lines(said("list"))
    assert table[0][:7] == ["key", "started", "run", "stage", "model", "state", "outcome"]
    assert [row[6] for row in table[1:]] == ["paid", "paid", "paid", "open", "paid"]
    assert len(lines(said("list", "--limit", "2"))) == 3
    assert len(lines(said("list", "--outcome", "refusal"))) == 2


def test_show_gives_messages_answer_and_every_attempt(said: Said) -> None:
    key = lines(said("list", "--state", "open"))[1][0]
    text = said("show", key)
    assert "--- user\nquestion 3\n" in text
    assert text.count("=== attempt") == 2
    assert "open  timeout after 9.0 s" in text
    assert "billed $0.000030" in text
    assert json.dumps(GOOD) in text


def test_cost_sums_by_stage_and_in_total(said: Said) -> None:
    header, stage, total = lines(said("cost"))
    assert header == [
        "what",
        "attempts",
        "ok",
        "rejected",
        "unbilled",
        "unknown",
        "in",
        "out",
        "usd",
        "unknown_usd",
    ]
    assert stage[:2] == ["run-1", "generator"]
    assert stage[2:] == total[1:]
    assert total[1:8] == ["5", "3", "1", "0", "1", "40", "80"]
    assert float(total[8]) - float(total[9]) == pytest.approx(4 * 30e-6)


def test_reconcile_shows_calls_of_unknown_fate_and_what_to_do(said: Said) -> None:
    text = said("reconcile")
    assert text.startswith(
        "1 calls of unknown fate (timeouts, lost connections, server errors, kills) are "
        "charged at $0.000110."
    )
    assert "p2m calls reconcile --unbilled | --billed | --total USD" in text


def test_reconciled_money_can_be_spent_again(said: Said, tmp_path: Path) -> None:
    assert "1 calls settled: $0.000000 of $0.000110" in said("reconcile", "--unbilled")
    assert lines(said("cost"))[-1][4:6] == ["1", "0"]
    assert said("reconcile").startswith("0 calls of unknown fate")
    assert query(tmp_path / "calls", "SELECT nano, calls FROM accounts") == [(120_000, 4)]


def test_providers_total_is_shared_among_the_calls(said: Said, tmp_path: Path) -> None:
    assert "1 calls settled: $0.000100 of" in said("reconcile", "--total", "0.0001")
    assert query(tmp_path / "calls", "SELECT nano, calls FROM accounts") == [(220_000, 5)]
    assert query(tmp_path / "calls", "SELECT state, billed FROM attempts WHERE billed=100000") == [
        ("lost", 100_000)
    ]


def test_total_beyond_what_was_reserved_is_refused(said: Said) -> None:
    with pytest.raises(
        UserError,
        match=(
            r"--total must lie between 0 and the \$0\.000110 that these 1 calls are charged, got "
            r"5\.0"
        ),
    ):
        said("reconcile", "--total", "5")


def test_a_bill_for_all_calls_settles_those_of_unknown_fate(said: Said, tmp_path: Path) -> None:
    # four calls of $0.00003 are known
    assert "1 calls settled: $0.000050 of" in said("reconcile", "--bill", "0.00017")
    assert query(tmp_path / "calls", "SELECT nano, calls FROM accounts") == [(170_000, 5)]


@pytest.mark.parametrize(
    ("bill", "left"), [("0.00001", "-0.00011"), ("1", "0.99988"), ("nan", "nan")]
)
def test_a_bill_that_cannot_be_is_refused(said: Said, bill: str, left: str) -> None:
    with pytest.raises(UserError, match=f"are charged, got {left} ") as error:
        said("reconcile", "--bill", bill)
    assert "(--bill less $0.000120 for calls whose bill is known)" in str(error.value)


def test_calls_of_a_day_are_chosen(said: Said) -> None:
    assert said("reconcile", "--day", "1999-12-31").startswith("0 calls of unknown fate")


def test_lost_call_is_no_kept_answer(said: Said, tmp_path: Path) -> None:
    with make_session(
        tmp_path, FakeTransport(lambda i: Reply(None, {}, b"", "reset") if i == 0 else good())
    ) as session:
        session.submit(ask(9)).result()
    said("reconcile", "--billed")
    transport = FakeTransport(lambda i: good())
    with make_session(tmp_path, transport) as session:
        assert session.submit(ask(9)).result().fresh is False
    assert transport.sent == []


def test_export_writes_every_attempt_with_its_raw_answer(said: Said, tmp_path: Path) -> None:
    records = [json.loads(line) for line in said("export").splitlines()]
    assert len(records) == 5
    assert records[0]["messages"] == [{"content": "question 0", "role": "user"}]
    assert records[0]["billed_usd"] == 30e-6
    assert json.loads(records[0]["body"])["choices"][0]["message"]["content"] == GOOD
    said("export", str(tmp_path / "calls.jsonl.gz"))
    with gzip.open(tmp_path / "calls.jsonl.gz", "rt") as file:
        assert [json.loads(line) for line in file] == records


def test_jobs_of_different_sweeps_are_told_apart_and_a_sweep_names_all_of_its(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = "2026-11-27/22-10-03-123456", "2026-11-27/22-10-03-1234567"
    for sample, run in enumerate((f"{first}/0", f"{first}/1", f"{second}/0")):
        with make_session(tmp_path, FakeTransport(lambda i: good()), run=run) as session:
            session.submit(ask(1, sample=sample)).result()

    def runs(*more: str) -> list[str]:
        assert calls.main(["cost", "--calls", str(tmp_path / "calls"), "--by", "run", *more]) == 0
        return [line[0] for line in lines(capsys.readouterr().out)[1:-1]]

    assert runs() == [f"{first}/0", f"{first}/1", f"{second}/0"]
    assert runs("--run", f"{first}/1") == [f"{first}/1"]
    assert runs("--run", first) == [f"{first}/0", f"{first}/1"]


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (["cst"], "argument verb: invalid choice: 'cst'"),
        (["show"], "the following arguments are required: key"),
        (["cost", "--by", "moon"], "argument --by: invalid choice: 'moon'"),
    ],
)
def test_wrong_use_is_told_with_the_usage(argv: list[str], text: str) -> None:
    with pytest.raises(UsageError) as caught:
        calls.main(argv)
    assert text in str(caught.value)
    assert "usage: p2m calls" in str(caught.value)


def test_key_that_fits_none_or_several_is_told(said: Said) -> None:
    with pytest.raises(
        UserError, match="no call has a key that begins with 'xyz'; see p2m calls list"
    ):
        said("show", "xyz")
    with pytest.raises(UserError, match="several calls have a key that begins with ''"):
        said("show", "")


def test_missing_ledger_is_told(tmp_path: Path) -> None:
    with pytest.raises(
        UserError,
        match=r"there is no ledger of calls at .*calls\.sqlite; name its folder with --calls",
    ):
        calls.main(["cost", "--calls", str(tmp_path)])


def test_file_that_is_no_ledger_is_told(tmp_path: Path) -> None:
    (tmp_path / "calls.sqlite").write_bytes(b"this is no database, it is text" * 100)
    with pytest.raises(
        UserError, match=r"not a whole ledger .* restore a copy of it, or give another folder"
    ):
        calls.main(["cost", "--calls", str(tmp_path)])
