import gzip
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "calls"))
from p2m.artifacts import Example, Examples, TaskSpec
from p2m.calls.endpoint import Reply
from p2m.calls.prices import Price
from p2m.errors import UsageError, UserError
from p2m.generator.prompt2model import Prompt2Model
from p2m.prompt.text import Text
from p2m.recording import read
from p2m.teacher.openai import OpenAI
from p2m.teacher.recorded import Recorded
from p2m.verbs import calls
from tests.calls.doubles import (
    GOOD,
    NO_CAPS,
    FakeTransport,
    ask,
    good,
    make_session,
    query,
    work,
)
from tests.calls.fault_server import server
from tests.teacher.test_openai import FIELDS

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


TASK = TaskSpec("Say a number.", [Example("a", "b", "prompt")])
GENERATOR = {
    "target": 60, "per_request": 3, "t0": 0.3, "t_max": 1.4, "top_p": 1.0, "shown_min": 1,
    "shown_max": 3, "lag": 8, "max_tokens": 80, "max_input_chars": 400, "max_output_chars": 200,
    "max_requests_factor": 5.0, "patience": 50, "seed": 0,
}  # fmt: skip


def generate(teacher: Any, folder: Path) -> Examples:
    return Prompt2Model(teacher, **GENERATOR).run(TASK, Examples(), work(folder, "0123456789ab"))


def test_what_is_exported_gives_the_same_examples_to_who_has_no_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "sk-proj-abc123def456")
    faults = "429,truncated_json,refusal,surrogates,fenced,length,filter,reset,wrong_model"
    with server(tmp_path, rate=0.5, faults=faults) as (port, _):
        address = {"base_url": f"http://127.0.0.1:{port}/v1", "api_key_env": "A_KEY"}
        price = {"model": "fault-1", "free": False, "price": Price(1, 4), "calls": tmp_path / "one"}
        first = generate(OpenAI(**FIELDS | address | price), tmp_path)
    monkeypatch.delenv("A_KEY")
    path = tmp_path / "kept.jsonl.gz"
    assert calls.main(["export", "--calls", str(tmp_path / "one"), str(path)]) == 0
    prompt = Text("Say a number.", None, None, None, None, None, None)
    again = generate(Recorded(path, prompt, False, tmp_path / "two", NO_CAPS), tmp_path)
    assert len(first.rows) == 60
    assert [(row.input, row.output, row.votes) for row in again.rows] == [
        (row.input, row.output, row.votes) for row in first.rows
    ]
    assert b"abc123" not in gzip.decompress(path.read_bytes())
    header = json.loads(gzip.decompress(path.read_bytes()).split(b"\n")[0])
    assert (header["model"], header["prompt"]) == ("fault-1", "0123456789ab")
    assert header["written_by"] == "run run-1"
    [(usd,)] = query(tmp_path / "one", "SELECT SUM(billed)/1e9 FROM attempts WHERE body NOTNULL")
    assert header["usd"] == pytest.approx(usd)
    assert header["answers"] == {"examples": len(read(path).records["examples"])}


def test_answers_to_several_prompts_or_to_none_are_no_recording(tmp_path: Path) -> None:
    for account in ("one", "two"):
        with make_session(tmp_path, FakeTransport(lambda i: good()), account=account) as session:
            session.submit(ask(1, sample=len(account), schema={"title": account})).result()
    ledger, path = ["--calls", str(tmp_path / "calls")], tmp_path / "a.jsonl"
    with pytest.raises(UserError, match=r"several prompts \(one, two\); choose one, --account"):
        calls.main(["export", *ledger, str(path)])
    with pytest.raises(UserError, match="there is no such answer; see p2m calls list"):
        calls.main(["export", *ledger, "--account", "three", str(path)])
    assert calls.main(["export", *ledger, "--account", "two", str(path)]) == 0
    assert list(read(path).records) == ["two"]
    with pytest.raises(UserError, match=r"cannot write .*nowhere/a\.jsonl \(No such file"):
        calls.main(["export", *ledger, "--account", "two", str(tmp_path / "nowhere/a.jsonl")])


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
