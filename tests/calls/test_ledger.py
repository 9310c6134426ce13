import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from p2m.calls.ledger import FILE, Writer, connect
from p2m.calls.owner import Owner, is_alive
from p2m.errors import UserError
from tests.calls.doubles import FakeTransport, ask, good, make_session, query


def test_every_commit_is_synced(tmp_path: Path) -> None:
    db = connect(tmp_path)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert db.execute("PRAGMA journal_mode").fetchone() == ("truncate",)
    db.close()


def test_transactions_that_wait_together_are_one(tmp_path: Path) -> None:
    gate, statements = threading.Event(), []
    writer = Writer(tmp_path)
    writer.do(lambda db: db.set_trace_callback(statements.append)).result()
    writer.do(lambda db: gate.wait())
    insert = "INSERT INTO accounts VALUES(?,0,0)"
    results = [
        writer.do(lambda db, i=i: (i, db.execute(insert, (str(i),)).rowcount)) for i in range(50)
    ]
    gate.set()
    writer.close()
    assert [result.result() for result in results] == [(i, 1) for i in range(50)]
    # the gate alone, if the thread was quick to take it; all the others; what closing does
    assert statements.count("COMMIT") <= 3


def test_transaction_that_fails_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    gate = threading.Event()
    writer = Writer(tmp_path)
    writer.do(lambda db: gate.wait())
    good, bad = "INSERT INTO accounts VALUES(?,0,0)", "INSERT INTO nothing VALUES(?)"
    results = [
        writer.do(lambda db, i=i: db.execute(bad if i == 3 else good, (str(i),)).rowcount)
        for i in range(1, 6)
    ]
    gate.set()
    writer.close()
    assert [i for i, result in enumerate(results, 1) if result.exception() is not None] == [3]
    rows = query(tmp_path, "SELECT account FROM accounts")
    assert rows == [("1",), ("2",), ("4",), ("5",)]


def test_what_nobody_waits_for_any_more_is_written_all_the_same(tmp_path: Path) -> None:
    gate = threading.Event()
    writer = Writer(tmp_path)
    writer.do(lambda db: gate.wait())

    async def cancel() -> None:
        insert = "INSERT INTO accounts VALUES('t',0,0)"
        waiting = asyncio.create_task(writer.commit(lambda db: db.execute(insert).rowcount))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(cancel())
    gate.set()
    writer.close()
    assert query(tmp_path, "SELECT account FROM accounts") == [("t",)]


def test_owner_is_alive_until_it_lets_go_or_dies(tmp_path: Path) -> None:
    owner = Owner(tmp_path)
    assert is_alive(tmp_path, owner.name)
    owner.release()
    assert not is_alive(tmp_path, owner.name)
    code = "import sys; from pathlib import Path; from p2m.calls.owner import Owner\n"
    code += "owner = Owner(Path(sys.argv[1])); print(owner.name, flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    assert is_alive(tmp_path, name)
    process.kill()
    process.communicate()
    assert not is_alive(tmp_path, name)


def test_call_that_a_dead_process_had_out_stays_charged_and_is_made_again(tmp_path: Path) -> None:
    with make_session(tmp_path, FakeTransport(lambda i: good())) as session:
        session.submit(ask(1)).result()
        worst = session.endpoint.entry(ask(1)).worst
    db = sqlite3.connect(tmp_path / "calls" / FILE)
    db.execute(
        "UPDATE attempts SET state='out', owner='gone-1', body=NULL, outcome=NULL, billed=reserved"
    )
    db.execute("UPDATE accounts SET nano=?", (worst,))
    db.commit()
    db.close()
    transport = FakeTransport(lambda i: good())
    with make_session(tmp_path, transport) as session:
        assert session.submit(ask(1)).result().fresh
    most = (10 + 100) * 1000  # its input, as the second try counted it, and max_tokens
    assert query(tmp_path / "calls", "SELECT state, reason, billed FROM attempts ORDER BY id") == [
        ("open", "killed", most),
        ("paid", "", 30_000),
    ]
    assert query(tmp_path / "calls", "SELECT nano, calls FROM accounts") == [(most + 30_000, 2)]


def test_answer_that_a_dead_process_had_not_parsed_is_read_and_billed_now(tmp_path: Path) -> None:
    with make_session(tmp_path, FakeTransport(lambda i: good())) as session:
        session.submit(ask(1)).result()
        worst = session.endpoint.entry(ask(1)).worst
    db = sqlite3.connect(tmp_path / "calls" / FILE)
    db.execute(
        "UPDATE attempts SET state='answered', owner='gone-1', outcome=NULL, billed=reserved"
    )
    db.execute("UPDATE accounts SET nano=?", (worst,))
    db.commit()
    db.close()
    transport = FakeTransport(lambda i: good())
    with make_session(tmp_path, transport) as session:
        answer = session.submit(ask(1)).result()
    assert (answer.fresh, answer.usd, transport.sent) == (False, 30e-6, [])
    assert query(
        tmp_path / "calls", "SELECT state, outcome, nano, calls FROM attempts, accounts"
    ) == [("paid", "ok", 30_000, 1)]


def test_ledger_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    db = connect(tmp_path)
    db.execute("PRAGMA user_version=99")
    db.close()
    with pytest.raises(
        UserError,
        match=r"written by a later p2m \(layout 99, not 1\); update p2m or give another calls=",
    ):
        connect(tmp_path)


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        UserError,
        match=(
            r"calls: cannot write to .*file/calls \(Not a directory\); give another folder, "
            r"calls="
        ),
    ):
        connect(tmp_path / "file" / "calls")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_file_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    connect(tmp_path).close()
    (tmp_path / FILE).chmod(0o400)
    with pytest.raises(UserError, match=r"cannot be written .*; give another folder, calls="):
        connect(tmp_path)
