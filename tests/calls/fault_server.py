"""Runs the fault server and its clients, each in a process of its own."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[2] / "experiments" / "teacher_faults"


@contextlib.contextmanager
def server(folder: Path, **options: Any) -> Iterator[tuple[int, Path]]:
    """(port, bill)."""
    bill = folder / "bill.jsonl"
    words = [
        word
        for name, value in options.items()
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]
    command = [sys.executable, str(HERE / "server.py"), "--bill", str(bill), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), bill
    finally:
        process.kill()
        process.communicate()


def client(job: dict[str, Any]) -> dict[str, Any]:
    return result(started(job))


def started(job: dict[str, Any]) -> "subprocess.Popen[str]":
    command = [sys.executable, str(HERE / "client.py"), json.dumps(job)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def result(process: "subprocess.Popen[str]") -> dict[str, Any]:
    out, err = process.communicate(timeout=280)
    assert process.returncode == 0, err
    return dict(json.loads(out.splitlines()[-1]))


def billed(bill: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in bill.read_text().splitlines()] if bill.exists() else []


def usd(lines: list[dict[str, Any]]) -> float:
    return sum(line["prompt_tokens"] * 1e-6 + line["completion_tokens"] * 4e-6 for line in lines)
