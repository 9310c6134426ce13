"""What a teacher's answers come to: pairs that may become data, the votes for each input, and what was dropped why."""

from collections import Counter
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from typing import Any

from p2m.artifacts import Example, TaskSpec
from p2m.generator._request import Pair
from p2m.stages import Answer
from p2m.text.json_answer import tolerant_json
from p2m.text.language import CODE, SURE, UNKNOWN, language_of
from p2m.text.same import near, normalize_space


@dataclass(frozen=True)
class Limits:
    """Longest input and output, in characters."""

    input: int
    output: int


@dataclass
class Vote:
    """n: how often the output was written for its input.  key: of the call that first wrote it."""

    n: int
    key: str


@dataclass
class Tally:
    """Grows answer by answer.

    inputs: each once, in order of arrival.  votes: by input, normalize_space, then by output.  dropped: answers and pairs, by reason.
    """

    task: TaskSpec
    limits: Limits
    votes: dict[str, dict[str, Vote]] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._demonstrated = {near(d.input) for d in self.task.demonstrations}
        self._may_echo = any(
            normalize_space(d.input) == normalize_space(d.output) for d in self.task.demonstrations
        )
        self._labels = {label.casefold(): label for label in self.task.labels}

    def take(self, answer: Answer, shown: Set[str]) -> int:
        """How many inputs of the answer are new.  shown: the inputs, normalize_space, that its request showed; their return is no vote."""
        if answer.outcome != "ok":
            self.dropped[f"answer: {answer.outcome}"] += 1
            return 0
        pairs = _pairs(tolerant_json(answer.text))
        if pairs is None:
            self.dropped["answer: not the JSON asked for"] += 1
            return 0
        before = len(self.inputs)
        for pair in pairs:
            self._take(pair, answer.key, shown)
        return len(self.inputs) - before

    def sample(self, index: int) -> Pair:
        """The input that came as number *index*, with the output that leads now."""
        source = self.inputs[index]
        return source, _winner(self.votes[normalize_space(source)])

    def settled(self, n: int) -> tuple[list[Example], dict[str, int]]:
        """The first *n* inputs, each with the output that won, and all that was dropped by reason.

        Most votes win, then the shortest output, then the one that came first.
        """
        dropped, rows = Counter(self.dropped), []
        for source in self.inputs[:n]:
            votes = self.votes[normalize_space(source)]
            output = _winner(votes)
            differ = (
                tuple((other, vote.n) for other, vote in votes.items()) if len(votes) > 1 else ()
            )
            rows.append(Example(source, output, f"teacher:{votes[output].key}", votes=differ))
            dropped["repeated"] += votes[output].n - 1
            dropped["outvoted"] += sum(vote.n for other, vote in votes.items() if other != output)
        dropped["beyond the target"] += sum(
            vote.n
            for source in self.inputs[n:]
            for vote in self.votes[normalize_space(source)].values()
        )
        return rows, {reason: count for reason, count in sorted(dropped.items()) if count}

    def _take(self, pair: Any, key: str, shown: Set[str]) -> None:
        fields = _texts(pair)
        if fields is None:
            self.dropped["no text for input or output"] += 1
            return
        source, output = fields[0].strip(), fields[1].strip()
        output = self._labels.get(output.casefold(), output)
        reason = next(self._faults(source, output, shown), None)
        if reason:
            self.dropped[reason] += 1
            return
        if normalize_space(source) not in self.votes:
            self.inputs.append(source)
        votes = self.votes.setdefault(normalize_space(source), {})
        votes.setdefault(output, Vote(0, key)).n += 1

    def _faults(self, source: str, output: str, shown: Set[str]) -> Iterator[str]:
        """Why the pair may not become data, the cheap reasons first."""
        if not source or not output:
            yield "empty"
        if len(source) > self.limits.input or len(output) > self.limits.output:
            yield "too long"
        if self._labels and output not in self.task.labels:
            yield "not a label"
        if normalize_space(source) in shown:
            yield "copy of a shown sample"
        if source == output and not self._may_echo:
            yield "output repeats the input"
        if near(source) in self._demonstrated:
            yield "is a demonstration"
        if _foreign(source, self.task.input_language) or _foreign(
            output, self.task.output_language
        ):
            yield "wrong language"


def _winner(votes: dict[str, Vote]) -> str:
    return min(
        votes, key=lambda output: (-votes[output].n, len(output))
    )  # min keeps the first of equals


def _foreign(text: str, language: str) -> bool:
    if language in {UNKNOWN, CODE}:
        return False
    return language_of(text, SURE) not in {UNKNOWN, CODE, language}


def _pairs(value: Any) -> list[Any] | None:
    found = value.get("examples") if isinstance(value, dict) else value
    return found if isinstance(found, list) else None


def _texts(pair: Any) -> tuple[str, str] | None:
    """input and output; a whole number is taken as it is written, other values that are no text are not."""
    if not isinstance(pair, dict):
        return None
    source, output = (
        str(value) if type(value) is int else value
        for value in (pair.get("input"), pair.get("output"))
    )
    return (source, output) if isinstance(source, str) and isinstance(output, str) else None
