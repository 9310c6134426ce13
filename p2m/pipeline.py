"""The whole of p2m on one screen."""

from collections.abc import Callable
from typing import Any

from p2m.artifacts import Choice, Examples, Prompt, Report, Splits, Student, TaskSpec
from p2m.store import StageResult


def run(nodes: dict[str, Any], make: Callable[..., StageResult]) -> dict[str, StageResult]:
    """Each stage's result by its name, in order; *make* makes it, or says which it would be."""
    results: dict[str, StageResult] = {}

    def stage(name: str, kind: type, *inputs: str) -> None:
        results[name] = make(name, nodes[name], kind, *(results[i] for i in inputs))

    stage("prompt", Prompt)
    stage("parser", TaskSpec, "prompt")
    stage("model", Choice, "parser")  # early: one that cannot be had stops the run before it pays
    stage("retriever", Examples, "parser")
    stage("generator", Examples, "parser", "retriever")
    stage("processor", Splits, "prompt", "parser", "retriever", "generator", "model")
    stage("trainer", Student, "model", "processor")
    stage("evaluator", Report, "parser", "model", "processor", "trainer")
    return results
