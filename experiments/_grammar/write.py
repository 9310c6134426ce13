"""Writes a recording of a teacher that a grammar stands in for.

It answers as a large model does: some examples are wrong, some it has written before, some answers
break the format.
"""

import argparse
import contextlib
import datetime
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir

from experiments._grammar.format import broken
from p2m import config
from p2m.artifacts import TaskSpec
from p2m.components import build
from p2m.recording import Header, Record, digest_of, kind_of, write
from p2m.stages import Answer, Request, Work

T0, T_MAX = 0.3, 1.4  # temperatures of the first and the last request, as conf/generator has them
SHOWN = 10  # earlier examples that a request shows at most
FAVOURITES = 12  # examples that it comes back to, whatever it is asked
UNFIT: Mapping[str, Any] = {"input": [], "output": ""}
Pair = tuple[str, str]


@dataclass(frozen=True)
class Grammar:
    """What a teacher knows of a bundled task.

    prompt: option of the group.  example(rng, spread): an input and its output.  wrong(rng, input,
    output): another output.
    columns: of the data sets that fit, by name.  card: what a model for the task might say of
    itself.
    """

    prompt: str
    example: Callable[[random.Random, float], Pair]
    wrong: Callable[[random.Random, str, str], str]
    columns: Mapping[str, Mapping[str, Any]]
    card: str


@dataclass(frozen=True)
class Rates:
    """Shares: error of the examples, repeat of the examples, break_ of the answers."""

    error: float
    repeat: float
    break_: float


def main(grammar: Grammar, answers: int, examples: int) -> None:
    """answers, examples: how many of a run's requests it answers, and how many examples an answer
    has, if no more is said."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("out", type=Path, help="a file that ends in .jsonl, .jsonl.gz or .jsonl.xz")
    parser.add_argument("--answers", type=int, default=answers, help="that hold examples")
    parser.add_argument("--examples", type=int, default=examples, help="in an answer")
    parser.add_argument("--error-rate", type=float, default=0.03, help="share of the examples")
    parser.add_argument("--repeat-rate", type=float, default=0.1, help="share of the examples")
    parser.add_argument("--break-rate", type=float, default=0.02, help="share of the answers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--date", default=datetime.date.today().isoformat())  # noqa: DTZ011
    args = parser.parse_args()
    rates = Rates(args.error_rate, args.repeat_rate, args.break_rate)
    digest, task, asked = _stages(grammar)
    options = {name: value for name, value in vars(args).items() if name not in {"out", "date"}}
    told = " ".join(f"--{name.replace('_', '-')} {value}" for name, value in options.items())
    header = Header("grammar", digest, args.date, f"{Path(sys.argv[0]).name} {told}")
    texts = answers_of(grammar, args.answers, args.examples, rates, args.seed)
    records = [
        *asked,
        Record("task", "", _parts(task)),
        Record("card", "", _json({"card": grammar.card})),
    ]
    write(args.out, header, [*records, *(Record("examples", "", text) for text in texts)])


def answers_of(
    grammar: Grammar, answers: int, examples: int, rates: Rates, seed: int
) -> Iterator[str]:
    """The texts of answers with examples, as they would come while the temperature rises from
    request to request."""
    rng = random.Random(seed)
    favourites = [grammar.example(random.Random(i), 0.0) for i in range(FAVOURITES)]
    written: list[Pair] = []
    for i in range(answers):
        temperature = T0 + (T_MAX - T0) * i / answers
        known = [*rng.sample(written, min(len(written), rng.randint(1, SHOWN))), *favourites]
        pairs = [_pair(rng, grammar, known, temperature, rates) for _ in range(examples)]
        written += pairs
        text = _json(
            {"examples": [{"input": source, "output": output} for source, output in pairs]}
        )
        yield broken(rng, text) if rng.random() < rates.break_ else text


def _pair(
    rng: random.Random, grammar: Grammar, known: list[Pair], temperature: float, rates: Rates
) -> Pair:
    if rng.random() < rates.repeat:
        source, output = rng.choice(known)
    else:
        source, output = grammar.example(rng, temperature)
    if rng.random() < rates.error:
        output = grammar.wrong(rng, source, output)
    return source, output


def _stages(grammar: Grammar) -> tuple[str, TaskSpec, list[Record]]:
    """The prompt's digest, how it is parsed, and answers to what the retriever asks about the
    task's own data sets."""
    overrides = [
        f"prompt={grammar.prompt}",
        "prompt.recording=null",
        "parser=sections",
        "retriever.hub=never",
    ]
    with initialize_config_dir(str(config.CONF), version_base="1.3"):
        nodes = config.check(compose("config", overrides)).nodes
    teacher = _Teacher(grammar)
    with tempfile.TemporaryDirectory() as folder:
        work = Work(Path(folder), "recording", "run", "account", _no_bar)
        prompt = build(nodes["prompt"])
        task = build(nodes["parser"]).run(prompt.run(work), work)
        replace(build(nodes["retriever"]), teacher=teacher).run(task, work)
    return prompt.digest(), task, teacher.records


@dataclass
class _Teacher:
    """Chooses columns, and keeps what it answered."""

    grammar: Grammar
    records: list[Record] = field(default_factory=list)

    @contextlib.contextmanager
    def session(self, work: Work) -> Iterator["_Teacher"]:
        yield self

    def submit(self, request: Request) -> "Future[Answer]":
        asked = request.messages[-1]["content"]
        fitting = [
            columns for name, columns in self.grammar.columns.items() if _json(name) in asked
        ]
        text = _json([*fitting, UNFIT][0])
        self.records.append(Record(kind_of(request), digest_of(request), text))
        future: Future[Answer] = Future()
        future.set_result(Answer(text, "ok", "", 0.0, fresh=True))
        return future


class _Bar:
    def advance(self, n: float = 1) -> None: ...
    def note(self, text: str) -> None: ...


def _no_bar(total: float | None, unit: str) -> contextlib.AbstractContextManager[_Bar]:
    return contextlib.nullcontext(_Bar())


def _parts(task: TaskSpec) -> str:
    """The prompt taken apart, as parser=llm asks for it."""
    shown = [{"input": d.input, "output": d.output} for d in task.demonstrations]
    languages = {"input_language": "en", "output_language": "und"}
    return _json(
        {"instruction": task.instruction, "demonstrations": shown, "labels": task.labels}
        | languages
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
