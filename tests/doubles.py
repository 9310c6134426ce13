"""What several rooms' tests use in place of the world: a bar, a stage's surroundings, a teacher,
the hub."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Self

from p2m.stages import Answer, Request, Work

ROOT = Path(__file__).resolve().parent.parent


class QuietBar:
    """A progress bar that shows nothing and remembers what it was given.  Called, it opens itself,
    as `Work.bar` does."""

    def __init__(self) -> None:
        self.done: float = 0
        self.notes: list[str] = []

    def __call__(self, total: float | None, unit: str) -> contextlib.AbstractContextManager[Self]:
        return contextlib.nullcontext(self)

    def advance(self, n: float = 1) -> None:
        self.done += n

    def note(self, text: str) -> None:
        self.notes.append(text)


def make_work(folder: Path, stage: str, bar: QuietBar | None = None) -> Work:
    """A stage's surroundings without a pipeline; *folder* is made."""
    folder.mkdir(parents=True, exist_ok=True)
    return Work(folder, stage, "run", "account", bar or QuietBar())


class ScriptedTeacher:
    """A teacher that answers with reply(request, its number): a text, or a whole Answer.  Keeps the
    requests."""

    def __init__(self, reply: Callable[[Request, int], str | Answer]) -> None:
        self.reply = reply
        self.requests: list[Request] = []

    @contextlib.contextmanager
    def session(self, work: Work) -> Iterator[Self]:
        self.meter = work.meter
        yield self

    def submit(self, request: Request) -> "Future[Answer]":
        number = len(self.requests)
        self.requests.append(request)
        answer = self.reply(request, number)
        if isinstance(answer, str):
            answer = Answer(answer, "ok", f"call{number}", 0.5, True)
        self.meter.add(answer.usd, answer.fresh)
        future: Future[Answer] = Future()
        future.set_result(answer)
        return future


def in_order(*answers: str | tuple[str, str]) -> Callable[[Request, int], Answer]:
    """A reply for ScriptedTeacher: these texts one after the other, each with its outcome if it is
    not `ok`; free of charge."""

    def reply(request: Request, number: int) -> Answer:
        answer = answers[number]
        text, outcome = (answer, "ok") if isinstance(answer, str) else answer
        return Answer(text, outcome, "key", 0.0, True)

    return reply


class StandInHub:
    """A server with the hub's layout in a process of its own.  run(code): that code in a process
    that takes it for the hub."""

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
        """Every request so far, as `GET /path`."""
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
