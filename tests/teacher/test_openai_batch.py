import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from p2m.calls.prices import Price
from p2m.errors import ServiceError
from p2m.teacher.openai_batch import OpenAIBatch
from tests.calls.doubles import GOOD, NO_CAPS, SCHEMA, ask, good, query, work
from tests.teacher.batch_server import Shop, serving


def batch(url: str, calls: Path, **more: Any) -> OpenAIBatch:
    fields: dict[str, Any] = {
        "base_url": url,
        "model": "large",
        "api_key_env": None,
        "price": Price(1, 1),
        "extra": {},
        "tokens_field": "max_tokens",
        "structured": "always",
        "batch_size": 5,
        "poll_s": 0.05,
        "calls": calls,
        "budget": NO_CAPS,
    }
    return OpenAIBatch(**(fields | more))


def answers(teacher: OpenAIBatch, folder: Path, n: int) -> list[Any]:
    with teacher.session(work(folder)) as session:
        return [f.result() for f in [session.submit(ask(i, schema=SCHEMA)) for i in range(n)]]


def test_calls_go_out_in_batches_of_the_size_given_and_are_billed(tmp_path: Path) -> None:
    shop = Shop()
    with serving(shop) as url:
        found = answers(batch(url, tmp_path), tmp_path, 12)
    assert [(a.text, a.outcome, a.usd) for a in found] == [(GOOD, "ok", 30e-6)] * 12
    sizes = [len(shop.files[b["input_file_id"]].splitlines()) for b in shop.batches.values()]
    assert (sum(sizes), max(sizes)) == (12, 5)
    line = json.loads(shop.files["file-0"].splitlines()[0])
    assert (line["method"], line["url"], line["body"]["model"]) == (
        "POST",
        "/v1/chat/completions",
        "large",
    )
    assert line["body"]["response_format"]["json_schema"]["name"] == "examples"


def test_price_is_half_of_the_listed_one() -> None:
    teacher = batch("https://api.openai.com/v1", Path("x"), model="gpt-4.1-mini", price=None)
    assert teacher._price() == Price(0.2, 0.8)


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from tests.teacher.test_openai_batch import answers, batch
answers(batch(sys.argv[2], Path(sys.argv[3])), Path(sys.argv[3]), 5)
"""


@pytest.mark.parametrize(
    "slow_s", [0.0, 2.0]
)  # killed while it polls; killed before the receipt of its submission came
def test_killed_run_goes_on_with_the_batch_that_it_submitted(tmp_path: Path, slow_s: float) -> None:
    shop = Shop()
    shop.looks, shop.slow_s = 10**9, slow_s
    with serving(shop) as url:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                SCRIPT,
                str(Path(__file__).resolve().parents[2]),
                url,
                str(tmp_path),
            ]
        )
        while not shop.batches or (slow_s == 0 and next(iter(shop.batches.values()))["seen"] < 2):
            assert process.poll() is None
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        shop.looks, shop.slow_s = 1, 0.0
        found = answers(batch(url, tmp_path), tmp_path, 5)
    assert len(shop.batches) == 1
    assert [a.text for a in found] == [GOOD] * 5
    assert query(tmp_path, "SELECT state, COUNT(*) FROM attempts GROUP BY 1") == [("paid", 5)]
    assert query(tmp_path, "SELECT nano, calls FROM accounts") == [(150_000, 5)]


def test_calls_that_a_batch_did_not_do_in_time_are_made_again_and_not_charged(
    tmp_path: Path,
) -> None:
    shop = Shop()
    shop.status = "expired"
    with serving(shop) as url:
        teacher = batch(url, tmp_path, batch_size=2)
        found = answers(teacher, tmp_path, 2)
    assert [a.outcome for a in found] == ["ok", "ok"]
    assert len(shop.batches) >= 2
    assert query(tmp_path, "SELECT nano, calls FROM accounts") == [(60_000, 2)]


def test_batch_that_the_server_refuses_is_told(tmp_path: Path) -> None:
    shop = Shop()
    shop.status = "failed"
    with (
        serving(shop) as url,
        pytest.raises(
            ServiceError,
            match=r"refused the batch batch-0 \(model not found\). Look at teacher\.model",
        ),
    ):
        answers(batch(url, tmp_path), tmp_path, 1)


def test_refusal_of_the_key_names_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "k")
    shop = Shop()
    shop.refuse = (401, {"message": "Incorrect API key"})
    with (
        serving(shop) as url,
        pytest.raises(
            ServiceError, match=r"environment variable SOME_KEY \(teacher\.api_key_env\)"
        ),
    ):
        answers(batch(url, tmp_path, api_key_env="SOME_KEY"), tmp_path, 1)
    assert query(tmp_path, "SELECT COUNT(*) FROM attempts WHERE billed > 0 AND state <> 'open'")[
        0
    ] == (0,)


def test_failed_line_of_a_batch_is_tried_again_in_another(tmp_path: Path) -> None:
    shop = Shop()
    seen: list[int] = []
    shop.answer = lambda body: (
        (200, json.loads(good().body))
        if seen or seen.append(1)
        else (500, {"error": {"message": "oops"}})
    )
    with serving(shop) as url:
        found = answers(batch(url, tmp_path), tmp_path, 1)
    assert (found[0].outcome, len(shop.batches)) == ("ok", 2)
