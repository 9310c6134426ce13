"""No retrieval."""

from dataclasses import dataclass

from p2m.artifacts import Examples, TaskSpec
from p2m.stages import Work


@dataclass(frozen=True)
class NoRetriever:
    """Gives no examples."""

    def run(self, task: TaskSpec, work: Work) -> Examples:
        return Examples()
