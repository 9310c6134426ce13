"""The teacher as a baseline: its own answers, with the prompt that it writes examples for."""

import json
import logging
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from p2m.artifacts import Asked, TaskSpec
from p2m.stages import Bar, Keeps, Request, Work
from p2m.text.json_answer import tolerant_json
from p2m.text.same import LabelSet

KIND = "answer"
MAX_TOKENS = 1024  # for answers of some hundred words, or thoughts before a short one
SYSTEM = (
    "You do a task for its author, who gives you one input at a time."
    ' You answer with JSON only, {"answer": "..."}, without any word around it.'
)
SCHEMA: Mapping[str, Any] = {
    "title": KIND,
    "type": "object",
    "properties": {KIND: {"type": "string"}},
    "required": [KIND],
    "additionalProperties": False,
}
log = logging.getLogger(__name__)


def messages_for(task: TaskSpec, text: str) -> tuple[Mapping[str, str], ...]:
    """Instruction and demonstrations as they stand in the prompt; what changes comes last."""
    parts = [f"This is the task, as its author describes it:\n\n{task.instruction}"]
    if task.demonstrations:
        shown = [f"{_json(input=d.input)}\n{_json(answer=d.output)}" for d in task.demonstrations]
        parts.append("Examples, by the author:\n" + "\n".join(shown))
    if task.labels:
        parts.append(f"The answer is exactly one of {json.dumps(task.labels, ensure_ascii=False)}")
    parts.append(f"Now answer this one:\n{_json(input=text)}")
    return ({"role": "system", "content": SYSTEM}, {"role": "user", "content": "\n\n".join(parts)})


def can_answer(teacher: Any) -> bool:
    """False, and said, of a recording without such answers."""
    is_able = not isinstance(teacher, Keeps) or teacher.keeps(KIND)
    if not is_able:
        log.warning(
            "evaluator: the recording holds no answers to test inputs, so there is no row for the"
            " teacher (evaluator.teacher)"
        )
    return is_able


def ask(
    teacher: Any, task: TaskSpec, inputs: Sequence[str], work: Work, bar: Bar
) -> tuple[list[str], Asked]:
    """An answer for each input, empty where none can be used, and what they took."""
    labels = LabelSet(task.labels)
    with teacher.session(work) as session:
        futures = []
        for text in inputs:
            messages = messages_for(task, text)
            futures.append(session.submit(Request(messages, 0.0, MAX_TOKENS, SCHEMA)))
        texts, answers = [], []
        for future in futures:
            answer = future.result()
            text = _read(answer.text) if answer.outcome == "ok" else ""
            texts.append(labels.find(text) or text)
            answers.append(answer)
            bar.advance()
    usd = sum(answer.usd for answer in answers)
    seconds = statistics.median(answer.seconds for answer in answers)
    return texts, Asked(len(texts), texts.count(""), usd, round(seconds, 3))


def _read(text: str) -> str:
    value = tolerant_json(text)
    return str(value.get(KIND, "")).strip() if isinstance(value, dict) else ""


def _json(**values: str) -> str:
    return json.dumps(values, ensure_ascii=False)
