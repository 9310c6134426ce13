import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from p2m.calls.ledger import FILE, Owner, Writer, alive, connect, journal_mode
from p2m.errors import UserError
from p2m.teacher import ledger
from tests.calls.doubles import Told, ask, good, opened


class Heard:
    """Collects what a writer tells."""

    def __init__(self) -> None:
        self.groups: list[list[tuple[Any, Any, BaseException | None]]] = []
        self.told = threading.Event()

    def __call__(self, group: list[tuple[Any, Any, BaseException | None]]) -> None:
        self.groups.append(group)
        self.told.set()

    def all(self) -> list[tuple[Any, Any, BaseException | None]]:
        return [item for group in self.groups for item in group]


def test_every_commit_is_synced_and_the_log_is_safe_for_the_version(tmp_path: Path) -> None:
    db = connect(tmp_path)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert db.execute("PRAGMA journal_mode").fetchone()[0].upper() == journal_mode(tmp_path)
    db.close()
    assert journal_mode(tmp_path, (3, 51, 2)) == "TRUNCATE"
    assert journal_mode(tmp_path, (3, 51, 3)) == "WAL"
    assert journal_mode(Path("/proc"), (3, 40, 0)) == "TRUNCATE"


def test_deeds_that_wait_together_share_one_transaction(tmp_path: Path) -> None:
    heard, gate = Heard(), threading.Event()
    writer = Writer(tmp_path, heard)
    writer.do(0, lambda db: gate.wait())
    for i in range(1, 50):
        writer.do(
            i,
            lambda db, i=i: (
                db.execute("INSERT INTO traits VALUES('e','m',?,'v')", (str(i),)).rowcount
            ),
        )
    gate.set()
    writer.close()
    assert (
        len(heard.groups) <= 2
    )  # the first deed alone, if the thread was quick to take it, and all others together
    assert [(tag, error) for tag, _, error in heard.all()] == [(i, None) for i in range(50)]


def test_deed_that_fails_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    heard, gate = Heard(), threading.Event()
    writer = Writer(tmp_path, heard)
    writer.do(0, lambda db: gate.wait())
    for i in range(1, 6):
        sql = (
            "INSERT INTO traits VALUES('e','m',?,'v')"
            if i != 3
            else "INSERT INTO nothing VALUES(?)"
        )
        writer.do(i, lambda db, i=i, sql=sql: db.execute(sql, (str(i),)).rowcount)
    gate.set()
    writer.close()
    assert [tag for tag, _, error in heard.all() if error is not None] == [3]
    db = ledger(tmp_path)
    assert db.execute("SELECT trait FROM traits").fetchall() == [("1",), ("2",), ("4",), ("5",)]
    db.close()


def test_owner_is_alive_until_it_lets_go_or_dies(tmp_path: Path) -> None:
    owner = Owner(tmp_path)
    assert alive(tmp_path, owner.name)
    owner.release()
    assert not alive(tmp_path, owner.name)
    code = "import sys; from pathlib import Path; from p2m.calls.ledger import Owner\n"
    code += "owner = Owner(Path(sys.argv[1])); print(owner.name, flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    assert alive(tmp_path, name)
    process.kill()
    process.communicate()
    assert not alive(tmp_path, name)


def test_call_that_a_dead_process_had_out_stays_charged_and_is_made_again(tmp_path: Path) -> None:
    with opened(tmp_path, Told(lambda i: good())) as session:
        session.submit(ask(1)).result()
        worst = session.endpoint.entry(ask(1)).worst
    db = sqlite3.connect(tmp_path / "calls" / FILE)
    db.execute(
        "UPDATE attempts SET state='out', owner='gone-1', body=NULL, outcome=NULL, billed=reserved"
    )
    db.execute("UPDATE accounts SET nano=?", (worst,))
    db.commit()
    db.close()
    transport = Told(lambda i: good())
    with opened(tmp_path, transport) as session:
        assert session.submit(ask(1)).result().fresh
    db = ledger(tmp_path / "calls")
    assert db.execute("SELECT state, reason, billed FROM attempts ORDER BY id").fetchall() == [
        ("open", "killed", worst),
        ("paid", "", 30_000),
    ]
    assert db.execute("SELECT nano, calls FROM accounts").fetchall() == [(worst + 30_000, 2)]
    db.close()


def test_answer_that_a_dead_process_had_not_parsed_is_read_and_billed_now(tmp_path: Path) -> None:
    with opened(tmp_path, Told(lambda i: good())) as session:
        session.submit(ask(1)).result()
        worst = session.endpoint.entry(ask(1)).worst
    db = sqlite3.connect(tmp_path / "calls" / FILE)
    db.execute(
        "UPDATE attempts SET state='answered', owner='gone-1', outcome=NULL, billed=reserved"
    )
    db.execute("UPDATE accounts SET nano=?", (worst,))
    db.commit()
    db.close()
    transport = Told(lambda i: good())
    with opened(tmp_path, transport) as session:
        answer = session.submit(ask(1)).result()
    assert (answer.fresh, answer.usd, transport.sent) == (False, 30e-6, [])
    db = ledger(tmp_path / "calls")
    assert db.execute("SELECT state, outcome, nano, calls FROM attempts, accounts").fetchall() == [
        ("paid", "ok", 30_000, 1)
    ]
    db.close()


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
        match=r"calls: cannot write to .*file/calls \(Not a directory\); give another folder, calls=",
    ):
        connect(tmp_path / "file" / "calls")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_file_that_may_not_be_written_is_told(tmp_path: Path) -> None:
    connect(tmp_path).close()
    (tmp_path / FILE).chmod(0o400)
    with pytest.raises(UserError, match=r"cannot be written .*; give another folder, calls="):
        connect(tmp_path)
