"""What was understood of a prompt, in a few lines: what was missed is seen before it costs."""

from typing import Any

from p2m.artifacts import Choice, TaskSpec
from p2m.text.printable import shorten

WIDTH = 100  # characters of a prompt's text in one line
UNSURE = "und"  # as languages are coded


def summarize(task: TaskSpec, choice: Choice | None = None) -> dict[str, Any]:
    """Instruction and first demonstration shortened, numbers, labels, languages, what is unsure.

    student: where it is chosen already.
    """
    first = None
    if task.demonstrations:
        example = task.demonstrations[0]
        half = WIDTH // 2
        first = [shorten(example.input, half), shorten(example.output, half)]
    return {
        "instruction": shorten(task.instruction, WIDTH),
        "demonstrations": len(task.demonstrations),
        "first": first,
        "labels": list(task.labels),
        "languages": [task.input_language, task.output_language],
        "doubts": list(task.doubts),
        "student": describe_choice(choice) if choice else "",
    }


def describe(summary: dict[str, Any]) -> list[str]:
    """A line for each part of what `summarize` gives."""
    return [
        f"instruction: {summary['instruction'] or '(none)'}",
        _describe_demonstrations(summary),
        _describe_labels(summary["labels"]),
        _describe_languages(summary),
        *(f"Look: {doubt}." for doubt in summary["doubts"]),
        *filter(None, [summary["student"] and f"student: {summary['student']}"]),
    ]


def describe_choice(choice: Choice) -> str:
    """What is trained, and why, if that was not the user's own word."""
    text = f"{choice.base.partition('@')[0]}, {choice.kind}"
    return f"{text}: {choice.why}" if choice.why else text


def _describe_demonstrations(summary: dict[str, Any]) -> str:
    n = summary["demonstrations"]
    if not n:
        return "no demonstrations"
    source, output = summary["first"]
    return f"{n} demonstration{'' if n == 1 else 's'}, the first: {source!r} -> {output!r}"


def _describe_labels(labels: list[str]) -> str:
    if not labels:
        return "no closed set of labels"
    return f"{len(labels)} labels: {shorten(', '.join(labels), WIDTH)}"


def _describe_languages(summary: dict[str, Any]) -> str:
    source, output = ("not sure" if code == UNSURE else code for code in summary["languages"])
    if summary["labels"]:
        output = "a label"
    return f"languages: input {source}, output {output}"
