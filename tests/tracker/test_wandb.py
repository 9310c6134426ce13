"""A run of W&B from its start to its end, without a key, with one, and where something fails."""

import json
import os
import struct
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest

from p2m.tracker.wandb import WandB

ROOT = Path(__file__).resolve().parents[2]
CONFIG = {
    "seed": 7,
    "teacher": {"api_key": "canary-setting", "api_key_env": "MY_KEY"},
    "prompt": {"text": "said canary-environment aloud"},
}


SETTINGS = {
    "project": "proj",
    "entity": None,
    "group": "an ablation",
    "api_key_env": "MY_WANDB_KEY",
    "rows": 1000,
    "timeout_s": 60.0,
}


def tracker(**settings) -> WandB:
    return WandB(**SETTINGS | settings)


POINTS = [{"step": 10, "seconds": 1.5, "loss": 3.5}, {"step": 20, "loss": 1.5, "valid_loss": 2.5}]


def track(run: Path, config: dict, error: str | None = None, **settings) -> None:
    """A run from its start to its end."""
    wandb = tracker(**settings)
    wandb.start(run, config)
    for point in POINTS:
        wandb.point("trainer", point)
    wandb.end(run, config, error)


def records(run: Path) -> list:
    """What W&B recorded of the only run in the folder, in its own protobuf; its files are logs of
    LevelDB's form."""
    from wandb.proto.wandb_internal_pb2 import Record

    (path,) = (run / "wandb").glob("*run-*/run-*.wandb")
    data, at, parts, found = path.read_bytes(), 7, b"", []
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:
            at += 32768 - at % 32768
            continue
        size, kind = struct.unpack("<HB", data[at + 4 : at + 7])
        parts += data[at + 7 : at + 7 + size]
        at += 7 + size
        if kind in {1, 4}:  # a whole record, or the last part of one
            found.append(Record.FromString(parts))
            parts = b""
    return found


def history(run: Path) -> list[dict]:
    """The points that were logged, without W&B's own names."""
    rows = []
    for record in records(run):
        if record.WhichOneof("record_type") == "history":
            items = {i.key or ".".join(i.nested_key): i.value_json for i in record.history.item}
            rows.append({k: json.loads(v) for k, v in items.items() if not k.startswith("_")})
    return rows


def exit_codes(run: Path) -> list[int]:
    kinds = [(r.WhichOneof("record_type"), r) for r in records(run)]
    return [record.exit.exit_code for kind, record in kinds if kind == "exit"]


def left(run: Path) -> bytes:
    """Names and bytes of everything under the run's wandb folder, and its links."""
    paths = list((run / "wandb").rglob("*"))
    return b"".join(
        str(p).encode()
        + (os.readlink(p).encode() if p.is_symlink() else p.read_bytes() if p.is_file() else b"")
        for p in paths
    )


WHY = "BudgetError: https://me:pass@host had canary-environment"


@pytest.fixture(scope="module")
def offline(tmp_path_factory, run_folder):
    """Runs with no key, side by side: one that completes, one that fails, one with a student that
    was kept; and the user's home."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MY_WANDB_KEY", raising=False)
        patch.setenv("WANDB_API_KEY", "f" * 40)
        patch.setenv("HOME", str(home))
        patch.setenv("SOME_TOKEN", "canary-environment")
        patch.setenv("UNNAMED", "canary-of-no-secret-name")
        patch.setattr("sys.argv", ["p2m", "canary-argument"])
        names = ("whole", "failed", "kept")
        folders = {name: run_folder(tmp_path_factory.mktemp(name)) for name in names}
        (folders["failed"] / "report.json").unlink()
        trackers = {name: tracker() for name in names}
        for name in names:
            trackers[name].start(folders[name], CONFIG)
        for point in POINTS:
            trackers["whole"].point("trainer", point)
        for name in names:
            trackers[name].end(folders[name], CONFIG, WHY if name == "failed" else None)
    return SimpleNamespace(**folders, home=home)


def test_without_a_key_one_run_is_kept_offline_in_the_runs_folder(offline):
    assert len(list((offline.whole / "wandb").glob("offline-run-*/run-*.wandb"))) == 1
    assert list(offline.home.iterdir()) == []


def test_no_secret_argument_or_host_is_in_any_byte_left(offline):
    run = offline.whole
    content = left(run)
    assert b"canary" not in content
    assert b"f" * 40 not in content
    for word in (os.uname().nodename, "_record", "pytest"):
        assert f'"{word}"'.encode() not in content
    assert not list((run / "wandb").rglob("wandb-metadata.json"))


def test_points_are_recorded_as_they_come_with_the_stages_own_steps_as_axis(offline):
    run = offline.whole
    assert history(run)[:2] == [
        {"trainer/step": 10, "trainer/seconds": 1.5, "trainer/loss": 3.5},
        {"trainer/step": 20, "trainer/loss": 1.5, "trainer/valid_loss": 2.5},
    ]
    axes = {r.metric.name or r.metric.glob_name: r.metric.step_metric for r in records(run)}
    assert axes["trainer/*"] == "trainer/step"
    assert exit_codes(run) == [0]


def test_a_failed_run_is_marked_failed_and_says_why_without_secrets(offline):
    assert exit_codes(offline.failed) == [1]
    content = left(offline.failed)
    assert b"BudgetError: https://<redacted>@host had <redacted>" in content
    assert b"canary" not in content


def test_the_curve_of_a_student_that_was_kept_is_recorded_at_the_end(offline):
    assert history(offline.kept)[:2] == [
        {"trainer/step": 10, "trainer/loss": 3.5, "trainer/lr": 0.001},
        {"trainer/step": 20, "trainer/loss": 1.5, "trainer/valid_loss": 2.5},
    ]


@pytest.mark.slow
def test_a_run_that_is_killed_is_marked_failed(tmp_path):
    """The process that records lives on where its parent dies, and ends the run."""
    code = "import os, sys, time; from pathlib import Path; from p2m.tracker.wandb import WandB\n"
    code += (
        "w = WandB('proj', None, None, 'MY_WANDB_KEY', 10, 60); run = Path(sys.argv[1]); "
        "w.start(run, {})\n"
    )
    code += "w.point('trainer', {'step': 1, 'loss': 2.5})\n"
    code += (
        "while not any(p.stat().st_size > 500 for p in run.glob('wandb/*run-*/run-*.wandb')): "
        "time.sleep(0.05)\n"
    )
    code += "os.kill(os.getpid(), 9)"
    (tmp_path / "run").mkdir()
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "run")],
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)},
        check=False,
        timeout=60,
    )
    deadline = time.monotonic() + 30
    while not exit_codes(tmp_path / "run") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert exit_codes(tmp_path / "run") == [1]
    assert history(tmp_path / "run") == [{"trainer/step": 1, "trainer/loss": 2.5}]


def test_telling_never_waits_for_wandb(tmp_path, run_folder):
    """Ten thousand points are more than a pipe holds, and are told before W&B is even imported."""
    wandb = tracker(timeout_s=0.01)
    began = time.monotonic()
    wandb.start(run_folder(tmp_path), {})
    for step in range(10_000):
        wandb.point("trainer", {"step": step, "loss": 1 / 3, "valid_loss": 1 / 3})
    assert time.monotonic() - began < 1
    wandb.end(tmp_path / "runs" / "2026-01-31" / "10-00-00", {}, None)


def test_settings_curve_scores_and_tables_are_in_the_record(offline):
    run = offline.whole
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
        asked = json.loads(body).get("variables") or {} if body.startswith(b"{") else {}
        bucket = {
            "id": "b",
            "name": asked.get("name"),
            "displayName": "d",
            "config": "{}",
            "historyLineCount": 0,
            "project": project,
        }
        return {
            "data": {
                "upsertBucket": {"bucket": bucket, "inserted": True},
                "serverInfo": {"features": []},
                "project": None,
                "viewer": {"id": "v", "entity": "me", "username": "me", "flags": "{}"},
            }
        }

    do_GET = do_POST = do_PUT = answer  # noqa: N815


def heard_by(words: bytes, seconds: float) -> None:
    """Returns once the server has heard the words."""
    deadline = time.monotonic() + seconds
    while not any(words in body for body in Answering.heard):
        assert time.monotonic() < deadline, words
        time.sleep(0.1)


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
def test_with_a_key_the_run_is_sent_while_it_works_and_without_secrets(
    tmp_path, monkeypatch, server, caplog, run_folder
):
    server(Answering)
    monkeypatch.setenv("SOME_TOKEN", "canary-environment")
    Answering.heard.clear()
    run, wandb = run_folder(tmp_path), tracker()
    wandb.start(run, CONFIG)
    wandb.point("trainer", POINTS[0])
    heard_by(b"3.5", seconds=60)
    wandb.point("trainer", POINTS[1])
    wandb.end(run, CONFIG, None)
    sent = b"\n".join(Answering.heard)
    assert b'"exitcode":0' in sent
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
    track(run, {})
    assert time.monotonic() - began < 30
    why, then = "no answer from http://127.0.0.1:9 within 3 s", f"wandb sync {run}/wandb/*run-*"
    assert caplog.messages == [
        f"tracker: W&B has not all of this run ({why}); what was recorded can be sent with: {then}"
    ]
    assert len(list((run / "wandb").glob("offline-run-*/run-*.wandb"))) == 1


@pytest.mark.slow
def test_a_server_that_never_answers_is_left_after_seconds(tmp_path, caplog, server, run_folder):
    address, began = server(Silent), time.monotonic()
    track(run_folder(tmp_path), {})
    assert time.monotonic() - began < 30
    assert f"(no answer from {address} within 3 s)" in caplog.text


def test_wandb_is_ended_at_its_time_limit_and_leaves_no_process(tmp_path, caplog, run_folder):
    track(run_folder(tmp_path), {}, timeout_s=0.2)
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
    track(run_folder(tmp_path), {})
    assert (
        "(WANDB_BASE_URL must begin with https:// or http://, got 'ftp://<redacted>@127.0.0.1')"
        in caplog.text
    )
    assert "canary" not in caplog.text


@pytest.mark.parametrize("field", ["project", "entity"])
@pytest.mark.parametrize("name", ["a/b", "", "  ", "x" * 129, "a\\b", "50%", "a\nb", "why?", "a:b"])
def test_a_name_that_wandb_refuses_is_told_before_anything_runs(field, name):
    with pytest.raises(ValueError, match=f"^{field} must be a name of 1 to 128 characters"):
        tracker(**{field: name})


@pytest.mark.parametrize("name", ["x" * 128, "my project (2)", "été.v2", "team_1-b"])
def test_other_names_are_taken(name):
    assert tracker(project=name, entity=name).project == name


@pytest.mark.parametrize("key", ["0123456789abcdef" * 2 + "01234567", "local-wandb-key", ""])
def test_a_key_in_the_place_of_its_variable_is_refused_and_not_shown(key):
    with pytest.raises(ValueError, match="name of an environment variable") as refused:
        tracker(api_key_env=key)
    assert not key or key not in str(refused.value)


def test_a_run_without_a_report_is_one_line_of_warning(tmp_path, caplog):
    track(tmp_path, {})
    (message,) = caplog.messages
    assert message.startswith(
        "tracker: W&B has not all of this run ([Errno 2] No such file or directory"
    )
