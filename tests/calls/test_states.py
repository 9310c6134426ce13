"""The legend of an attempt's states says all that the code does, and the code nothing else."""

import ast
import re
import sqlite3
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from p2m import calls
from p2m.calls import account
from p2m.calls.completion import Completion
from p2m.calls.endpoint import Reply
from p2m.calls.ledger import TABLES
from p2m.calls.reconcile import OpenCalls, settle_open
from p2m.calls.states import STATES
from tests.calls.doubles import NO_CAPS, ask, endpoint

CODE = [path for path in Path(calls.__path__[0]).glob("*.py") if path.name != "states.py"]
IN_SQL = re.compile(r"\bstate(?:=|<>)'(\w+)'|VALUES\(:key,'(\w+)'|CASE state WHEN '(\w+)'")


def functions_and_states():
    """(module.function, state) for each state that the package's code names."""
    for path in CODE:
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                for state in named_states(function):
                    yield f"{path.stem}.{function.name}", state


def named_states(function: ast.FunctionDef):
    for node in ast.walk(function):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if node.value in STATES:
                yield node.value
            for found in IN_SQL.findall(node.value):
                yield "".join(found)
        is_move = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "move"
        if is_move and isinstance(node.args[2], ast.Constant):
            yield node.args[2].value


def test_every_state_that_code_names_is_in_the_legend() -> None:
    assert {state for _, state in functions_and_states()} == set(STATES)


def test_the_legend_names_whoever_sets_a_state() -> None:
    pairs = set(functions_and_states()) | {("account.begin", "out")}  # through its two helpers
    for name, state in STATES.items():
        for function in state.set_by:
            assert (function, name) in pairs


def test_each_state_is_reached_and_left_as_the_legend_says() -> None:
    assert {before for state in STATES.values() for before in state.after} <= set(STATES)
    assert not any("paid" in state.after for state in STATES.values())


def ledger() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.executescript(TABLES)
    account.open_account(db, "prompt")
    return db


STEPS = st.lists(
    st.tuples(st.sampled_from([*STATES, "begin", "settle 0"]), st.integers(0, 3)), max_size=30
)


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_an_account_is_always_the_sum_of_its_attempts(steps: list[tuple[str, int]]) -> None:
    db, place, folder = ledger(), endpoint(), Path("/nowhere")
    payer = account.Payer(folder, "me", "prompt", "run", "stage", NO_CAPS)
    reply, answer = Reply(500, {}, b"oops"), Reply(200, {}, b"{}")
    for number, (step, i) in enumerate(steps):
        attempts = db.execute("SELECT id, reserved, outcome FROM attempts ORDER BY id").fetchall()
        attempt, reserved, outcome = attempts[i % len(attempts)] if attempts else (None, 0, None)
        if step == "begin" or attempt is None:
            entry = place.entry(ask(number))
            account._reserve(db, entry, payer)
            db.execute("UPDATE accounts SET nano=nano+?, calls=calls+1", (entry.worst,))
        elif step == "answered":
            account.record_body(db, attempt, answer, 0.1)
        elif step == "void":
            account.close(db, attempt, "void", reply, "429", 0.1)
        elif step == "open":
            account.close(db, attempt, "open", reply, "500", 0.1)
        elif step in {"paid", "settle 0"}:
            bill = None if step == "paid" else 7
            account.settle(db, attempt, Completion("text", "ok"), bill, None)
        elif step == "lost":
            settle_open(db, OpenCalls([(attempt, reserved, outcome is not None)], reserved), 5)
    sums = db.execute("SELECT SUM(billed), SUM(state<>'void') FROM attempts").fetchone()
    assert db.execute("SELECT nano, calls FROM accounts").fetchone() == tuple(
        value or 0 for value in sums
    )
    db.close()
