"""Whether it makes sense to go on: useless answers, 429s without end, a server that is down."""

import time
from collections import Counter, deque
from collections.abc import Callable

from p2m.calls.completion import Completion
from p2m.calls.endpoint import Endpoint
from p2m.calls.retry import MOST_TRIES, RetryDecision, server_gone
from p2m.errors import IncompleteError, ServiceError, listed

PATIENCE_S = 900.0  # of 429s with no answer at all in between
WINDOW, MOST_REJECTED = 50, 25  # latest answers, and how many of them may be of no use
SHOWN = 3  # useless answers in the message


class Health:
    """stop: called with what there is to say once most answers are of no use."""

    def __init__(self, endpoint: Endpoint, stop: Callable[[BaseException], None]) -> None:
        self.outcomes: Counter[str] = Counter()
        self._endpoint = endpoint
        self._stop = stop
        self._latest: deque[Completion] = deque(maxlen=WINDOW)
        self._last_answer = time.monotonic()

    def note_answer(self) -> None:
        self._last_answer = time.monotonic()

    def count(self, completion: Completion) -> None:
        self.outcomes[completion.outcome] += 1
        if completion.outcome == "too_long":  # who asked may ask for less
            return
        self._latest.append(completion)
        rejected = [latest for latest in self._latest if latest.outcome != "ok"]
        if len(self._latest) < WINDOW or len(rejected) <= MOST_REJECTED:
            return
        shown = [f"{one.outcome} ({one.reason}): {one.text[:200]!r}" for one in rejected[-SHOWN:]]
        message = listed(
            f"{len(rejected)} of the last {WINDOW} answers of '{self._endpoint.model}'"
            f" cannot be used; the last {SHOWN}:",
            shown,
        )
        self._stop(
            IncompleteError(
                f"{message}\nChange the prompt, or choose another teacher"
                " (teacher=..., teacher.model=...). All answers are kept."
            )
        )

    def give_up_after(self, decision: RetryDecision, failures: int) -> None:
        """Raises ServiceError where another try makes no sense.  failures: of this one call."""
        if decision.kind == "throttled":
            if time.monotonic() - self._last_answer > PATIENCE_S:
                raise ServiceError(
                    f"{self._endpoint.address} has answered nothing but 429"
                    f" for {PATIENCE_S / 60:.0f} minutes ({decision.reason})."
                )
        elif failures >= MOST_TRIES:
            raise server_gone(self._endpoint, decision.reason, failures)
