"""A server that was written elsewhere: `transformers serve`, with a random model."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from p2m.stages import Request
from p2m.teacher.openai import OpenAI
from tests.calls.doubles import NO_CAPS, SCHEMA, query, work
from tests.teacher.test_local import ask

NEEDED = [
    name for name in ("accelerate", "fastapi", "uvicorn") if importlib.util.find_spec(name) is None
]


@pytest.fixture
def served(tiny_chat: Path, tmp_path: Path) -> Iterator[str]:
    """The base_url."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(Path(sys.executable).with_name("transformers")),
        "serve",
        str(tiny_chat),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--device", "cpu"],
            stdout=log,
            stderr=log,
            env=os.environ | {"HF_HUB_OFFLINE": "1"},
        )
    try:
        for _ in range(240):
            assert process.poll() is None, (tmp_path / "server.log").read_text()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                    break
            except OSError:
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.skipif(bool(NEEDED), reason=f"transformers serve needs {', '.join(NEEDED)}")
def test_teacher_speaks_with_a_server_that_was_written_elsewhere(
    served: str, tiny_chat: Path, tmp_path: Path
) -> None:
    teacher = OpenAI(
        base_url=served,
        model=str(tiny_chat),
        api_key_env=None,
        price=None,
        free=True,
        extra={},
        tokens_field="max_tokens",
        structured="probe",
        concurrency=3,
        requests_per_minute=None,
        tokens_per_minute=None,
        connect_s=5.0,
        first_byte_s=60.0,
        idle_s=60.0,
        total_s=90.0,
        calls=tmp_path / "calls",
        budget=NO_CAPS,
    )
    requests = [ask(i, max_tokens=6) for i in range(5)] + [
        Request(({"role": "user", "content": "hi"},), 0.5, 6, SCHEMA)
    ]
    for fresh in (True, False):
        with teacher.session(work(tmp_path)) as session:
            answers = [f.result() for f in [session.submit(request) for request in requests]]
        assert [answer.fresh for answer in answers] == [fresh] * 6
        assert {answer.outcome for answer in answers} <= {"length", "ok", "invalid"}
    rows = query(
        tmp_path / "calls",
        (
            "SELECT status, output_tokens, a.model FROM attempts a JOIN requests USING(key) "
            "WHERE schema IS NULL"
        ),
    )
    assert rows == [(200, 6, f"{tiny_chat}@main")] * 5
    # the probe: it ignores response_format and answers 200
    probes = "SELECT outcome FROM attempts JOIN requests USING(key) WHERE schema LIKE '%violet%'"
    assert ("ok",) not in query(tmp_path / "calls", probes)
