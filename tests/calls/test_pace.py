import asyncio
import time

from p2m.calls.pace import Allowance, Pace, backoff


def test_backoff_doubles_and_is_clip() -> None:
    assert [backoff(n, 0.5) for n in (1, 2, 3, 20)] == [0.5, 1.0, 2.0, 60.0]
    assert backoff(1, 0.0) == 0.25


def pace(concurrency: int = 8, per_minute: float | None = None) -> Pace:
    return Pace(concurrency, per_minute, None, asyncio.sleep)


def test_burst_of_429s_cuts_once() -> None:
    it = pace(16)
    sent_at = time.monotonic()
    for _ in range(10):
        it.note_throttling(sent_at, 0.0)
    assert (it.limit, it.cuts) == (8.0, 1)
    it.note_throttling(time.monotonic(), 0.0)
    assert (it.limit, it.cuts) == (4.0, 2)


def test_concurrency_grows_by_about_one_a_round_and_no_further_than_asked() -> None:
    it = pace(16)
    it.note_throttling(time.monotonic(), 0.0)
    for _ in range(8):
        it.note_answer({})
    assert 8.9 < it.limit < 9.0
    for _ in range(1000):
        it.note_answer({})
    assert it.limit == 16.0


def test_concurrency_never_falls_below_one() -> None:
    it = pace(2)
    for _ in range(5):
        it.note_throttling(time.monotonic(), 0.0)
    assert it.limit == 1.0


def most_out(it: Pace, n: int) -> int:
    async def one(seen: list[int]) -> None:
        async with it.slot(1):
            seen.append(it.out)
            await asyncio.sleep(0.001)

    async def everyone() -> int:
        seen: list[int] = []
        await asyncio.gather(*(one(seen) for _ in range(n)))
        return max(seen)

    return asyncio.run(everyone())


def test_no_more_are_out_than_the_limit_and_all_get_their_turn() -> None:
    assert most_out(pace(5), 60) == 5


def test_pause_holds_everybody_back() -> None:
    it = pace(5)
    started = time.monotonic()
    it.note_throttling(started, 0.1)
    most_out(it, 3)
    assert time.monotonic() - started >= 0.1


def test_requests_a_minute_are_kept_after_a_burst_of_five_seconds_worth() -> None:
    allowance = Allowance(600)  # 10 a second, 50 at once
    waits = [allowance.wait(1) for _ in range(70)]
    assert waits[49] == 0.0
    assert 1.9 < waits[69] < 2.1


def test_amount_larger_than_the_burst_waits_for_a_full_allowance_and_is_let_through() -> None:
    allowance = Allowance(60)
    assert allowance.wait(100) == 0.0
    assert 95 < allowance.wait(1) < 101


def test_limits_that_the_server_tells_are_kept() -> None:
    it = pace()
    it.note_answer(
        {
            "x-ratelimit-limit-requests": "600",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "120ms",
        }
    )
    started = time.monotonic()
    asyncio.run(it.wait_until_open())
    assert 0.1 < time.monotonic() - started < 0.5
    assert it._allowances["requests"].per_minute == 600
