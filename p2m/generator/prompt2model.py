"""The generator of Prompt2Model (arXiv 2308.12261, section 2.3).

Few shots that change, a temperature that rises, outputs by vote.
"""

import logging
import math
import random
from collections import Counter, deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Le

from p2m.artifacts import Examples, TaskSpec
from p2m.errors import IncompleteError
from p2m.examples import by_reason
from p2m.generator._pool import Pool
from p2m.generator._request import SCHEMA, json_lines, messages_for
from p2m.stages import Answer, Bar, Estimate, Request, Session, Sizes, Work
from p2m.text.same import normalize_space

Count = Annotated[int, Ge(1)]
Temperature = Annotated[float, Ge(0), Le(2)]
BYTES_A_TOKEN = 4  # of UTF-8, as tokenizers of large models have it in English prose
TYPICAL = ("An input of a usual length, in some ten words.", "its answer")
RECENT = 50  # answers over which the yield of new examples is measured
FRAME = 32  # tokens of an answer that belong to no example: the object around the list
FAULTS_SHOWN = 3  # kinds of useless answers in a message
SAMPLES_A_SEED = 1_000_000  # so that each seed has answers of its own, and each request too
log = logging.getLogger(__name__)


@dataclass
class _State:
    """How far a run is.

    most_shown: how many samples a request may show; fewer once one was longer than the window.
    asked, read: requests sent, answers taken.  too_long: requests that did not fit.
    idle: answers in a row without a new input.
    recent: how many new inputs each of the last answers had.
    """

    pool: Pool
    most_shown: int
    asked: int = 0
    read: int = 0
    too_long: int = 0
    idle: int = 0
    recent: deque[int] = field(default_factory=lambda: deque(maxlen=RECENT))


@dataclass(frozen=True)
class Prompt2Model:
    """Asks until `target` different inputs stand.

    Ends before that when the teacher gives no new ones, or the requests are used up.
    """

    VERSION: ClassVar = 4

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

    def sizes(self, task: TaskSpec) -> Sizes:
        """As if earlier examples, of which a middling number is shown, were as demonstrations."""
        pairs = [(d.input, d.output) for d in task.demonstrations] or [TYPICAL]
        shown = (self.shown_min + self.shown_max) // 2
        samples = [pairs[i % len(pairs)] for i in range(shown)]
        messages = messages_for(task, samples, self.per_request)
        each = sum(len(json_lines([pair]).encode()) for pair in pairs) / len(pairs)
        sent = sum(len(message["content"].encode()) for message in messages)
        answer = FRAME + self.per_request * each / BYTES_A_TOKEN
        return math.ceil(sent / BYTES_A_TOKEN), math.ceil(answer)

    def run(self, task: TaskSpec, retrieved: Examples, work: Work) -> Examples:
        pool = Pool(task, self.max_input_chars, self.max_output_chars)
        state = _State(pool, self.shown_max)
        with work.bar(self.target, "examples") as bar, self.teacher.session(work) as session:
            self._ask(state, session, bar, work)
        rows, dropped = pool.elect(self.target)
        if not rows:
            raise IncompleteError(
                f"generator: none of {state.read} answers held an example that can be used:"
                f" {by_reason(dropped)}{_explain(pool.faults)}; look at what the teacher writes"
                " (p2m calls list), or try another one, teacher=..."
            )
        if len(rows) < self.target:
            log.warning(
                "generator: %d of %d examples after %d requests, %s; dropped: %s%s",
                len(rows),
                self.target,
                state.asked,
                self._end(state),
                by_reason(dropped),
                _explain(pool.faults),
            )
        return Examples(rows, dropped=dropped)

    def _ask(self, state: _State, session: Session, bar: Bar, work: Work) -> None:
        """Sends and reads until no more is wanted and nothing is out.

        Answers are read in the order of their requests, whichever comes first: no request of a run
        depends on how fast an answer was.
        """
        out: deque[tuple[Future[Answer], set[str]]] = deque()
        while True:
            # One request, then two, up to lag: those at the start would otherwise all show nothing
            # and bring the same examples.
            while len(out) < min(self.lag, 1 + state.read) and self._wants_more(state, len(out)):
                out.append(self._send(state, session))
            if not out:
                return
            future, shown = out.popleft()
            self._read(future.result(), shown, state, bar)
            bar.note(f"T {self._temperature(state):.2f}, ${work.meter.usd:.2f}")

    def _wants_more(self, state: _State, out: int) -> bool:
        """False too when what is out will do: an example beyond the target is money for nothing."""
        # the yield of the last answers, as if one more had been as asked for
        per_answer = (sum(state.recent) + self.per_request) / (len(state.recent) + 1)
        expected = len(state.pool.inputs) + out * per_answer
        return self._end(state) is None and expected < self.target

    def _end(self, state: _State) -> str | None:
        """Why no further request is sent."""
        if len(state.pool.inputs) >= self.target:
            return "target reached"
        if state.idle >= self.patience:
            return f"as the last {state.idle} answers brought nothing new (generator.patience)"
        most = math.ceil(self.max_requests_factor * self.target / self.per_request)
        if state.asked - state.too_long >= most:
            allowed = f"generator.max_requests_factor={self.max_requests_factor:g}"
            return f"the most that {allowed} allows"
        return None

    def _send(self, state: _State, session: Session) -> tuple[Future[Answer], set[str]]:
        """The answer to come, and the inputs that its request shows."""
        rng = random.Random(f"{self.seed}:{state.asked}")
        known = len(state.pool.inputs)
        n = min(rng.randint(self.shown_min, self.shown_max), state.most_shown, known)
        samples = [state.pool.best(i) for i in rng.sample(range(known), n)]
        request = Request(
            messages=messages_for(state.pool.task, samples, self.per_request),
            temperature=self._temperature(state),
            max_tokens=self.max_tokens * self.per_request + FRAME,
            schema=SCHEMA,
            top_p=self.top_p,
            sample=self.seed * SAMPLES_A_SEED + state.asked,
        )
        state.asked += 1
        return session.submit(request), {normalize_space(source) for source, _ in samples}

    def _read(self, answer: Answer, shown: set[str], state: _State, bar: Bar) -> None:
        if answer.outcome == "too_long":
            self._show_less(answer, len(shown), state)
        before = len(state.pool.inputs)
        new = state.pool.add(answer, shown)
        state.read += 1
        if answer.outcome == "too_long":
            return
        state.recent.append(new)
        state.idle = 0 if new else state.idle + 1
        bar.advance(min(new, max(0, self.target - before)))

    def _show_less(self, answer: Answer, n_shown: int, state: _State) -> None:
        """After a request that the teacher's window does not hold: later ones show half of it."""
        state.too_long += 1
        if not n_shown:
            raise IncompleteError(
                "generator: a request is longer than the teacher's window even without earlier"
                f" examples in it ({answer.reason}); make generator.per_request"
                f" (now {self.per_request}) or generator.max_tokens (now {self.max_tokens} an"
                " example) smaller, shorten the prompt, or take a teacher with a larger window"
            )
        if n_shown <= state.most_shown:  # else it was out before the last cut
            state.most_shown = n_shown // 2
            log.warning(
                "generator: a request with %d earlier examples in it is longer than the teacher's"
                " window (%s); from now on %d are shown at most (generator.shown_max)",
                n_shown,
                answer.reason,
                state.most_shown,
            )

    def _temperature(self, state: _State) -> float:
        """Rises with the share of the target that stands, clipped to what endpoints take."""
        share = min(1.0, len(state.pool.inputs) / self.target)
        return round(min(2.0, max(0.0, self.t0 + (self.t_max - self.t0) * share)), 3)


def _explain(faults: Counter[str]) -> str:
    """The commonest of what is wrong with answers, in brackets."""
    common = dict(faults.most_common(FAULTS_SHOWN))
    return f" (answers: {by_reason(common)})" if common else ""
