"""The server of our own, with a stand-in for llama-server; with the real one where it is there."""

import importlib.util
import json
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2m.errors import ServiceError
from p2m.teacher.llamacpp import LlamaCpp
from tests.calls.doubles import NO_CAPS, SCHEMA, ask, query, work
from tests.doubles import ROOT
from tests.teacher.llama_server import stand_in

GGUF = os.environ.get(
    "P2M_TEST_GGUF", ""
)  # a small instruct model, for the test of the real server
TEXT, NUMBER, NUMBERS = 8, 4, 9


def gguf(path: Path, **more: int) -> Path:
    """A head without a model: 2 layers of 4 heads of 16 numbers, trained on 4,096 tokens."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    sizes = {"context_length": 4096, "block_count": 2, "embedding_length": 64}
    sizes |= {"attention.head_count": 4, **more}
    pairs = [text("general.architecture") + struct.pack("<I", TEXT) + text("tiny")]
    pairs += [text("general.tags") + struct.pack("<IIQ", NUMBERS, TEXT, 1) + text("a tag")]
    for name, value in sizes.items():
        pairs.append(text(f"tiny.{name}") + struct.pack("<II", NUMBER, value))
    pairs.append(text("tokenizer.ggml.tokens") + struct.pack("<IIQ", NUMBERS, TEXT, 10**6))
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs))
    return path


def teacher(path: Path, folder: Path, context: int = 512, slots: int = 1) -> LlamaCpp:
    return LlamaCpp(path, context, slots, None, folder / "calls", NO_CAPS)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", stand_in(tmp_path))
    return gguf(tmp_path / "tiny.gguf")


def servers(folder: Path) -> list[int]:
    """The processes of the stand-in that lies in *folder*."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if str(folder).encode() in words:
            found.append(int(path.parent.name))
    return found


def test_it_starts_asks_with_the_schema_and_ends_its_server(tmp_path: Path, model: Path) -> None:
    with teacher(model, tmp_path, slots=2).session(work(tmp_path)) as session:
        futures = [session.submit(ask(i, schema=SCHEMA)) for i in range(3)]
        answers = [future.result() for future in futures]
        assert len(servers(tmp_path)) == 1
    assert servers(tmp_path) == []
    assert {answer.outcome for answer in answers} == {"ok"}
    assert sum(answer.usd for answer in answers) == 0
    bodies = [json.loads(line) for line in (tmp_path / "requests.log").read_text().splitlines()]
    assert len(bodies) == 3
    for body in bodies:
        assert body["response_format"]["json_schema"]["schema"] == SCHEMA
        assert body["cache_prompt"] is True


def test_what_was_answered_is_not_asked_again_wherever_the_server_listens(
    tmp_path: Path, model: Path
) -> None:
    texts = []
    for _ in range(2):
        with teacher(model, tmp_path).session(work(tmp_path)) as session:
            texts.append(session.submit(ask(1, schema=SCHEMA)).result().text)
    assert texts[0] == texts[1]
    assert (tmp_path / "requests.log").read_text().count("\n") == 1
    [(endpoint, name)] = query(tmp_path / "calls", "SELECT DISTINCT endpoint, model FROM requests")
    assert endpoint.startswith("llamacpp:")
    assert name == "tiny.gguf"


def test_a_server_that_ends_is_told_with_its_last_words(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_STAND_IN", "dead")
    with (
        pytest.raises(ServiceError, match=r"server of tiny\.gguf ended(.|\n)*not enough of every"),
        teacher(model, tmp_path).session(work(tmp_path)),
    ):
        pass


def test_a_server_that_is_killed_while_it_writes_ends_the_stage_and_keeps_what_came(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with teacher(model, tmp_path).session(work(tmp_path)) as session:
        first = session.submit(ask(1, schema=SCHEMA)).result()
        [server] = servers(tmp_path)
        os.kill(server, signal.SIGKILL)
        with pytest.raises(ServiceError, match=r"exit code -9(.|\n)*All answers are kept"):
            session.submit(ask(2, schema=SCHEMA)).result()
    with teacher(model, tmp_path).session(work(tmp_path)) as session:
        assert session.submit(ask(1, schema=SCHEMA)).result().text == first.text


ASK_FOR_EVER = """
import sys
from pathlib import Path
from tests.calls.doubles import SCHEMA, ask, work
from tests.teacher.test_llamacpp import teacher
folder = Path(sys.argv[1])
with teacher(folder / "tiny.gguf", folder).session(work(folder)) as session:
    print("up", flush=True)
    for i in range(1000):
        print(session.submit(ask(i, schema=SCHEMA)).result().fresh, flush=True)
"""


def ask_for_ever(folder: Path, until: int) -> Iterator[str]:
    """Lines of a process that asks, which is killed with signal 9 after *until* of them."""
    process = subprocess.Popen(
        [sys.executable, "-c", ASK_FOR_EVER, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    with process:
        for _ in range(until):
            yield process.stdout.readline().strip()
        process.kill()


def wait_for_no_server(folder: Path) -> None:
    deadline = time.monotonic() + 10
    while servers(folder):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_kill_9_leaves_no_server_and_the_next_run_asks_only_for_the_rest(
    tmp_path: Path, model: Path
) -> None:
    for lines in (4, 1, 6):
        seen = list(ask_for_ever(tmp_path, lines))
        wait_for_no_server(tmp_path)
    assert seen[:4] == ["up", "False", "False", "False"]


def faults(path: Path, tmp_path: Path, **more: int) -> list[str]:
    return list(teacher(path, tmp_path, **more).ready())


def test_memory_and_context_are_told_before(tmp_path: Path, model: Path) -> None:
    assert faults(model, tmp_path) == []
    assert faults(model, tmp_path, context=8192) == [
        "context: tiny.gguf was trained on 4096 tokens, got 8192"
    ]
    [line] = faults(model, tmp_path, context=4096, slots=10**7)
    # 2 layers, keys and values of 64 numbers, 2 bytes each: 512 bytes a token
    assert "needs some 19531.5 GiB of memory with teacher.context=4096" in line
    large = gguf(tmp_path / "large.gguf", **{"attention.head_count_kv": 1})
    [line] = faults(large, tmp_path, context=4096, slots=10**7)
    assert "needs some 4883.1 GiB" in line


def test_a_file_that_is_no_gguf_and_a_machine_without_a_server_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.gguf").write_bytes(b"PK\3\4")
    (tmp_path / "b.gguf").write_bytes(b"GGUF\3\0")
    monkeypatch.setenv("PATH", stand_in(tmp_path))
    assert faults(tmp_path / "a.gguf", tmp_path) == [f"path: {tmp_path}/a.gguf is no GGUF file"]
    assert "is a damaged GGUF file" in faults(tmp_path / "b.gguf", tmp_path)[0]
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    assert faults(gguf(tmp_path / "c.gguf"), tmp_path) == [
        "path: nothing here serves it: pip install 'p2m[llamacpp]', or put llama-server on the PATH"
    ]


@pytest.mark.skipif(not GGUF, reason="P2M_TEST_GGUF names no GGUF model")
@pytest.mark.skipif(not importlib.util.find_spec("xllamacpp"), reason="xllamacpp is not here")
def test_a_real_model_keeps_to_the_schema(tmp_path: Path) -> None:
    with teacher(Path(GGUF), tmp_path, context=2048).session(work(tmp_path)) as session:
        answer = session.submit(ask(1, schema=SCHEMA)).result()
    assert answer.outcome in {"ok", "length"}
    assert answer.text.lstrip().startswith("{")
    [(endpoint, tokens)] = query(
        tmp_path / "calls",
        "SELECT endpoint, output_tokens FROM attempts JOIN requests USING(key)",
    )
    assert endpoint.startswith("llamacpp:")
    assert tokens > 0
