"""Measures what the teacher promises, against a server that misbehaves, and prints the table of
README.md.

python experiments/teacher_faults/run.py                    all of it, about ten minutes on two
cores
python experiments/teacher_faults/run.py --quick cap same   some of it, at a tenth of the size
"""

import argparse
import asyncio
import contextlib
import csv
import json
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import client  # noqa: E402
import httpx2  # noqa: E402 - imported here, so that a fork need not
from client import PRICE, bar, question, teacher  # noqa: E402

# after these a second try gives the answer
PASSING = "429_seconds,429_ms,429_date,429_garbage,429_duration,500,503_html,502_empty,reset"
COLUMNS = ("figure", "measured", "to reach", "reached")
Row = tuple[str, str, str, bool]


@contextlib.contextmanager
def server(folder: Path, **options: Any) -> Iterator[tuple[int, Path]]:
    """(port, bill) of a server in a process of its own."""
    bill = folder / "bill.jsonl"
    words = [
        word
        for name, value in options.items()
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]
    process = subprocess.Popen(
        [sys.executable, str(HERE / "server.py"), "--bill", str(bill), *words],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline()), bill
    finally:
        process.kill()
        process.communicate()


def forked(job: dict[str, Any], before: Callable[[], None] = lambda: None) -> int:
    """A child process that runs *job* and writes what came of it to job["told"]; its id.  A fork,
    so that nothing is imported again."""
    child = os.fork()
    if child:
        return child
    try:
        before()
        told = client.run(job)
        if job.get("told"):
            Path(job["told"]).write_text(json.dumps(told), encoding="utf-8")
        os._exit(0)
    except BaseException as error:
        os.write(2, f"client failed: {error!r}\n".encode())
        os._exit(1)


def waited(children: list[int]) -> None:
    for child in children:
        os.waitpid(child, 0)


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def usd_of(bill: Path) -> float:
    entries = [json.loads(line) for line in lines_of(bill)]
    return (
        sum(
            e["prompt_tokens"] * PRICE.input + e["completion_tokens"] * PRICE.output
            for e in entries
            if "prompt_tokens" in e
        )
        / 1e6
    )


def kept(folder: Path) -> dict[str, str]:
    """Key to name of each answer in the ledger."""
    db = sqlite3.connect(folder / "calls" / "calls.sqlite", timeout=60)
    rows = db.execute(
        "SELECT key, body FROM attempts WHERE body IS NOT NULL AND status=200"
    ).fetchall()
    db.close()
    return {
        key: client._name(json.loads(body)["choices"][0]["message"]["content"])
        for key, body in rows
    }


def kills(folder: Path, scale: float) -> Iterator[Row]:
    """SIGKILLs at random instants; every acknowledged answer must be in the ledger, and only what
    was out is paid again."""
    n, flight, chance, step = max(3, int(200 * scale)), 16, random.Random(0), 40
    job = {
        "folder": str(folder),
        "log": str(folder / "acknowledged"),
        "settings": {"concurrency": flight},
    }
    again, out, some = [], folder / "resumed.json", n * step + 20
    with server(folder, rate=0.1, faults=PASSING, latency=0.02) as (port, bill):
        waited([forked(job | {"port": port, "n": 1})])
        for i in range(
            n
            # each run begins with 20 questions of the one before, so that it meets kept and unknown
            # calls
        ):
            paid, held = len(lines_of(bill)), len(kept(folder))
            child = forked(job | {"port": port, "n": 2000, "start": i * step, "ahead": flight})
            time.sleep(chance.uniform(0.1, 1.2))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            time.sleep(0.05)  # what the server still bills for this one
            again.append(len(lines_of(bill)) - paid - (len(kept(folder)) - held))
        acknowledged = dict(line.split(" ") for line in lines_of(folder / "acknowledged"))
        ledger = kept(folder)
        lost = sum(ledger.get(key) != name for key, name in acknowledged.items())
        yield (
            "SIGKILLs / acknowledged answers / lost or changed",
            f"{n} / {len(acknowledged)} / {lost}",
            "200 / all / 0",
            lost == 0,
        )
        yield (
            "billed and not kept, per kill: most, mean",
            f"{max(again)}, {statistics.mean(again):.1f}",
            f"<= {flight} in flight",
            max(again) <= flight,
        )
        waited([forked(job | {"port": port, "n": some, "out": str(out)})])
    straight = folder / "straight"
    straight.mkdir()
    with server(straight) as (port, _):
        waited(
            [
                forked(
                    {
                        "folder": str(straight),
                        "port": port,
                        "n": some,
                        "out": str(straight / "out.json"),
                        "settings": {"concurrency": 64},
                    }
                )
            ]
        )
    same = out.read_bytes() == (straight / "out.json").read_bytes()
    yield (
        f"resumed output of {some} answers equal to the uninterrupted one",
        "byte for byte" if same else "differs",
        "byte for byte",
        same,
    )


def cap(folder: Path, scale: float) -> Iterator[Row]:
    """A cap worth 200 calls, at each number in flight and of processes, with and without faults and
    kills."""
    flights, crowds = ((1, 8, 32, 128), (1, 4, 16)) if scale >= 1 else ((8, 64), (1, 4))
    calm, rough = [], []
    for flight in flights:
        for crowd in crowds:
            calm.append(_capped(folder / f"calm-{flight}-{crowd}", flight, crowd, kill=False))
            rough.append(
                _capped(folder / f"rough-{flight}-{crowd}", flight, crowd, kill=True, rate=0.3)
            )
    where = f"{flights} in flight x {crowds} processes"
    yield f"server's bill / cap, {where}: highest", f"{max(calm):.3f}", "<= 1.000", max(calm) <= 1
    yield "the same, lowest", f"{min(calm):.3f}", ">= 0.95", min(calm) >= 0.95
    yield (
        "the same with faults and kills: highest (lowest)",
        f"{max(rough):.3f} ({min(rough):.3f})",
        "<= 1.000",
        max(rough) <= 1,
    )


def _capped(folder: Path, flight: int, crowd: int, *, kill: bool, rate: float = 0.0) -> float:
    """The server's bill as a share of the cap."""
    folder.mkdir()
    with server(folder, rate=rate, latency=0.02) as (port, bill):
        waited(
            [
                forked(
                    {
                        "folder": str(folder / "one"),
                        "port": port,
                        "n": 20,
                        "settings": {"concurrency": 8},
                    }
                )
            ]
        )
        good = [json.loads(line) for line in lines_of(bill)]
        each = statistics.mean(
            e["prompt_tokens"] * 1e-6 * PRICE.input + e["completion_tokens"] * 1e-6 * PRICE.output
            for e in good
        )
        before, limit = usd_of(bill), 200 * each
        settings = {"concurrency": flight, "first_byte_s": 0.5 if kill else 30.0, "total_s": 60.0}
        jobs = [
            {
                "folder": str(folder),
                "port": port,
                "n": 300,
                "start": 1000 * (i + 1),
                "max_usd": limit,
                "settings": settings,
            }
            for i in range(crowd)
        ]
        for round_ in range(3 if kill else 1):
            children = [forked(job) for job in jobs]
            if kill and round_ < 2:
                time.sleep(0.4)
                for child in children:
                    os.kill(child, signal.SIGKILL)
            waited(children)
        return (usd_of(bill) - before) / limit


def same(folder: Path, scale: float) -> Iterator[Row]:
    """Many processes with the same requests at the same time."""
    crowd, n = (16, 400) if scale >= 1 else (4, 60)
    with server(folder, latency=0.02) as (port, bill):
        settings = {
            "concurrency": 16,
            "first_byte_s": 60.0,
            "total_s": 60.0,
        }  # a busy machine must not look like a lost answer
        waited(
            [
                forked({"folder": str(folder), "port": port, "n": n, "settings": settings})
                for _ in range(crowd)
            ]
        )
        billed = len(lines_of(bill))
    yield f"{crowd} processes, the same {n} requests: billed", str(billed), str(n), billed == n


def order(folder: Path, scale: float) -> Iterator[Row]:
    """Under strace: between an answer's arrival and its acknowledgement, the database and then its
    journal are synced."""
    if not shutil.which("strace"):
        yield "order of syncs under strace", "no strace here", "all", False
        return
    n, trace = (300 if scale >= 1 else 40), folder / "trace"
    with server(folder, latency=0.01) as (port, _):
        job = {
            "folder": str(folder),
            "port": port,
            "n": n,
            "log": str(folder / "acknowledged"),
            "settings": {"concurrency": 8},
        }
        calls = "trace=fsync,fdatasync,write,recvfrom,read,ftruncate"
        command = [
            "strace",
            "-f",
            "-y",
            "-s",
            "4000",
            "-e",
            calls,
            "-o",
            str(trace),
            sys.executable,
            str(HERE / "client.py"),
            json.dumps(job),
        ]
        subprocess.run(command, check=True, capture_output=True)
    good, seen = _in_order(lines_of(trace))
    yield (
        "answers acknowledged after a sync of database and journal, under strace",
        f"{good} of {seen}",
        "all",
        good == seen == n,
    )


def _in_order(trace: list[str]) -> tuple[int, int]:
    """(acknowledged in the right order, acknowledged).  A sync counts if it began after the answer
    came and ended before the write."""
    arrived: dict[str, int] = {}
    synced = {"calls.sqlite>": -1, "calls.sqlite-journal>": -1}
    good = seen = 0
    for began, ended, text in sorted(
        _syscalls(trace), key=lambda event: event[0] if event[2].startswith("write") else event[1]
    ):
        if text.startswith(("recvfrom", "read")):
            arrived |= {
                name: ended
                for name in re.findall(r'output[\\": ]+([0-9a-f]{64})', text)
                if name not in arrived
            }
        elif text.startswith("write"):
            name = re.search(r"([0-9a-f]{64})\\n", text)
            if "/acknowledged>" in text and name:
                seen += 1
                good += name[1] in arrived and all(at > arrived[name[1]] for at in synced.values())
        elif "sync" in text and text.endswith("= 0"):
            synced |= {file: max(began, at) for file, at in synced.items() if file in text}
    return good, seen


def _syscalls(trace: list[str]) -> Iterator[tuple[int, int, str]]:
    """(line on which it began, line on which it returned, text): strace cuts a call in two where
    another thread comes between."""
    begun: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(trace):
        thread, _, text = line.partition(" ")
        text = text.strip()
        if "<unfinished ...>" in text:
            begun[thread] = (number, text.replace("<unfinished ...>", ""))
        elif text.startswith("<..."):
            start, head = begun.pop(thread, (number, ""))
            yield start, number, head + text.partition("resumed>")[2]
        else:
            yield number, number, text


def full(folder: Path, scale: float) -> Iterator[Row]:
    """A full disk in two ways: a database that must not grow, and files that must not."""
    n = 300
    for name, extra, before in (
        ("max_page_count", {"pages": 120}, lambda: None),
        ("RLIMIT_FSIZE", {}, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))),
    ):
        here = folder / name
        here.mkdir()
        with server(here) as (port, _):
            job = {
                "folder": str(here),
                "port": port,
                "n": n,
                "log": str(here / "acknowledged"),
                "told": str(here / "told.json"),
            }
            waited([forked(job | extra, before)])
            told = json.loads((here / "told.json").read_text())
            acknowledged = dict(line.split(" ") for line in lines_of(here / "acknowledged"))
            ledger = kept(here)
            lost = sum(ledger.get(key) != digest for key, digest in acknowledged.items())
            waited([forked(job)])
            resumed = json.loads((here / "told.json").read_text())
        remedy = "with" if "Make room" in told["error"] else "without"
        measured = f"{lost} of {len(acknowledged)} lost, exit {told['code']}, {remedy} the remedy"
        right = (
            lost == 0 < len(acknowledged) < n
            and told["code"] == 28
            and "Make room" in told["error"]
            and resumed["answers"] == n
        )
        yield (
            f"disk full ({name})",
            f"{measured}, then {resumed['answers']} of {n}",
            "0 lost, exit 28, resumes",
            right,
        )


def fatal(folder: Path, scale: float) -> Iterator[Row]:
    """How many calls are still sent once an answer said that none can succeed."""
    worst, flight = Counter[str](), 32
    for fault in ("400", "401", "403", "404", "quota"):
        here = folder / fault
        here.mkdir()
        with server(here, fatal=fault, fatal_after=100, latency=0.02) as (port, bill):
            waited(
                [
                    forked(
                        {
                            "folder": str(here),
                            "port": port,
                            "n": 500,
                            "told": str(here / "told.json"),
                            "settings": {"concurrency": flight},
                        }
                    )
                ]
            )
            worst[fault] = sum(json.loads(line)["fault"] == fault for line in lines_of(bill)) - 1
            assert json.loads((here / "told.json").read_text())["code"] == 69
    yield (
        "calls that met 400, 401, 403, 404, quota after the first",
        str(max(worst.values())),
        f"<= {flight}",
        max(worst.values()) <= flight,
    )


def fuzz(folder: Path, scale: float) -> Iterator[Row]:
    """Random damage to answers, headers and the ledger's file: anything raised but a UserError
    counts."""
    from p2m.calls.completion import parse
    from p2m.calls.endpoint import reply_with
    from p2m.errors import UserError
    from p2m.text.delay import retry_after
    from p2m.text.json_answer import tolerant_json
    from p2m.verbs import calls

    n, chance, uncaught = int(20_000 * scale), random.Random(0), Counter[str]()
    text = json.dumps({"examples": [{"input": "naïve \\ud83d", "output": 'a "b" \\n 1e9'}] * 3})
    body = reply_with(text, "m", 3, 4).body
    for _ in range(n):
        bent = _bent(body, chance)
        for name, attempt in (
            ("answer", lambda bent=bent: parse(bent, question(1))),
            ("json", lambda bent=bent: tolerant_json(bent.decode(errors="surrogateescape"))),
            (
                "header",
                lambda bent=bent: retry_after(
                    {
                        "retry-after": bent[:40].decode("latin-1"),
                        "retry-after-ms": bent[40:60].decode("latin-1"),
                    },
                    1e9,
                ),
            ),
        ):
            try:
                attempt()
            except Exception as error:
                uncaught[f"{name}: {type(error).__name__}"] += 1
    with server(folder) as (port, _):
        waited([forked({"folder": str(folder), "port": port, "n": 30})])
    whole, broken = (folder / "calls" / "calls.sqlite").read_bytes(), folder / "broken"
    broken.mkdir()
    m = max(50, n // 20)
    for _ in range(m):
        (broken / "calls.sqlite").write_bytes(_bent(whole, chance, 20))
        with (folder / "sink").open("w") as sink, contextlib.redirect_stdout(sink):
            for verb in ("list", "cost", "export", "reconcile"):
                try:
                    calls.main([verb, "--calls", str(broken)])
                except UserError:
                    pass
                except Exception as error:
                    uncaught[f"ledger {verb}: {type(error).__name__}: {error}"[:80]] += 1
    total = sum(uncaught.values())
    yield (
        f"fuzz: {3 * n} answers and headers, {4 * m} readings of a damaged ledger: uncaught",
        f"{total} {dict(uncaught) or ''}".strip(),
        "0",
        not total,
    )


def _bent(raw: bytes, chance: random.Random, most: int = 6) -> bytes:
    bent = bytearray(raw)
    for _ in range(chance.randint(1, most)):
        if not bent:
            break
        at = chance.randrange(len(bent))
        kind = chance.randrange(4)
        if kind == 0:
            bent[at] = chance.randrange(256)
        elif kind == 1:
            del bent[at : at + chance.randint(1, 40)]
        elif kind == 2:
            bent[at:at] = chance.choice(
                [
                    b"NaN",
                    b"1e999",
                    b"[" * 5000,
                    b"{",
                    b'"',
                    b"\\ud800",
                    b"\xff",
                    b"null",
                    b"9" * 5000,
                ]
            )
        else:
            bent = bent[: max(1, at)]
    return bytes(bent)


def speed(folder: Path, scale: float) -> Iterator[Row]:
    """Answers a second against a 50 ms server, in turn with the bare openai client, each in a
    process of its own."""
    import openai  # noqa: F401 - before the forks, so that nobody's time holds an import

    n = int(2000 * scale)
    with server(folder, latency=0.05) as (port, _):
        for flight in (64, 256):
            bare, ours = [], []
            for turn in range(3):
                bare.append(
                    n / _timed(lambda flight=flight: asyncio.run(_bare(port, n, flight)), folder)
                )
                job = {
                    "folder": str(folder / f"{flight}-{turn}"),
                    "port": port,
                    "n": n,
                    "settings": {
                        "concurrency": flight,
                        "connect_s": 60,
                        "first_byte_s": 60,
                        "total_s": 60,
                    },
                }
                ours.append(n / _timed(lambda job=job: client.run(job), folder))
            share, ideal = statistics.median(ours) / statistics.median(bare), flight / 0.05
            measured = (
                f"{statistics.median(ours):.0f}/s = {share:.2f} of the bare client's "
                f"{statistics.median(bare):.0f}/s"
            )
            yield (
                f"throughput at {flight} in flight",
                f"{measured}; {statistics.median(ours) / ideal:.2f} of {ideal:.0f}/s",
                ">= 0.90 of bare",
                share >= 0.9,
            )


def _timed(work: Callable[[], Any], folder: Path) -> float:
    """Seconds that *work* takes in a child process, without its start."""
    out = folder / "seconds"
    child = os.fork()
    if not child:
        try:
            started = time.monotonic()
            work()
            out.write_text(str(time.monotonic() - started))
        except BaseException as error:
            os.write(2, f"timed run failed: {error!r}\n".encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    seconds = float(out.read_text())
    out.unlink()
    return seconds


async def _bare(port: int, n: int, flight: int) -> None:
    """The openai client as it comes, with as many connections as it may have in flight."""
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    limits = httpx2.Limits(max_connections=flight, max_keepalive_connections=flight)
    http = DefaultAsyncHttpxClient(
        limits=limits, timeout=httpx2.Timeout(60.0)
    )  # its own 5 s to connect are too few on a busy machine
    async with AsyncOpenAI(
        api_key="none", base_url=f"http://127.0.0.1:{port}/v1", max_retries=0, http_client=http
    ) as bare:
        gate = asyncio.Semaphore(flight)

        async def one(i: int) -> str | None:
            asked = question(i)
            async with gate:
                said = await bare.chat.completions.create(
                    model="fault-1",
                    messages=[dict(m) for m in asked.messages],
                    temperature=0.7,
                    top_p=1.0,
                    max_tokens=asked.max_tokens,
                )
            return said.choices[0].message.content

        texts = await asyncio.gather(*(one(i) for i in range(n)))
        assert all(texts)


def memory(folder: Path, scale: float) -> Iterator[Row]:
    """Resident memory of one process over many calls."""
    n = int(50_000 * scale)
    with server(folder) as (port, _):
        out = folder / "sizes.json"
        child = os.fork()
        if not child:
            try:
                out.write_text(json.dumps(_sizes(folder, port, n)))
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    early, late = json.loads(out.read_text())
    grown = late - early
    yield (
        f"resident memory after {n // 5} and {n} calls",
        f"{early:.0f} and {late:.0f} MB",
        "flat: < 10 MB more",
        grown < 10,
    )


def _sizes(folder: Path, port: int, n: int) -> list[float]:
    from p2m.calls.budget import Budget
    from p2m.stages import Work

    it = teacher(
        base_url=f"http://127.0.0.1:{port}/v1",
        calls=folder / "calls",
        budget=Budget(None, None, None, 0),
        concurrency=64,
    )
    sizes = []
    with it.session(Work(folder, "generator", "run", "prompt", bar)) as session:
        out: deque[Any] = deque()
        for i in range(n):
            out.append(session.submit(question(i)))
            if len(out) > 256:
                out.popleft().result()
            if i + 1 in {n // 5, n}:
                sizes.append(
                    int(Path("/proc/self/statm").read_text().split()[1])
                    * os.sysconf("SC_PAGESIZE")
                    / 2**20
                )
        while out:
            out.popleft().result()
    return sizes


MEASURES = {m.__name__: m for m in (kills, cap, same, order, full, fatal, fuzz, speed, memory)}


def measured(names: list[str], scale: float, root: Path) -> Iterator[Row]:
    for name in names:
        folder = root / name
        folder.mkdir()
        yield from MEASURES[name](folder, scale)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"what to measure; of {', '.join(MEASURES)} (default: all)",
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the size")
    parser.add_argument("--write", action="store_true", help="put the figures into results.csv")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(MEASURES)):
        parser.error(f"no measure is called {unknown[0]}; there are {', '.join(MEASURES)}")
    rows = []
    with tempfile.TemporaryDirectory(prefix="teacher-faults-") as root:
        for row in measured(
            options.names or list(MEASURES), 0.1 if options.quick else 1.0, Path(root)
        ):
            rows.append(row)
            print(
                f"{'ok ' if row[3] else 'NOT'} {row[0]}: {row[1]} (to reach: {row[2]})", flush=True
            )
    load = os.getloadavg()
    print(
        f"load of the machine at the end: {load[0]:.1f} {load[1]:.1f} {load[2]:.1f} on "
        f"{os.cpu_count()} cores"
    )
    if options.write:
        with (HERE / "results.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(
                [COLUMNS, *((*row[:3], "yes" if row[3] else "no") for row in rows)]
            )
    return 0 if all(row[3] for row in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
