"""What teacher=llamacpp costs beside the bare server: time to start, tokens a second.

python experiments/llamacpp/run.py MODEL.gguf [--requests 3] [--tokens 40] [--rounds 9]

Both are asked the same requests, one at a time, with the schema, on one thread; they take turns.
"""

import argparse
import contextlib
import csv
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from p2m.calls.budget import Budget
from p2m.generator._request import SCHEMA
from p2m.stages import Request, Work
from p2m.teacher.llamacpp import SAMPLING, LlamaCpp

CONTEXT = 4096
BARE = """
import sys, time, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.hostnames = sys.argv[1], ["127.0.0.1"]
params.port = 0
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.n_ctx, params.n_parallel = int(sys.argv[2]), 1
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
time.sleep(36000)
"""


class Quiet:
    def advance(self, n: float = 1) -> None: ...
    def note(self, text: str) -> None: ...


def requests(n: int, tokens: int, first: int) -> list[Request]:
    """All of them different, of one length."""
    made = []
    for i in range(first, first + n):
        text = f"Write five messages number {i} of a customer, with a label, as JSON."
        made.append(Request(({"role": "user", "content": text},), 0.7, tokens, SCHEMA))
    return made


def ours(model: Path, asked: list[Request]) -> tuple[float, float]:
    """Seconds to start, tokens a second."""
    with tempfile.TemporaryDirectory() as folder:
        budget = Budget(None, None, None, 0)
        teacher = LlamaCpp(model, CONTEXT, 1, 1, Path(folder) / "calls", budget)
        bar = contextlib.nullcontext(Quiet())
        work = Work(Path(folder), "generator", "run", "account", lambda total, unit: bar)
        began = time.monotonic()
        with teacher.session(work) as session:
            started = time.monotonic() - began
            session.submit(asked[0]).result()  # reads what all of them begin with
            before, began = work.meter.tokens, time.monotonic()
            for future in [session.submit(request) for request in asked[1:]]:
                future.result()
            return started, (work.meter.tokens - before) / (time.monotonic() - began)


def bare(model: Path, asked: list[Request]) -> tuple[float, float]:
    """Likewise, of the server alone."""
    began = time.monotonic()
    command = [sys.executable, "-c", BARE, str(model), str(CONTEXT)]
    with serve(command) as url:
        started = time.monotonic() - began
        ask(url, asked[0])
        began = time.monotonic()
        tokens = sum(ask(url, request) for request in asked[1:])
        return started, tokens / (time.monotonic() - began)


@contextlib.contextmanager
def serve(command: list[str]) -> Iterator[str]:
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def ask(url: str, request: Request) -> int:
    form = {"name": "examples", "schema": request.schema, "strict": True}
    body: dict[str, Any] = {
        "messages": request.messages,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_tokens": request.max_tokens,
        "response_format": {"type": "json_schema", "json_schema": form},
        **SAMPLING,
    }
    post = urllib.request.Request(
        f"{url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(post) as response:
        return int(json.load(response)["usage"]["completion_tokens"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--requests", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    table = csv.writer(sys.stdout)
    table.writerow(["model", "round", "server", "start_s", "tokens_per_s"])
    for i in range(options.rounds):
        asked = requests(options.requests + 1, options.tokens, 10 * i)
        for name, measure in (("p2m", ours), ("bare", bare)):
            start, rate = measure(options.model, asked)
            table.writerow([options.model.name, i, name, f"{start:.2f}", f"{rate:.2f}"])
            sys.stdout.flush()


if __name__ == "__main__":
    main()
