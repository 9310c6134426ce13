"""Writes no examples: for training on retrieved data, or on the user's own, alone."""

from dataclasses import dataclass

from p2m.artifacts import Examples, TaskSpec
from p2m.stages import Work


@dataclass(frozen=True)
class NoGenerator:
    """No examples, at no cost."""

    def run(self, task: TaskSpec, retrieved: Examples, work: Work) -> Examples:
        return Examples()
