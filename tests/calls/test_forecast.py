from pathlib import Path

import pytest

from p2m.calls.forecast import forecast, per_call, spent
from p2m.calls.prices import Price
from p2m.stages import Estimate
from p2m.teacher.local import Local
from p2m.teacher.openai import OpenAI
from p2m.teacher.recorded import Recorded
from tests.calls.doubles import NO_CAPS, FakeTransport, ask, endpoint, good, make_session
from tests.teacher.test_openai import FIELDS


def make_calls(folder: Path, tokens: list[int]) -> None:
    with make_session(
        folder, FakeTransport(lambda i: good(tokens=(0, tokens[i]))), concurrency=1
    ) as session:
        for i in range(len(tokens)):
            session.submit(ask(i)).result()


def test_call_is_expected_to_cost_what_the_latest_cost(tmp_path: Path) -> None:
    make_calls(tmp_path, [10, 20, 30])
    estimate = per_call(tmp_path / "calls", endpoint(4, Price(9, 9)))
    assert (estimate.calls, estimate.usd) == (1, pytest.approx(20e-6))
    assert estimate.seconds is not None
    assert 0 <= estimate.seconds < 1
    assert estimate.tokens_per_s == pytest.approx(20 / estimate.seconds)


def test_call_of_a_model_never_asked_is_expected_to_be_typical(tmp_path: Path) -> None:
    teacher = OpenAI(
        **FIELDS | {"free": False, "price": Price(1, 10), "calls": tmp_path, "budget": NO_CAPS}
    )
    assert teacher.estimate() == Estimate(1, pytest.approx(0.0055), None)


def test_teachers_on_this_machine_are_expected_to_cost_nothing(tmp_path: Path) -> None:
    local = Local("some/model", None, "cpu", "float32", 4, 0, tmp_path, NO_CAPS)
    assert local.estimate() == Estimate(1, 0.0, None)
    assert Recorded(None, None, False, tmp_path, NO_CAPS).estimate() == Estimate(1, 0.0, 0.0)


def test_pilot_gives_an_interval_around_the_sum(tmp_path: Path) -> None:
    make_calls(tmp_path, [10, 30] * 10)
    interval = forecast(tmp_path / "calls", "run-1", 1000, 8)
    assert interval is not None
    assert interval.n == 20
    expected, low, high = interval.usd
    assert expected == pytest.approx(0.02)
    assert low == pytest.approx(
        0.015154, abs=2e-6
    )  # 2.0916 * 10.26e-6 * sqrt(1000 * 1000 / 20 + 1000) below
    assert high - expected == pytest.approx(expected - low)


def test_equal_calls_give_an_interval_of_no_width(tmp_path: Path) -> None:
    make_calls(tmp_path, [10] * 5)
    interval = forecast(tmp_path / "calls", "run-1", 100, 8)
    assert interval is not None
    assert interval.usd == (pytest.approx(1e-3),) * 3


def test_nothing_is_forecast_from_nothing(tmp_path: Path) -> None:
    assert forecast(tmp_path, "run-1", 100, 8) is None
    assert spent(tmp_path, "prompt-1") == (0.0, 0)


def test_what_counts_against_the_caps_is_interval(tmp_path: Path) -> None:
    make_calls(tmp_path, [10, 20])
    assert spent(tmp_path / "calls", "prompt-1") == (pytest.approx(30e-6), 2)
    assert spent(tmp_path / "calls", "another") == (0.0, 0)
