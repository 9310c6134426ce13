import gzip
import json
import lzma
from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from p2m import components, config
from p2m.errors import InputError
from p2m.prompt.text import Text
from p2m.recording import PAIRS, Header, Record, digest, digest_of, read, write
from p2m.stages import Request
from p2m.teacher.recorded import Recorded
from tests.calls.doubles import NO_CAPS, SCHEMA, ask, work

HEADER = Header("large", digest("Say yes."), "2026-01-31", "a test")
TICKETS = config.BUNDLED / "tickets/recording.jsonl.xz"
COLUMNS = {"title": "columns"}


PROMPT = Text("Say yes.", None, None, None, None, None, None)


def recorded(path: Path | None, calls: Path, any_prompt: bool = False) -> Recorded:
    return Recorded(path, PROMPT, any_prompt, calls, NO_CAPS)


def write_pairs(path: Path, n: int) -> Path:
    pairs = [{"input": f"in {i}", "output": f"out {i}"} for i in range(n)]
    path.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    return path


def texts(teacher: Recorded, folder: Path, requests: list[Request]) -> list[str]:
    with teacher.session(work(folder)) as session:
        futures = [session.submit(request) for request in requests]
        return [future.result().text for future in futures]


def test_answers_with_examples_come_back_raw_and_in_order_and_then_none(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    good, broken = '{"examples": [{"input": "a", "output": "b"}]}', "Sure! Here they are:"
    write(path, HEADER, [Record("examples", "", good), Record("examples", "", broken)])
    teacher = recorded(path, tmp_path)
    for fresh in (True, False):
        with teacher.session(work(tmp_path)) as session:
            futures = [session.submit(ask(i, schema=SCHEMA)) for i in range(3)]
            answers = [future.result() for future in futures]
        assert [(answer.text, answer.outcome, answer.usd, answer.fresh) for answer in answers] == [
            (good, "ok", 0.0, fresh),
            (broken, "invalid", 0.0, fresh),
            ('{"examples": []}', "ok", 0.0, fresh),
        ]


def test_other_answers_go_to_the_request_that_they_were_given_to_or_else_by_place(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.jsonl"
    request = ask(1, schema=COLUMNS)
    known = Record("columns", digest_of(request), '{"input": ["known"]}')
    write(path, HEADER, [Record("columns", "", '{"input": ["first"]}'), known])
    requests = [ask(i, schema=COLUMNS) for i in range(3)]
    found = texts(recorded(path, tmp_path), tmp_path, [requests[1], requests[0], requests[2]])
    assert found == ['{"input": ["known"]}', '{"input": ["known"]}', ""]
    found = texts(recorded(path, tmp_path / "calls"), tmp_path, requests[:1])
    assert found == ['{"input": ["first"]}']


def test_a_request_without_a_schema_is_of_the_kind_text(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", HEADER, [Record("text", "", "yes")])
    assert texts(recorded(tmp_path / "a.jsonl", tmp_path), tmp_path, [ask(0)]) == ["yes"]


def test_a_kind_that_was_never_recorded_is_told_with_the_ways_out(tmp_path: Path) -> None:
    teacher = recorded(write_pairs(tmp_path / "pairs.jsonl", 3), tmp_path)
    with (
        teacher.session(work(tmp_path)) as session,
        pytest.raises(
            InputError,
            match=r"pairs\.jsonl holds no answer of the kind 'task', which a stage asks for; choose"
            r" stages that ask for examples alone \(parser=sections, retriever\.teacher=null,",
        ),
    ):
        session.submit(ask(1, schema={"title": "task"})).result()


def test_a_prompt_without_a_recording_is_told_which_teachers_there_are() -> None:
    def lacking(*overrides: str) -> list[str]:
        with initialize_config_dir(str(config.CONF), version_base="1.3"):
            cfg = compose("config", ["prompt=text", "prompt.text=Say yes.", *overrides])
        return config.check(cfg).lacking(config.STAGES)

    message = (
        "teacher: recorded has no recording for this prompt; choose another teacher "
        "(teacher=openai,"
        " teacher=vllm, teacher=ollama, teacher=llamacpp) or give prompt.recording=FILE"
    )
    assert lacking() == [message]
    assert lacking(f"prompt.recording={TICKETS}", "teacher.any_prompt=true") == []
    assert lacking(f"prompt.recording={__file__}")[0].startswith(
        f"teacher: path: {__file__}:1: not"
    )
    assert lacking("retriever=none", "generator=none") == []


def test_a_recording_of_another_prompt_is_refused_unless_that_is_meant(tmp_path: Path) -> None:
    assert list(recorded(write_pairs(tmp_path / "pairs.jsonl", 3), tmp_path).ready()) == []
    write(tmp_path / "own.jsonl", HEADER, [Record("text", "", "yes")])
    assert list(recorded(tmp_path / "own.jsonl", tmp_path).ready()) == []
    other = tmp_path / "other.jsonl"
    write(other, replace(HEADER, prompt="0123456789ab"), [Record("text", "", "yes")])
    [line] = recorded(other, tmp_path).ready()
    assert line == (
        f"path: {other} was recorded for another prompt (its digest is 0123456789ab, this"
        f" prompt's {digest('Say yes.')}); give this prompt's own (prompt.recording=FILE), another"
        " teacher, or teacher.any_prompt=true to replay it all the same"
    )
    assert list(recorded(other, tmp_path, any_prompt=True).ready()) == []


def test_a_file_is_named_by_its_text_and_the_demonstrations_beside_it(tmp_path: Path) -> None:
    def name() -> str:
        with initialize_config_dir(str(config.CONF), version_base="1.3"):
            cfg = compose("config", ["prompt=file", f"prompt.path={tmp_path}/a.md"])
        return components.build(config.check(cfg).nodes["prompt"]).digest()

    (tmp_path / "a.md").write_text("Say yes.")
    assert name() == digest("Say yes.") == PROMPT.digest()
    write_pairs(tmp_path / "a.jsonl", 1)
    assert name() != digest("Say yes.")


def test_plain_pairs_are_answers_with_examples(tmp_path: Path) -> None:
    recording = read(write_pairs(tmp_path / "pairs.jsonl", PAIRS + 2))
    assert recording.header is None
    examples = [json.loads(record.answer)["examples"] for record in recording.records["examples"]]
    assert [len(some) for some in examples] == [PAIRS, 2]
    assert examples[1][1] == {"input": f"in {PAIRS + 1}", "output": f"out {PAIRS + 1}"}


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.xz"])
def test_a_recording_is_read_as_it_was_written(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{suffix}"
    records = [Record("examples", "", "\u2028 née"), Record("text", "0123456789ab", "")]
    write(path, HEADER, records)
    recording = read(path)
    assert recording.header == HEADER
    assert recording.records == {"examples": records[:1], "text": records[1:]}


def test_packed_pairs_are_read(tmp_path: Path) -> None:
    data = write_pairs(tmp_path / "a.jsonl", 3).read_bytes()
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(data))
    (tmp_path / "a.jsonl.xz").write_bytes(lzma.compress(data))
    assert (
        read(tmp_path / "a.jsonl.gz") == read(tmp_path / "a.jsonl.xz") == read(tmp_path / "a.jsonl")
    )


def test_the_contents_of_a_recording_decide_its_key_and_not_its_place(tmp_path: Path) -> None:
    def key(path: Path) -> str:
        node = {"_target_": "p2m.teacher.recorded.Recorded", "path": path}
        rest = {"prompt": None, "any_prompt": False, "calls": tmp_path, "budget": None}
        return components.identity(node | rest)

    (tmp_path / "other").mkdir()
    same = [write_pairs(folder / "a.jsonl", 3) for folder in (tmp_path, tmp_path / "other")]
    assert key(same[0]) == key(same[1]) != key(write_pairs(tmp_path / "b.jsonl", 4))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"input": "a", "output": "b"}\n{"input": 3}\n',
            r"a\.jsonl:2: not a pair; a line must be like .*, got \{\"input\": 3\}",
        ),
        ('{"input": "a", "output": "b"}\n\n{"in', r"a\.jsonl:3: not JSON"),
        ("[1]\n", r"a\.jsonl:1: not a pair; .*, got \[1\]"),
        ("\n", r"a\.jsonl: holds no answer; each line must be like"),
        ('{"p2m_recording": 2}\n', r"a\.jsonl:1: is of format 2; this p2m reads format 1"),
        (
            '{"p2m_recording": 1}\n{"kind": "examples"}\n',
            r'a\.jsonl:2: not an answer; .* like \{"kind": .*\}, got \{"kind": "examples"\}',
        ),
    ],
)
def test_file_that_is_no_recording_is_told_by_its_line(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(InputError, match=message):
        read(tmp_path / "a.jsonl")


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.xz"])
def test_damaged_archive_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"no archive")
    with pytest.raises(InputError, match=rf"{name}: cannot be read \("):
        read(tmp_path / name)
