"""The bar where there is no terminal to draw it on."""

import pytest

from p2m.run import progress
from p2m.stages import Meter


@pytest.fixture
def clock(monkeypatch):
    """The seconds that have gone by, as the test says."""
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def lines(capsys):
    return lambda: capsys.readouterr().err.splitlines()


def test_a_line_every_ten_seconds_tells_rate_time_left_and_dollars(clock, lines):
    meter = Meter()
    with progress.bar("generator", meter, 100, "examples") as bar:
        clock[0] += 5
        bar.advance(5)
        assert lines() == []
        meter.add(0.25, True)
        bar.note("T 0.5")
        clock[0] += 5
        bar.advance(15)
        assert lines() == ["  generator: 20/100 examples, 2/s, 40 s left, $0.25  T 0.5"]


def test_tokens_that_a_teacher_writes_now_are_told_by_the_second(clock, lines):
    meter = Meter()
    with progress.bar("generator", meter, 100, "examples") as bar:
        meter.add(0.0, fresh=False, tokens=1000)
        meter.add(0.0, fresh=True, tokens=300)
        clock[0] += 20
        bar.advance(10)
        assert lines() == ["  generator: 10/100 examples, 0/s, 180 s left, $0.00, 15 tokens/s"]


def test_without_a_total_there_is_no_time_left(clock, lines):
    with progress.bar("retriever", Meter(), None, "rows") as bar:
        clock[0] += 10
        bar.advance(1000)
        assert lines() == ["  retriever: 1,000 rows, 100/s, $0.00"]
