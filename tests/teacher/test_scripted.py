from pathlib import Path

import pytest

from p2m.errors import UserError
from p2m.schema import mismatch
from p2m.stages import Request
from p2m.teacher import ledger
from p2m.teacher.scripted import Scripted
from p2m.text.json_answer import tolerant_json
from tests.calls.doubles import NO_CAPS, SCHEMA, work

DATES = (Path(__file__).resolve().parents[2] / "experiments/quickstart/prompt.md").read_text(
    encoding="utf-8"
)


def scripted(folder: Path, seed: int = 0, break_rate: float = 0.0) -> Scripted:
    return Scripted(0.0, 0.0, break_rate, seed, 16, folder, NO_CAPS)


def ask(i: int, prompt: str = DATES) -> Request:
    return Request(
        ({"role": "user", "content": f"{prompt}\n\nWrite 5 new examples"},),
        1.0,
        800,
        SCHEMA,
        sample=i,
    )


def test_scripted_answers_go_through_the_ledger_and_are_the_same_every_time(tmp_path: Path) -> None:
    texts = []
    for folder, fresh in ((tmp_path / "a", True), (tmp_path / "a", False), (tmp_path / "b", True)):
        with scripted(folder).session(work(tmp_path)) as session:
            answers = [f.result() for f in [session.submit(ask(i)) for i in range(30)]]
        assert {(a.outcome, a.usd, a.fresh) for a in answers} == {("ok", 0.0, fresh)}
        texts.append([a.text for a in answers])
    assert texts[0] == texts[1] == texts[2]
    assert len(set(texts[0])) == 30
    db = ledger(tmp_path / "a")
    assert db.execute("SELECT COUNT(*), SUM(billed), COUNT(body) FROM attempts").fetchone() == (
        30,
        0,
        30,
    )
    db.close()


def test_broken_format_is_an_outcome_and_no_example(tmp_path: Path) -> None:
    with scripted(tmp_path, break_rate=0.3).session(work(tmp_path)) as session:
        answers = [f.result() for f in [session.submit(ask(i)) for i in range(40)]]
    assert {a.outcome for a in answers} > {"ok"}
    assert {
        bool(mismatch(tolerant_json(a.text), SCHEMA)) for a in answers if a.outcome == "ok"
    } == {False}


def test_prompt_that_is_not_bundled_is_told(tmp_path: Path) -> None:
    with (
        scripted(tmp_path).session(work(tmp_path)) as session,
        pytest.raises(UserError, match="teacher="),
    ):
        session.submit(ask(0, "Translate English into Klingon.")).result()
