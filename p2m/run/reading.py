"""What was understood of a prompt, in a few lines: what was missed is seen before it costs."""

from typing import Any

from p2m.artifacts import TaskSpec
from p2m.text.printable import shorten

WIDTH = 100  # characters of a prompt's text in one line
UNSURE = "und"  # as languages are coded


def summarize(task: TaskSpec) -> dict[str, Any]:
    """The instruction and the first demonstration, shortened; counts, languages, doubts."""
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
    }


def describe(summary: dict[str, Any]) -> list[str]:
    """A line for each part of what `summarize` gives."""
    return [
        f"instruction: {summary['instruction'] or '(none)'}",
        _describe_demonstrations(summary),
        _describe_labels(summary["labels"]),
        _describe_languages(summary),
        *(f"Look: {doubt}." for doubt in summary["doubts"]),
    ]


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
