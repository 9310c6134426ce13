"""The request for new examples: what a teacher is told, and the form that it must answer in."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from p2m.artifacts import TaskSpec

Pair = tuple[str, str]  # input, output
SYSTEM = "You write training examples for a small model. You answer with JSON only, without any word around it."
FORM = '{"examples": [{"input": "...", "output": "..."}, ...]}'
_TEXT = {"type": "string"}
_PAIR = {"input": _TEXT, "output": _TEXT}
_EXAMPLE = {
    "type": "object",
    "properties": _PAIR,
    "required": list(_PAIR),
    "additionalProperties": False,
}
SCHEMA: Mapping[str, Any] = {
    "title": "examples",
    "type": "object",
    "properties": {"examples": {"type": "array", "items": _EXAMPLE}},
    "required": ["examples"],
    "additionalProperties": False,
}


def messages_for(task: TaskSpec, shown: Sequence[Pair], n: int) -> tuple[Mapping[str, str], ...]:
    """The instruction verbatim, the demonstrations and *shown* as lines of JSON, and what is wanted: *n* new examples."""
    parts = [f"This is the task, as its author describes it:\n\n{task.instruction}"]
    if task.demonstrations:
        parts.append(
            "Good examples, by the author:\n"
            + lines((d.input, d.output) for d in task.demonstrations)
        )
    if shown:
        parts.append(
            "Samples that were written before, perhaps with mistakes. Do not repeat them: yours differ from them in content, wording,"
            f" length and difficulty.\n{lines(shown)}"
        )
    if task.labels:
        parts.append(
            "Each output is exactly one of these, spread evenly: "
            + json.dumps(task.labels, ensure_ascii=False)
        )
    parts.append(
        f"Write {n} new examples\nThey vary as real inputs do, each with its one right output, in the language of the author's."
        f"\nAnswer with a single JSON object of this form:\n{FORM}"
    )
    return ({"role": "system", "content": SYSTEM}, {"role": "user", "content": "\n\n".join(parts)})


def lines(pairs: Any) -> str:
    return "\n".join(
        json.dumps({"input": source, "output": output}, ensure_ascii=False)
        for source, output in pairs
    )
