"""The page as a browser meets it: the command in a process of its own, asked over HTTP."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import p2m
from p2m.demo.gate import TOO_LONG

pytestmark = pytest.mark.slow  # Gradio and torch take their seconds to import


def command(outputs: Path, *more: str) -> "subprocess.Popen[str]":
    environment = os.environ | {"PYTHONPATH": str(Path(p2m.__file__).parent.parent)}
    argv = [sys.executable, "-m", "p2m", "demo", "latest", *more]
    return subprocess.Popen(
        argv,
        cwd=outputs.parent,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # which a shell's background jobs ignore
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.fixture(scope="module")
def outputs(make_run, tmp_path_factory):
    outputs = tmp_path_factory.mktemp("here") / "outputs"
    make_run(outputs, "runs/2026-01-31/10-00-00")
    return outputs


@pytest.fixture(scope="module")
def server(outputs):
    """One that the tests share; the last of them ends it."""
    with command(outputs) as process:
        yield process
        process.kill()


@pytest.fixture(scope="module")
def address(server):
    return server.stdout.readline().split()[0]


def get(
    address: str, path: str, body: object = None, **headers: str
) -> tuple[http.client.HTTPResponse, str]:
    """With a body it is posted, as JSON."""
    connection = http.client.HTTPConnection(address.split("/")[2], timeout=20)
    if body is None:
        connection.request("GET", path, headers=headers)
    else:
        headers |= {"Content-Type": "application/json"}
        connection.request("POST", path, json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text


def test_it_is_served_on_this_machine_only(address):
    assert address.startswith("http://127.0.0.1:")


def test_a_browser_is_told_to_fetch_from_this_host_alone(address):
    answer, text = get(address, "/")
    assert answer.status == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'self' data: blob:;")
    assert "fonts.googleapis.com" not in text


def test_text_of_the_task_stands_in_text_boxes_only(address):
    config = json.loads(get(address, "/config")[1])
    assert {part["type"] for part in config["components"] if "<script>" in json.dumps(part)} == {
        "textbox"
    }
    assert "<script>alert(1)" not in get(address, "/")[1]


def test_the_page_names_the_student_without_its_digest(address):
    config = get(address, "/config")[1]
    assert "student package tiny" in config
    assert "0" * 64 not in config


def test_nothing_is_shared_counted_or_offered_beside_the_page(address):
    config = json.loads(get(address, "/config")[1])
    assert config["analytics_enabled"] is False
    assert not config.get("share_url")
    assert get(address, "/docs")[0].status == 404


def test_an_answer_comes_for_text_and_an_error_for_all_else(address):
    config = json.loads(get(address, "/config")[1])
    ids = [part["id"] for part in config["dependencies"] if part["api_name"].startswith("answer")]
    assert len(ids) == 3, "the button, the return key, and an example"
    for data, status in (
        (["a cat"], 200),
        ([None], 422),
        ([5], 422),
        ([], 422),
    ):
        call = {"data": data, "fn_index": ids[0], "session_hash": "s"}
        answer, text = get(address, "/gradio_api/run/answer", call)
        assert answer.status == status
        assert json.loads(text).keys() >= {"data" if status == 200 else "error"}

    for n in (20_001, 3_000_000):
        call = {"data": ["x" * n], "fn_index": ids[0], "session_hash": "s"}
        _, text = get(address, "/gradio_api/run/answer", call)
        assert json.loads(text)["data"] == ["", TOO_LONG]


def test_a_site_whose_name_leads_here_is_not_answered(address):
    for host in ("evil.test", f"evil.test:{address.rsplit(':')[-1].strip('/')}"):
        answer, text = get(address, "/config", Host=host)
        assert (answer.status, "--allow-host NAME" in text) == (403, True)


def test_nothing_is_written_where_it_was_started(address, outputs):
    assert [path.name for path in outputs.parent.iterdir()] == ["outputs"]
    assert [path.name for path in outputs.iterdir()] == ["runs"]


def test_a_port_in_use_is_told(outputs):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with command(outputs, "--port", str(port)) as process:
            _, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert (
        err.splitlines()[-1]
        == f"p2m demo: port {port} of 127.0.0.1 is in use; choose another, --port N"
    )


def end(process, signum):
    process.send_signal(signum)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.strip()) == (128 + signum, "", "Stopped.")


def test_ctrl_c_ends_it_with_its_code(outputs):
    with command(outputs) as process:
        process.stdout.readline()
        end(process, signal.SIGINT)


def test_sigterm_ends_it_with_its_code(server, address):
    end(server, signal.SIGTERM)
