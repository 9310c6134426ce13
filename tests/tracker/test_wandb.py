import json
import os
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from p2m.tracker.wandb import WandB

CONFIG = {
    "seed": 7,
    "teacher": {"api_key": "canary-setting", "api_key_env": "MY_KEY"},
    "prompt": {"text": "said canary-environment aloud"},
}


def tracker(timeout_s: float = 60, rows: int = 1000) -> WandB:
    return WandB(
        project="proj",
        entity=None,
        group="an ablation",
        api_key_env="MY_WANDB_KEY",
        rows=rows,
        timeout_s=timeout_s,
    )


def left(run: Path) -> bytes:
    """Names and bytes of everything under the run's wandb folder, and its links."""
    paths = list((run / "wandb").rglob("*"))
    return b"".join(
        str(p).encode()
        + (os.readlink(p).encode() if p.is_symlink() else p.read_bytes() if p.is_file() else b"")
        for p in paths
    )


@pytest.fixture(scope="module")
def offline(tmp_path_factory, run_folder):
    """A run logged with no key: its folder, what was written there and elsewhere."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MY_WANDB_KEY", raising=False)
        patch.setenv("WANDB_API_KEY", "f" * 40)
        patch.setenv("HOME", str(home))
        patch.setenv("SOME_TOKEN", "canary-environment")
        patch.setenv("UNNAMED", "canary-of-no-secret-name")
        patch.setattr("sys.argv", ["p2m", "canary-argument"])
        run = run_folder(tmp_path_factory.mktemp("outputs"))
        tracker().end(run, CONFIG, None)
    return run, home


def test_without_a_key_one_run_is_kept_offline_in_the_runs_folder(offline):
    run, home = offline
    assert len(list((run / "wandb").glob("offline-run-*/run-*.wandb"))) == 1
    assert list(home.iterdir()) == []


def test_no_secret_argument_or_host_is_in_any_byte_left(offline):
    run, _ = offline
    content = left(run)
    assert b"canary" not in content
    assert b"f" * 40 not in content
    for word in (os.uname().nodename, "_record", "pytest"):
        assert f'"{word}"'.encode() not in content
    assert not list((run / "wandb").rglob("wandb-metadata.json"))


def test_settings_curve_scores_and_tables_are_in_the_record(offline):
    run, _ = offline
    content = left(run)
    names = [
        "trainer/loss",
        "trainer/valid_loss",
        "trainer/seconds",
        "evaluator/scores/exact_match/value",
        "evaluator/baselines/untrained",
    ]
    for name in [*names, "2026-01-31/10-00-00", "an ablation", "MY_KEY"]:
        assert name.encode() in content, name
    (table,) = (run / "wandb").glob("offline-run-*/files/media/table/evaluator/*.table.json")
    assert json.loads(table.read_text())["data"] == [
        ["tomorrow", "a | b", "a", True],
        ["a question", "c", "d", False],
    ]


class Answering(BaseHTTPRequestHandler):
    """As much of W&B's server as its client needs to send a run."""

    protocol_version = "HTTP/1.1"
    heard: ClassVar[list[bytes]] = []

    def log_message(self, *_) -> None: ...

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.heard.append(f"{self.path}\n".encode() + body)
        said = json.dumps(self.said(body)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def said(self, body: bytes) -> dict:
        if "createArtifact" in (query := body.decode(errors="replace")):
            return {"errors": [{"message": "no artifacts here"}]}
        if "createRunFiles" in query:
            names, place = (
                json.loads(body)["variables"]["files"],
                f"http://{self.headers['Host']}/upload",
            )
            return {
                "data": {
                    "createRunFiles": {
                        "runID": "r",
                        "uploadHeaders": [],
                        "files": [{"name": n, "uploadUrl": f"{place}/{n}"} for n in names],
                    }
                }
            }
        project = {"id": "p", "name": "proj", "entity": {"id": "e", "name": "me"}}
        bucket = {
            "id": "b",
            "name": "r",
            "displayName": "d",
            "config": "{}",
            "historyLineCount": 0,
            "project": project,
        }
        return {
            "data": {
                "upsertBucket": {"bucket": bucket, "inserted": True},
                "serverInfo": {"features": []},
            }
        }

    do_GET = do_POST = do_PUT = answer  # noqa: N815


class Silent(Answering):
    def answer(self) -> None:
        time.sleep(5)

    do_GET = do_POST = do_PUT = answer  # noqa: N815


@pytest.fixture
def server(monkeypatch):
    """start(handler) -> address, with the key set."""
    started = []

    def start(handler) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # the client is ended while it waits
        started.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("WANDB_BASE_URL", address := f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("MY_WANDB_KEY", "abcd" * 10)
        return address

    yield start
    for one in started:
        one.shutdown()
        one.server_close()


@pytest.mark.slow
def test_with_a_key_the_run_is_sent_without_secrets(
    tmp_path, monkeypatch, server, caplog, run_folder
):
    server(Answering)
    monkeypatch.setenv("SOME_TOKEN", "canary-environment")
    Answering.heard.clear()
    run = run_folder(tmp_path)
    tracker().end(run, CONFIG, None)
    sent = b"\n".join(Answering.heard)
    assert caplog.messages == []
    assert b'\\"trainer/valid_loss\\":2.5' in sent
    assert b'[["tomorrow","a | b","a",true]' in sent
    assert b"an ablation" in sent
    assert b"canary" not in sent
    assert b"abcdabcd" not in left(run)


def test_a_server_that_does_not_exist_costs_seconds_and_one_line(
    tmp_path, monkeypatch, caplog, run_folder
):
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("MY_WANDB_KEY", "abcd" * 10)
    run, began = run_folder(tmp_path), time.monotonic()
    tracker().end(run, {}, None)
    assert time.monotonic() - began < 30
    why, then = "no answer from http://127.0.0.1:9 within 3 s", f"wandb sync {run}/wandb/*run-*"
    assert caplog.messages == [
        f"tracker: W&B has not all of this run ({why}); what was recorded can be sent with: {then}"
    ]
    assert len(list((run / "wandb").glob("offline-run-*/run-*.wandb"))) == 1


@pytest.mark.slow
def test_a_server_that_never_answers_is_left_after_seconds(tmp_path, caplog, server, run_folder):
    address, began = server(Silent), time.monotonic()
    tracker().end(run_folder(tmp_path), {}, None)
    assert time.monotonic() - began < 30
    assert f"(no answer from {address} within 3 s)" in caplog.text


def test_wandb_is_ended_at_its_time_limit_and_leaves_no_process(tmp_path, caplog, run_folder):
    tracker(timeout_s=0.2).end(run_folder(tmp_path), {}, None)
    assert "(not done within tracker.timeout_s)" in caplog.text
    assert (
        str(tmp_path)
        not in subprocess.run(
            ["ps", "-eo", "args"], capture_output=True, text=True, check=True
        ).stdout
    )


def test_a_key_in_an_address_is_not_repeated_in_the_warning(
    tmp_path, monkeypatch, caplog, run_folder
):
    monkeypatch.setenv("WANDB_BASE_URL", "ftp://me:canary@127.0.0.1")
    monkeypatch.setenv("MY_WANDB_KEY", "abcd" * 10)
    tracker().end(run_folder(tmp_path), {}, None)
    assert (
        "(WANDB_BASE_URL must begin with https:// or http://, got 'ftp://<redacted>@127.0.0.1')"
        in caplog.text
    )
    assert "canary" not in caplog.text


def test_a_run_without_a_report_is_one_line_of_warning(tmp_path, caplog):
    tracker().end(tmp_path, {}, None)
    (message,) = caplog.messages
    assert message.startswith(
        "tracker: W&B has not all of this run ([Errno 2] No such file or directory"
    )
