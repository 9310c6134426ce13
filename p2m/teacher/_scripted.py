"""What the scripted teacher says: it sees a request as a large model would, and answers as text from the grammar of a bundled task."""

import hashlib
import json
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from p2m.errors import InputError
from p2m.stages import Request
from p2m.teacher import _scripted_dates as dates
from p2m.teacher import _scripted_tickets as tickets
from p2m.teacher._scripted_columns import columns_of
from p2m.teacher._scripted_format import broken

FAVOURITES = 12  # examples that a task's teacher comes back to, whatever it is asked
UNKNOWN = (
    "teacher=scripted knows only the two bundled tasks (prompt=dates, prompt=tickets), not this prompt; "
    "it is a grammar, not a language model. Choose a real one: teacher=openai, teacher=vllm, teacher=ollama or teacher=local."
)


@dataclass(frozen=True)
class Task:
    """A bundled task.  marks: sentences of its instruction, any of which gives it away.  card: what a model for it might say of itself."""

    name: str
    marks: tuple[str, ...]
    example: Callable[[random.Random, float], tuple[str, str]]
    wrong: Callable[[random.Random, str, str], str]
    solve: Callable[[str], str]
    labels: tuple[str, ...]
    card: str


TASKS = (
    Task(
        "dates",
        (
            "Turn a date or time expression into one fixed form",
            "The input is the reference date (today) with its weekday in brackets",
        ),
        dates.example,
        dates.wrong,
        dates.solve,
        (),
        "Text-to-text model that normalises English date and time expressions. Given a reference date and an informal phrase such as "
        "'next friday at 3pm', it generates the date or time in ISO 8601 form. A sequence-to-sequence encoder-decoder, fine-tuned for "
        "temporal expression normalisation; works on short, noisy text at character level.",
    ),
    Task(
        "tickets",
        (
            "Route a customer's message to the team that answers it",
            "The sender buys from a web shop that also has a phone app and a paid membership",
        ),
        tickets.example,
        tickets.wrong,
        tickets.solve,
        tickets.LABELS,
        "Text-to-text model for customer support: intent classification and ticket routing of short English messages to one of a closed "
        "set of labels (billing, refund, shipping, login, cancellation, bug, how to, feature request, other). Instruction-tuned "
        "encoder-decoder, robust to typos and informal language.",
    ),
)


def reply(
    request: Request, error_rate: float, repeat_rate: float, break_rate: float, seed: int
) -> str:
    """The answer's text, the same for the same request and seed.

    error_rate: how often an example, or the answer to an input, is wrong.  repeat_rate: how often an example repeats one that was shown, or
    a favourite.  break_rate: how often an answer with examples is not the JSON asked for.  Raises InputError for any other task.
    """
    text = "\n".join(message["content"] for message in request.messages)
    task = task_in(text)
    rng = random.Random(_digest(request, seed))
    kind = str((request.schema or {}).get("title", "answer"))
    if kind == "examples":
        rates = (error_rate, repeat_rate)
        whole = json.dumps(
            {"examples": _examples(rng, task, text, request.temperature, rates)}, ensure_ascii=False
        )
        return broken(rng, whole) if rng.random() < break_rate else whole
    answers: dict[str, Callable[[], Mapping[str, Any]]] = {
        "columns": lambda: columns_of(
            task.name, records_in(request.messages[-1]["content"]), task.labels
        ),
        "card": lambda: {"card": task.card},
        "task": lambda: _spec(task, text),
        "answer": lambda: {"answer": _answer(rng, task, text, error_rate)},
    }
    if kind not in answers:
        raise InputError(
            f"teacher=scripted cannot answer a request of the kind {kind!r}; it knows examples, {', '.join(answers)}."
        )
    return (
        json.dumps(answers[kind](), ensure_ascii=False)
        if request.schema
        else str(answers[kind]()["answer"])
    )


def task_in(text: str) -> Task:
    """The bundled task whose instruction stands in *text*, the first if both do; InputError if none does."""
    plain = _plain(text)
    found = sorted(
        (plain.find(_plain(mark)), i)
        for i, task in enumerate(TASKS)
        for mark in task.marks
        if _plain(mark) in plain
    )
    if not found:
        raise InputError(UNKNOWN)
    return TASKS[found[0][1]]


def records_in(text: str) -> list[dict[str, Any]]:
    """Every JSON object that stands in *text*, in its order."""
    found, decoder, at = [], json.JSONDecoder(), text.find("{")
    while at >= 0:
        try:
            record, end = decoder.raw_decode(text, at)
        except json.JSONDecodeError:
            end = at + 1
        else:
            found.append(record)
        at = text.find("{", end)
    return found


def _plain(text: str) -> str:
    return " ".join(text.replace("’", "'").lower().split())


def _digest(request: Request, seed: int) -> int:
    about = [
        seed,
        [dict(message) for message in request.messages],
        request.temperature,
        request.sample,
    ]
    canonical = json.dumps(about, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(canonical.encode()).digest(), "big")


def _examples(
    rng: random.Random, task: Task, text: str, temperature: float, rates: tuple[float, float]
) -> list[dict[str, str]]:
    asked = re.search(r"\bWrite (\d+) new examples?\b", text)
    known = _shown(text) + _favourites(task.name)
    return [
        _one(rng, task, known, temperature, rates) for _ in range(int(asked[1]) if asked else 1)
    ]


def _one(
    rng: random.Random,
    task: Task,
    known: Sequence[tuple[str, str]],
    temperature: float,
    rates: tuple[float, float],
) -> dict[str, str]:
    error_rate, repeat_rate = rates
    input_, output = (
        rng.choice(known) if rng.random() < repeat_rate else task.example(rng, temperature)
    )
    return {
        "input": input_,
        "output": task.wrong(rng, input_, output) if rng.random() < error_rate else output,
    }


def _shown(text: str) -> list[tuple[str, str]]:
    """The examples that a request shows, each a whole line of JSON: what stands within a line only explains the form."""
    records = [
        found[0]
        for line in text.splitlines()
        if line[:1] == "{" and line[-1:] == "}" and len(found := records_in(line)) == 1
    ]
    return [
        (record["input"], record["output"])
        for record in records
        if _is_example(record) and record["input"] != "..."
    ]


def _is_example(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("input"), str) and isinstance(record.get("output"), str)


@lru_cache(maxsize=len(TASKS))
def _favourites(name: str) -> list[tuple[str, str]]:
    task = next(task for task in TASKS if task.name == name)
    return [task.example(random.Random(i), 0.0) for i in range(FAVOURITES)]


def _answer(rng: random.Random, task: Task, text: str, error_rate: float) -> str:
    asked = text.rsplit("Input:", 1)[-1].strip() if "Input:" in text else ""
    answer = task.solve(asked)
    return task.wrong(rng, asked, answer) if rng.random() < error_rate else answer


def _spec(task: Task, text: str) -> dict[str, Any]:
    start = (
        min(text.find(mark) for mark in task.marks if mark in text)
        if any(mark in text for mark in task.marks)
        else 0
    )
    body = text[start:]
    instruction = re.split(r"\n#+ *Examples?\b|\ninput=\"|\n=====\s*$", body, maxsplit=1)[0].strip()
    return {
        "instruction": instruction,
        "demonstrations": [
            {"input": input_, "output": output} for input_, output in _demonstrations(body)
        ],
        "labels": list(task.labels),
        "input_language": "en",
        "output_language": "und",
    }


def _demonstrations(text: str) -> Iterator[tuple[str, str]]:
    """Pairs of `input="..."` and `output="..."`, a backslash before a quote inside taken away."""
    quoted = r'"((?:[^"\\]|\\.)*)"'
    for match in re.finditer(rf"input={quoted}\s*output={quoted}", text):
        yield re.sub(r"\\(.)", r"\1", match[1]), re.sub(r"\\(.)", r"\1", match[2])
