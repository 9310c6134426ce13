import gzip
import json
from pathlib import Path

import pytest

from p2m.errors import InputError
from p2m.teacher.recorded import Recorded, pairs_in
from tests.calls.doubles import NO_CAPS, SCHEMA, ask, work

PAIRS = [{"input": f"in {i}", "output": f"out {i}"} for i in range(7)]


def recorded(path: Path, calls: Path) -> Recorded:
    return Recorded(path, 3, 4, calls, NO_CAPS)


def written(path: Path) -> Path:
    path.write_text("".join(json.dumps(pair) + "\n" for pair in PAIRS))
    return path


def test_pairs_are_given_out_in_order_of_the_requests_and_then_none(tmp_path: Path) -> None:
    teacher = recorded(written(tmp_path / "pairs.jsonl"), tmp_path)
    for fresh in (True, False):
        with teacher.session(work(tmp_path)) as session:
            answers = [
                f.result() for f in [session.submit(ask(i, schema=SCHEMA)) for i in range(4)]
            ]
        assert [json.loads(answer.text)["examples"] for answer in answers] == [
            PAIRS[:3],
            PAIRS[3:6],
            PAIRS[6:],
            [],
        ]
        assert {(answer.outcome, answer.usd, answer.fresh) for answer in answers} == {
            ("ok", 0.0, fresh)
        }


def test_request_for_anything_else_is_told_with_the_way_out(tmp_path: Path) -> None:
    teacher = recorded(written(tmp_path / "pairs.jsonl"), tmp_path)
    with (
        teacher.session(work(tmp_path)) as session,
        pytest.raises(
            InputError,
            match=r"only replays examples, and was asked for 'task'\. Choose .* parser=sections",
        ),
    ):
        session.submit(ask(1, schema={"title": "task"})).result()


def test_packed_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(written(tmp_path / "a.jsonl").read_bytes()))
    assert pairs_in(tmp_path / "a.jsonl.gz") == PAIRS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '{"input": "a", "output": "b"}\n{"input": 3}\n',
            r"a\.jsonl:2: not a pair; a line must be like .*, got \{\"input\": 3\}",
        ),
        ('{"input": "a", "output": "b"}\n\n{"in', r"a\.jsonl:3: not JSON"),
        ("\n", r"a\.jsonl: holds no pair"),
    ],
)
def test_file_that_is_no_record_is_told_by_its_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(InputError, match=said):
        pairs_in(tmp_path / "a.jsonl")


def test_damaged_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"a\.jsonl\.gz: cannot be read \(Not a gzipped file"):
        pairs_in(tmp_path / "a.jsonl.gz")
