"""The pool of examples that a teacher's answers make: inputs, votes for their outputs, and what was
dropped."""

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass, field, replace
from typing import Any

from p2m.artifacts import Example, TaskSpec
from p2m.generator._request import SCHEMA
from p2m.stages import Answer
from p2m.text.language import CODE, SURE, UNKNOWN, language_of
from p2m.text.listed import read_items
from p2m.text.same import LabelSet, near, normalize_space


@dataclass
class Vote:
    """n: how often the output was written for its input.  key: of the call that first wrote it."""

    n: int
    key: str


@dataclass
class Pool:
    """Grows answer by answer.

    inputs: each once, in order of arrival.  dropped: answers and pairs, by reason.
    faults: what is wrong with the answers that were dropped, as the ledger has it.
    votes: by input, normalize_space, then by output.
    """

    task: TaskSpec
    max_input_chars: int
    max_output_chars: int
    votes: dict[str, dict[str, Vote]] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        demonstrations = self.task.demonstrations
        self._demonstrated = {near(d.input) for d in demonstrations}
        self._may_echo = any(
            normalize_space(d.input) == normalize_space(d.output) for d in demonstrations
        )
        self._labels = LabelSet(self.task.labels)

    def add(self, answer: Answer, shown: Set[str]) -> int:
        """How many inputs of the answer are new.

        shown: the inputs, normalize_space, that its request showed; their return is no vote.
        """
        if answer.outcome != "ok":
            self.dropped[f"answer: {answer.outcome}"] += 1
            if answer.reason:
                self.faults[answer.reason] += 1
            return 0
        pairs = read_items(answer.text, SCHEMA)
        if pairs is None:
            self.dropped["answer: not the JSON asked for"] += 1
            return 0
        before = len(self.inputs)
        for pair in pairs:
            self._add_pair(pair, answer.key, shown)
        return len(self.inputs) - before

    def best(self, index: int) -> tuple[str, str]:
        """The input that came as number *index*, with the output that leads now."""
        source = self.inputs[index]
        return source, _winner(self.votes[normalize_space(source)])

    def elect(self, n: int) -> tuple[list[Example], dict[str, int]]:
        """The first *n* inputs, each with the output that won, and all that was dropped by reason.

        Most votes win, then the shortest output, then the one that came first.
        """
        dropped = Counter(self.dropped)
        rows = []
        for i, source in enumerate(self.inputs):
            votes = self.votes[normalize_space(source)]
            n_votes = sum(vote.n for vote in votes.values())
            if i >= n:
                dropped["beyond the target"] += n_votes
                continue
            output = _winner(votes)
            won = votes[output]
            dropped["repeated"] += won.n - 1
            dropped["outvoted"] += n_votes - won.n
            row = Example(source, output, f"teacher:{won.key}")
            if len(votes) > 1:
                row = replace(row, votes=tuple((other, vote.n) for other, vote in votes.items()))
            rows.append(row)
        return rows, {reason: count for reason, count in sorted(dropped.items()) if count}

    def _add_pair(self, pair: Any, key: str, shown: Set[str]) -> None:
        fields = pair if isinstance(pair, dict) else {}
        source, output = _text(fields.get("input")), _text(fields.get("output"))
        if source is None or output is None:
            self.dropped["no text for input or output"] += 1
            return
        output = self._labels.find(output) or output
        fault = self._form_fault(source, output) or self._content_fault(source, output, shown)
        if fault:
            self.dropped[fault] += 1
            return
        same_source = normalize_space(source)
        if same_source not in self.votes:
            self.inputs.append(source)
            self.votes[same_source] = {}
        self.votes[same_source].setdefault(output, Vote(0, key)).n += 1

    def _form_fault(self, source: str, output: str) -> str | None:
        """Why the pair may not become data whatever it says."""
        if not source or not output:
            return "empty"
        if len(source) > self.max_input_chars or len(output) > self.max_output_chars:
            return "too long"
        if self._labels and output not in self.task.labels:
            return "not a label"
        return None

    def _content_fault(self, source: str, output: str, shown: Set[str]) -> str | None:
        """Why what the pair says may not become data, the cheap reasons first."""
        if normalize_space(source) in shown:
            return "copy of a shown sample"
        if source == output and not self._may_echo:
            return "output repeats the input"
        if near(source) in self._demonstrated:
            return "is a demonstration"
        languages = ((source, self.task.input_language), (output, self.task.output_language))
        if any(_is_foreign(text, language) for text, language in languages):
            return "wrong language"
        return None


def _winner(votes: dict[str, Vote]) -> str:
    """Of equals, min keeps the first."""
    return min(votes, key=lambda output: (-votes[output].n, len(output)))


def _is_foreign(text: str, language: str) -> bool:
    if language in {UNKNOWN, CODE}:
        return False
    return language_of(text, SURE) not in {UNKNOWN, CODE, language}


def _text(value: Any) -> str | None:
    return value.strip() if isinstance(value, str) else None
