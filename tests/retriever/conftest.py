"""What the tests of retrievers share: a stage's work, a teacher that answers by rote, and a server with the hub's layout."""

import contextlib
import os
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path

import pytest

from p2m.stages import Answer, Work

ROOT = Path(__file__).resolve().parents[2]


class Bar:
    def __init__(self):
        self.done, self.notes = 0, []

    def advance(self, n=1):
        self.done += n

    def note(self, text):
        self.notes.append(text)


class Rote:
    """A teacher that gives the answers it was handed, in order, and keeps the requests."""

    def __init__(self, *answers):
        self.left, self.requests = list(answers), []

    @contextlib.contextmanager
    def session(self, work):
        yield self

    def submit(self, request):
        self.requests.append(request)
        text, outcome = self.left.pop(0)
        future = Future()
        future.set_result(Answer(text, outcome, "key", 0.0, True))
        return future


@pytest.fixture
def rote():
    return Rote


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    bar = Bar()
    made = Work(
        folder, "retriever", "run", "account", lambda total, unit: contextlib.nullcontext(bar)
    )
    object.__setattr__(made, "seen", bar)  # for the tests alone
    return made


class Hub:
    """The stand-in hub in a process of its own.  run(code): that code in a process that takes it for the hub."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for kind in ("datasets", "models"):
            (root / kind).mkdir(parents=True)
        script = Path(__file__).with_name("stand_in_hub.py")
        self.server = subprocess.Popen(
            [sys.executable, str(script), str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self.server.stdout.readline().strip()

    def asked(self) -> list[str]:
        log = self.root / "log"
        return log.read_text().split("\n")[:-1] if log.exists() else []

    def run(self, code: str, **env: str) -> str:
        """What the code prints; it fails with a warning too, as the tests do."""
        env = {
            **os.environ,
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(self.root / "home"),
            "HF_HUB_OFFLINE": "0",
            "PYTHONPATH": str(ROOT),
            **env,
        }
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            env=env,
            cwd=self.root,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def close(self) -> None:
        self.server.stdin.close()
        self.server.wait()
        self.server.stdout.close()


@pytest.fixture
def hub(tmp_path):
    server = Hub(tmp_path / "hub")
    yield server
    server.close()
