"""The recordings of the bundled tasks, and the scripts that write them."""

import ast
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from experiments._grammar.format import (
    BREAKS,
    fences,
    plain_lines,
    prose,
    single_quotes,
    trailing_comma,
    truncated,
)
from experiments._grammar.write import Rates, answers_of
from experiments.dates.write_recording import GRAMMAR as DATES
from experiments.tickets.write_recording import GRAMMAR as TICKETS
from p2m import config
from p2m.components import build
from p2m.recording import digest, read
from tests.doubles import make_work

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
MOST_BYTES = 3_000_000  # of all recordings together: they lie in the repository
NO_FAULTS = Rates(0.0, 0.0, 0.0)
WHOLE = json.dumps(
    {
        "examples": [
            {"input": "[2024-03-14 Thu] it's today", "output": "2024-03-14"},
            {"input": "b", "output": "N/A"},
        ]
    }
)


def examples_of(grammar, answers, rates):
    texts = answers_of(grammar, answers, 10, rates, seed=1)
    return [example for text in texts for example in json.loads(text)["examples"]]


def test_a_script_writes_the_same_recording_in_every_process(tmp_path):
    script, out = EXPERIMENTS / "tickets/write_recording.py", tmp_path / "a.jsonl"
    subprocess.run([sys.executable, script, out, "--answers=20", "--date=2026-01-31"], check=True)
    recording = read(out)
    assert recording.header.model == "grammar"
    assert recording.header.date == "2026-01-31"
    assert recording.header.written_by.startswith("write_recording.py --answers 20 --examples 5 ")
    texts = [record.answer for record in recording.records["examples"]]
    rates = Rates(0.03, 0.1, 0.02)
    assert texts == list(answers_of(TICKETS, 20, 5, rates, seed=0))
    assert texts != list(answers_of(TICKETS, 20, 5, rates, seed=1))


@pytest.mark.parametrize("name", ["dates/recording", "tickets/recording", "tickets/recording_llm"])
def test_the_bundled_recording_is_of_the_prompt_as_it_stands_and_answers_every_kind(name):
    recording = read(EXPERIMENTS / f"{name}.jsonl.xz")
    prompt = (EXPERIMENTS / name).with_name("prompt.md").read_text(encoding="utf-8")
    assert recording.header.prompt == digest(prompt)
    assert set(recording.records) == {"columns", "task", "card", "examples"}
    for kind in ("columns", "task", "card"):
        for record in recording.records[kind]:
            assert isinstance(json.loads(record.answer), dict)


@pytest.mark.parametrize("option", ["dates", "tickets"])
def test_a_teacher_that_replays_takes_the_bundled_prompt_apart(option, tmp_path):
    overrides = [f"prompt={option}", "parser=llm", f"calls={tmp_path}"]
    with initialize_config_dir(str(config.CONF), version_base="1.3"):
        nodes = config.check(compose("config", overrides)).nodes
        sections = config.check(compose("config", [overrides[0], "parser=sections"])).nodes
    work = make_work(tmp_path / "work", "parser")
    prompt = build(nodes["prompt"]).run(work)
    parsed = build(nodes["parser"]).run(prompt, work)
    expected = build(sections["parser"]).run(prompt, work)
    assert parsed.instruction == expected.instruction
    assert list(parsed.demonstrations) == list(expected.demonstrations)
    assert parsed.labels == expected.labels


def test_what_the_large_language_model_wrote_for_tickets_is_replayed_in_order(tmp_path):
    path = EXPERIMENTS / "tickets/recording_llm.jsonl.xz"
    pairs = []
    for record in read(path).records["examples"]:
        pairs += [(pair["input"], pair["output"]) for pair in json.loads(record.answer)["examples"]]
    assert len(pairs) == len(set(pairs)) == 1040
    overrides = ["experiment=tickets", f"prompt.recording={path}", f"calls={tmp_path}"]
    with initialize_config_dir(str(config.CONF), version_base="1.3"):
        checked = config.check(compose("config", overrides))
    assert checked.lacking(config.STAGES) == []
    stages = {name: build(checked.nodes[name]) for name in ("prompt", "parser", "generator")}
    work = make_work(tmp_path / "work", "generator")
    task = stages["parser"].run(stages["prompt"].run(work), work)
    rows = [(row.input, row.output) for row in stages["generator"].run(task, (), work).rows]
    assert rows == [pair for pair in pairs if pair in set(rows)]
    assert len(rows) > 1000
    assert {output for _, output in rows} == set(task.labels)


def test_the_bundled_recordings_are_small():
    sizes = [path.stat().st_size for path in EXPERIMENTS.glob("*/recording*")]
    assert len(sizes) == 3
    assert sum(sizes) < MOST_BYTES


@pytest.mark.parametrize("grammar", [DATES, TICKETS])
def test_examples_are_wrong_at_their_rate(grammar):
    rates = Rates(0.1, 0.0, 0.0)
    wrong = []

    def spoil(rng, source, output):
        wrong.append(source)
        return grammar.wrong(rng, source, output)

    spoilt = type(grammar)(grammar.prompt, grammar.example, spoil, grammar.columns, grammar.card)
    assert len(examples_of(spoilt, 200, rates)) == 2000
    assert 0.08 <= len(wrong) / 2000 <= 0.12


@pytest.mark.parametrize("grammar", [DATES, TICKETS])
def test_examples_repeat_earlier_ones_at_their_rate(grammar):
    def repeats(rate):
        inputs = [example["input"] for example in examples_of(grammar, 200, Rates(0.0, rate, 0.0))]
        return len(inputs) - len(set(inputs))

    assert 300 <= repeats(0.2) - repeats(0.0) <= 500


def test_answers_break_at_their_rate():
    failed = 0
    for text in answers_of(DATES, 300, 2, Rates(0.0, 0.0, 0.3), seed=1):
        try:
            json.loads(text)
        except json.JSONDecodeError:
            failed += 1
    assert 60 <= failed <= 120


@pytest.mark.parametrize("break_", BREAKS)
def test_a_broken_answer_is_not_json(break_):
    with pytest.raises(json.JSONDecodeError):
        json.loads(break_(random.Random(0), WHOLE))


def test_each_break_keeps_what_a_tolerant_reader_can_find():
    rng = random.Random(0)
    assert WHOLE in prose(rng, WHOLE)
    assert json.loads(fences(rng, WHOLE).split("\n", 1)[1].removesuffix("```")) == json.loads(WHOLE)
    assert ast.literal_eval(single_quotes(rng, WHOLE)) == json.loads(WHOLE)
    assert json.loads(trailing_comma(rng, WHOLE).replace(",]", "]")) == json.loads(WHOLE)
    assert WHOLE.startswith(truncated(rng, WHOLE))
    assert (
        plain_lines(rng, WHOLE)
        == "Input: [2024-03-14 Thu] it's today Output: 2024-03-14\nInput: b Output: N/A"
    )


@pytest.mark.parametrize("grammar", [DATES, TICKETS])
def test_the_grammar_never_writes_a_demonstration(grammar):
    (parts,) = read(EXPERIMENTS / grammar.prompt / "recording.jsonl.xz").records["task"]
    demonstrations = {pair["input"] for pair in json.loads(parts.answer)["demonstrations"]}
    assert len(demonstrations) == 6
    inputs = {example["input"] for example in examples_of(grammar, 400, NO_FAULTS)}
    assert not inputs & demonstrations
