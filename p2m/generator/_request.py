"""The request for new examples: what a teacher is shown, and the form that it must answer in."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from p2m.artifacts import TaskSpec

SYSTEM = (
    "You write training examples for a small model."
    " You answer with JSON only, without any word around it."
)
FORM = '{"examples": [{"input": "...", "output": "..."}, ...]}'
_EXAMPLE = {
    "type": "object",
    "properties": {"input": {"type": "string"}, "output": {"type": "string"}},
    "required": ["input", "output"],
    "additionalProperties": False,
}
SCHEMA: Mapping[str, Any] = {
    "title": "examples",
    "type": "object",
    "properties": {"examples": {"type": "array", "items": _EXAMPLE}},
    "required": ["examples"],
    "additionalProperties": False,
}


def messages_for(
    task: TaskSpec, samples: Sequence[tuple[str, str]], n: int
) -> tuple[Mapping[str, str], ...]:
    """Asks for *n* new examples.

    The instruction stands there verbatim, demonstrations and *samples* (input, output) as lines of
    JSON.  What is the same in all requests comes first: servers keep what they read of it.
    """
    parts = [f"This is the task, as its author describes it:\n\n{task.instruction}"]
    if task.demonstrations:
        demonstrations = json_lines((d.input, d.output) for d in task.demonstrations)
        parts.append(f"Good examples, by the author:\n{demonstrations}")
    if task.labels:
        labels = json.dumps(task.labels, ensure_ascii=False)
        parts.append(f"Each output is exactly one of these, spread evenly: {labels}")
    if samples:
        parts.append(
            "Samples that were written before, perhaps with mistakes. Do not repeat them: yours"
            " differ from them in content, wording, length and difficulty."
            f"\n{json_lines(samples)}"
        )
    parts.append(
        f"Write {n} new examples\nThey vary as real inputs do, each with its one right output,"
        " in the language of the author's."
        f"\nAnswer with a single JSON object of this form:\n{FORM}"
    )
    return ({"role": "system", "content": SYSTEM}, {"role": "user", "content": "\n\n".join(parts)})


def json_lines(pairs: Iterable[tuple[str, str]]) -> str:
    return "\n".join(
        json.dumps({"input": source, "output": output}, ensure_ascii=False)
        for source, output in pairs
    )
