"""The generator of Prompt2Model (arXiv 2308.12261, section 2.3): few shots that change, a temperature that rises, outputs by vote."""

import logging
import math
import random
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Le

from p2m.artifacts import Examples, TaskSpec
from p2m.errors import IncompleteError
from p2m.generator._request import SCHEMA, messages_for
from p2m.generator._tally import Limits, Tally
from p2m.stages import Answer, Bar, Estimate, Request, Session, Work
from p2m.text.same import normalize_space

Count = Annotated[int, Ge(1)]
Temperature = Annotated[float, Ge(0), Le(2)]
RECENT = 50  # answers over which the yield of new examples is measured
FRAME = 32  # tokens of an answer that belong to no example: the object around the list
log = logging.getLogger(__name__)


@dataclass
class _Progress:
    """tally and, in order, how many new inputs each of the last answers had.  asked, read: requests sent, answers taken."""

    tally: Tally
    asked: int = 0
    read: int = 0
    idle: int = 0
    recent: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT))


@dataclass(frozen=True)
class Prompt2Model:
    """Asks until `target` different inputs stand, the teacher gives no new ones, or the requests are used up."""

    VERSION: ClassVar = 2

    teacher: Any
    target: Count
    per_request: Count
    t0: Temperature
    t_max: Temperature
    top_p: Annotated[float, Gt(0), Le(1)]
    shown_min: Annotated[int, Ge(0)]
    shown_max: Annotated[int, Ge(0)]
    lag: Count
    max_tokens: Count
    max_input_chars: Count
    max_output_chars: Count
    max_requests_factor: Annotated[float, Ge(1)]
    patience: Count
    seed: Annotated[int, Ge(0)]

    def __post_init__(self) -> None:
        if self.shown_min > self.shown_max:
            raise ValueError(f"shown_min={self.shown_min} is more than shown_max={self.shown_max}")

    def estimate(self) -> Estimate:
        return Estimate(calls=math.ceil(self.target / self.per_request))

    def run(self, task: TaskSpec, retrieved: Examples, work: Work) -> Examples:
        state = _Progress(Tally(task, Limits(self.max_input_chars, self.max_output_chars)))
        with work.bar(self.target, "examples") as bar, self.teacher.session(work) as session:
            self._ask(task, state, session, bar, work)
        rows, dropped = state.tally.settled(self.target)
        if not rows:
            raise IncompleteError(
                f"generator: none of {state.read} answers held an example that can be used: {_told(dropped)}; {_ADVICE}"
            )
        if len(rows) < self.target:
            ended = f"{len(rows)} of {self.target} examples after {state.asked} requests, {self._end(state)}"
            log.warning("generator: %s; dropped: %s", ended, _told(dropped))
        return Examples(rows, dropped=dropped)

    def _ask(
        self, task: TaskSpec, state: _Progress, session: Session, bar: Bar, work: Work
    ) -> None:
        """Sends and reads until no more is wanted and nothing is out.

        Answers are read in the order of their requests, whichever comes first: no request of a run depends on how fast an answer was.
        """
        out: deque[tuple[Future[Answer], set[str]]] = deque()
        while True:
            # One request, then two, four, up to lag: those at the start would otherwise all show nothing and bring the same examples.
            while len(out) < min(self.lag, 1 + state.read) and self._wants_more(state, len(out)):
                out.append(self._sent(task, state, session))
            if not out:
                return
            future, shown = out.popleft()
            self._read(future.result(), shown, state, bar)
            bar.note(f"T {self._temperature(state):.2f}, ${work.meter.usd:.2f}")

    def _wants_more(self, state: _Progress, out: int) -> bool:
        """False too when what is out will do, by the yield of the last answers: an example beyond the target is money for nothing."""
        expected = (
            out * (sum(state.recent) + self.per_request) / (len(state.recent) + 1)
        )  # as if one answer had been as asked for
        return self._end(state) is None and len(state.tally.inputs) + expected < self.target

    def _end(self, state: _Progress) -> str | None:
        if len(state.tally.inputs) >= self.target:
            return "target reached"
        if state.idle >= self.patience:
            return f"as the last {state.idle} answers brought nothing new (generator.patience)"
        most = math.ceil(self.max_requests_factor * self.target / self.per_request)
        return (
            f"the most that generator.max_requests_factor={self.max_requests_factor:g} allows"
            if state.asked >= most
            else None
        )

    def _sent(
        self, task: TaskSpec, state: _Progress, session: Session
    ) -> tuple[Future[Answer], set[str]]:
        choice = random.Random(f"{self.seed}:{state.asked}")
        known = len(state.tally.inputs)
        n = min(choice.randint(self.shown_min, self.shown_max), known)
        shown = [state.tally.sample(i) for i in choice.sample(range(known), n)]
        request = Request(
            messages=messages_for(task, shown, self.per_request),
            temperature=self._temperature(state),
            max_tokens=self.max_tokens * self.per_request + FRAME,
            schema=SCHEMA,
            top_p=self.top_p,
            sample=self.seed * 1_000_000
            + state.asked,  # each seed has answers of its own, and so has each request
        )
        state.asked += 1
        return session.submit(request), {normalize_space(source) for source, _ in shown}

    def _read(self, answer: Answer, shown: set[str], state: _Progress, bar: Bar) -> None:
        before = min(self.target, len(state.tally.inputs))
        new = state.tally.take(answer, shown)
        state.read += 1
        state.idle = 0 if new else state.idle + 1
        state.recent.append(new)
        bar.advance(min(self.target, len(state.tally.inputs)) - before)

    def _temperature(self, state: _Progress) -> float:
        """Rises with the share of the target that stands, clipped to what endpoints take."""
        share = min(1.0, len(state.tally.inputs) / self.target)
        return round(min(2.0, max(0.0, self.t0 + (self.t_max - self.t0) * share)), 3)


_ADVICE = "look at what the teacher writes (p2m calls list), or try another one, teacher=..."


def _told(dropped: dict[str, int]) -> str:
    return (
        ", ".join(
            f"{n} {reason}" for reason, n in sorted(dropped.items(), key=lambda item: -item[1])
        )
        or "nothing dropped"
    )
