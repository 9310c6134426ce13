"""The paper's generator, against a teacher whose answers are known."""

import contextlib
import gzip
import json
import logging
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from p2m.artifacts import Example, Examples, TaskSpec
from p2m.errors import IncompleteError
from p2m.generator._request import SCHEMA
from p2m.generator.prompt2model import Prompt2Model
from p2m.stages import Answer
from tests.doubles import ScriptedTeacher

TASK = TaskSpec("Double the number.", [Example("2", "4", "prompt"), Example("5", "10", "prompt")])
SETTINGS = {
    "target": 20,
    "per_request": 4,
    "t0": 0.3,
    "t_max": 1.4,
    "top_p": 0.9,
    "shown_min": 1,
    "shown_max": 3,
    "lag": 4,
    "max_tokens": 50,
    "max_input_chars": 40,
    "max_output_chars": 20,
    "max_requests_factor": 5.0,
    "patience": 10,
    "seed": 0,
}


def run(teacher, work, task=TASK, **settings):
    return Prompt2Model(teacher, **(SETTINGS | settings)).run(task, Examples(), work)


def text(*pairs):
    return json.dumps(
        {"examples": [{"input": source, "output": output} for source, output in pairs]}
    )


def doubling(request, i):
    """Four pairs that no other answer has."""
    return text(*((str(n), str(2 * n)) for n in range(100 + 4 * i, 104 + 4 * i)))


def pairs(examples):
    return [(row.input, row.output) for row in examples.rows]


def shown_in(request):
    """The samples of a request, read from its message."""
    part = request.messages[1]["content"].split("Samples that were written before")
    return (
        [json.loads(line)["input"] for line in part[1].split("\n") if line.startswith('{"input"')]
        if len(part) == 2
        else []
    )


def test_rows_are_the_teachers_pairs_in_order_with_the_call_that_wrote_each(work):
    examples = run(ScriptedTeacher(doubling), work)
    assert pairs(examples) == [(str(n), str(2 * n)) for n in range(100, 120)]
    assert [row.origin for row in examples.rows[3:5]] == ["teacher:call0", "teacher:call1"]
    assert examples.dropped == {}
    assert work.meter.calls == 5


def test_a_request_shows_instruction_demonstrations_samples_and_the_form_of_the_answer(work):
    teacher = ScriptedTeacher(doubling)
    run(teacher, work)
    request = teacher.requests[2]
    message = request.messages[1]["content"]
    assert [m["role"] for m in request.messages] == ["system", "user"]
    assert "\nDouble the number.\n" in message
    assert '\n{"input": "2", "output": "4"}\n{"input": "5", "output": "10"}\n' in message
    assert re.search(r"^Write 4 new examples$", message, re.MULTILINE)
    assert message.endswith('{"examples": [{"input": "...", "output": "..."}, ...]}')
    assert (request.schema, request.schema["title"]) == (SCHEMA, "examples")
    assert (request.top_p, request.max_tokens) == (0.9, 232)
    assert 1 <= len(shown_in(request)) <= 3
    assert set(shown_in(request)) <= {str(n) for n in range(100, 108)}


def test_labels_and_text_of_other_scripts_stand_in_the_request_as_they_are(work):
    teacher = ScriptedTeacher(lambda request, i: text(("東京" + str(i), "はい")))
    run(
        teacher,
        work,
        TaskSpec("判定する", [Example("大阪", "はい", "prompt")], ("はい", "いいえ")),
        target=1,
    )
    message = teacher.requests[0].messages[1]["content"]
    assert '{"input": "大阪", "output": "はい"}' in message
    assert '["はい", "いいえ"]' in message


def test_the_temperature_rises_with_the_share_of_the_target_that_stands(work):
    teacher = ScriptedTeacher(doubling)
    run(teacher, work, lag=1)
    assert [request.temperature for request in teacher.requests] == [0.3, 0.52, 0.74, 0.96, 1.18]


def test_the_temperature_may_fall_too(work):
    teacher = ScriptedTeacher(doubling)
    run(teacher, work, lag=1, t0=2.0, t_max=0.0)
    assert [request.temperature for request in teacher.requests] == [2.0, 1.6, 1.2, 0.8, 0.4]


def test_between_shown_min_and_shown_max_samples_are_shown_all_different(work):
    teacher = ScriptedTeacher(doubling)
    run(teacher, work, target=400, shown_min=2, shown_max=5)
    counts = {len(shown_in(request)) for request in teacher.requests[10:]}
    assert counts == {2, 3, 4, 5}
    assert all(
        len(set(shown_in(request))) == len(shown_in(request)) for request in teacher.requests
    )


def test_the_number_of_requests_out_grows_from_one_to_lag(work):
    out, most, first = [], [], []

    class Slow:
        @contextlib.contextmanager
        def session(self, work):
            yield self

        def submit(self, request):
            out.append(request)
            most.append(len(out))
            first.append(len(shown_in(request)))
            number = len(most) - 1

            class Later:
                def result(self):
                    out.remove(request)
                    return Answer(doubling(request, number), "ok", str(number), 0.0, True)

            return Later()

    run(Slow(), work, target=100, lag=8)
    assert most[:9] == [1, 1, 2, 2, 3, 3, 4, 4, 5]
    assert max(most) == 8
    assert first[0] == 0
    assert min(first[1:]) >= 1


def test_the_same_settings_ask_the_same_whatever_the_speed_of_each_answer(work):
    def requests(seed, delays):
        sent = []

        class Threaded:
            @contextlib.contextmanager
            def session(self, work):
                with ThreadPoolExecutor(8) as pool:
                    self.pool = pool
                    yield self

            def submit(self, request):
                sent.append(request)
                number = len(sent) - 1
                return self.pool.submit(self.answer, request, number)

            def answer(self, request, number):
                time.sleep(delays.random() / 500)
                return Answer(doubling(request, number), "ok", str(number), 0.0, True)

        return sent, run(Threaded(), work, target=120, lag=8, seed=seed)

    one, other = requests(0, random.Random(1)), requests(0, random.Random(2))
    assert one == other
    assert requests(1, random.Random(1))[0] != one[0]


def test_every_request_has_a_sample_number_of_its_own_and_seeds_share_none(work):
    teachers = [ScriptedTeacher(doubling), ScriptedTeacher(doubling)]
    for seed, teacher in enumerate(teachers):
        run(teacher, work, seed=seed)
    numbers = [request.sample for teacher in teachers for request in teacher.requests]
    assert len(set(numbers)) == len(numbers)


def test_outputs_of_one_input_are_settled_by_vote_then_length_then_order(work):
    said = [
        text(("a", "x"), ("b", "long"), ("c", "pp"), ("d", "r")),
        text(("a", "y"), ("b", "s"), ("c", "qq")),
        text(("a", "y"), ("d", "r")),
    ]
    examples = run(
        ScriptedTeacher(lambda request, i: said[i]),
        work,
        target=4,
        lag=1,
        max_requests_factor=3.0,
        shown_min=0,
        shown_max=0,
    )
    assert pairs(examples) == [
        ("a", "x"),
        ("b", "long"),
        ("c", "pp"),
        ("d", "r"),
    ]  # the target stood after one answer
    examples = run(
        ScriptedTeacher(lambda request, i: said[i]),
        work,
        target=12,
        lag=1,
        max_requests_factor=1.0,
        shown_min=0,
        shown_max=0,
    )
    assert pairs(examples) == [("a", "y"), ("b", "s"), ("c", "pp"), ("d", "r")]
    assert examples.rows[0].origin == "teacher:call1"
    assert examples.dropped == {"outvoted": 3, "repeated": 2}
    votes = [row.votes for row in examples.rows]
    assert votes == [(("x", 1), ("y", 2)), (("long", 1), ("s", 1)), (("pp", 1), ("qq", 1)), ()], (
        "all that was said is kept"
    )


def test_a_sample_that_comes_back_is_no_vote(work):
    said = [
        text(("a", "wrong")),
        text(("a", "wrong"), ("b", "x")),
        text(("a", "wrong"), ("c", "x")),
    ]
    examples = run(
        ScriptedTeacher(lambda request, i: said[i]),
        work,
        target=3,
        per_request=1,
        lag=1,
        shown_min=5,
        shown_max=5,
    )
    assert pairs(examples) == [("a", "wrong"), ("b", "x"), ("c", "x")]
    assert examples.dropped == {"copy of a shown sample": 2}


@pytest.mark.parametrize(
    ("pair", "reason"),
    [
        ({"input": "a", "output": "  "}, "empty"),
        ({"input": "", "output": "b"}, "empty"),
        ({"input": "x" * 41, "output": "b"}, "too long"),
        ({"input": "a", "output": "b" * 21}, "too long"),
        ({"input": "same", "output": "same"}, "output repeats the input"),
        ({"input": "2.", "output": "4"}, "is a demonstration"),
        ({"input": "Wo ist der Bahnhof und wann ist das?", "output": "b"}, "wrong language"),
        ({"input": "a", "output": None}, "no text for input or output"),
        ({"input": ["a"], "output": "b"}, "no text for input or output"),
        ({"input": "a"}, "no text for input or output"),
        ("a", "no text for input or output"),
    ],
)
def test_a_pair_that_may_not_become_data_is_counted_by_reason(work, pair, reason):
    task = TaskSpec("Do.", TASK.demonstrations, input_language="en", output_language="und")
    said = json.dumps({"examples": [pair, {"input": "good", "output": 7}]})
    examples = run(ScriptedTeacher(lambda request, i: said), work, task, target=1)
    assert pairs(examples) == [("good", "7")]
    assert examples.dropped == {reason: 1}


def test_a_label_is_taken_in_the_case_of_the_list_and_others_are_dropped(work):
    task = TaskSpec("Sort.", (), ("Hot", "Cold"))
    examples = run(
        ScriptedTeacher(lambda request, i: text(("a", "hot"), ("b", "warm"), ("c", "Cold"))),
        work,
        task,
        target=2,
    )
    assert pairs(examples) == [("a", "Hot"), ("c", "Cold")]
    assert examples.dropped == {"not a label": 1}


def test_labels_that_differ_in_case_alone_stay_apart(work):
    said = text(("a", "US"), ("b", "us"), ("c", "Us"))
    task = TaskSpec("Sort.", labels=("US", "us"))
    examples = run(ScriptedTeacher(lambda request, i: said), work, task, target=2)
    assert pairs(examples) == [("a", "US"), ("b", "us")]
    assert examples.dropped["not a label"] == 1


def test_an_output_that_repeats_its_input_is_kept_where_a_demonstration_does_so(work):
    task = TaskSpec("Correct the spelling.", [Example("house", "house", "prompt")])
    assert pairs(
        run(ScriptedTeacher(lambda request, i: text(("same", "same"))), work, task, target=1)
    ) == [("same", "same")]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(text(("a", "b")), "length", "k", 0.0, True), "answer: length"),
        (Answer("I cannot help with that", "refusal", "k", 0.0, True), "answer: refusal"),
        ("Sure! Input: a, output: b", "answer: not the JSON asked for"),
        ('{"examples": "none"}', "answer: not the JSON asked for"),
    ],
)
def test_an_answer_that_is_none_is_counted_and_gives_nothing(work, answer, reason):
    examples = run(
        ScriptedTeacher(lambda request, i: answer if i == 0 else doubling(request, i)),
        work,
        target=4,
        lag=1,
    )
    assert pairs(examples) == [("104", "208"), ("105", "210"), ("106", "212"), ("107", "214")]
    assert examples.dropped == {reason: 1}


def test_every_pair_of_the_answers_is_either_a_row_or_counted(work):
    chance = random.Random(3)

    def say(request, i):
        return text(
            *((str(chance.randint(1, 60)), chance.choice(["x", "y", ""])) for _ in range(4))
        )

    teacher = ScriptedTeacher(say)
    examples = run(teacher, work, target=30, lag=3)
    assert len(examples.rows) == 30
    assert len(examples.rows) + sum(examples.dropped.values()) == 4 * len(teacher.requests)
    assert len({row.input for row in examples.rows}) == 30


def test_it_asks_for_no_more_than_the_target_needs(work):
    teacher = ScriptedTeacher(doubling)
    assert len(run(teacher, work, target=100, lag=32).rows) == 100
    assert len(teacher.requests) == 25


def test_what_goes_beyond_the_target_is_cut_and_counted(work):
    examples = run(ScriptedTeacher(doubling), work, target=10)
    assert len(examples.rows) == 10
    assert examples.dropped == {"beyond the target": 2}


def test_a_teacher_that_runs_dry_ends_it_with_what_there_is_and_a_warning(work, caplog):
    teacher = ScriptedTeacher(
        lambda request, i: text(("a", "x"), (f"n{i}", "y")) if i < 3 else text(("a", "x"))
    )
    with caplog.at_level(logging.WARNING):
        examples = run(
            teacher, work, lag=1, shown_min=0, shown_max=0, patience=6, max_requests_factor=100.0
        )
    assert len(examples.rows) == 4
    assert len(teacher.requests) == 9
    assert caplog.messages == [
        (
            "generator: 4 of 20 examples after 9 requests, as the last 6 answers brought nothing "
            "new (generator.patience); dropped: 8 repeated"
        )
    ]


def test_it_ends_when_the_requests_are_used_up(work, caplog):
    with caplog.at_level(logging.WARNING):
        examples = run(
            ScriptedTeacher(lambda request, i: text((f"a{i}", "x"))),
            work,
            target=8,
            max_requests_factor=2.0,
        )
    assert len(examples.rows) == 4
    assert caplog.messages == [
        (
            "generator: 4 of 8 examples after 4 requests, the most that "
            "generator.max_requests_factor=2 allows; dropped: none"
        )
    ]


def test_no_usable_example_at_all_is_an_error_that_says_why(work):
    with pytest.raises(IncompleteError) as error:
        run(
            ScriptedTeacher(lambda request, i: "no" if i % 2 else text(("a", "a"))),
            work,
            patience=4,
            lag=1,
        )
    assert str(error.value) == (
        "generator: none of 4 answers held an example that can be used: 2 answer: not the "
        "JSON asked for, 2 output repeats the"
        " input; look at what the teacher writes (p2m calls list), or try another one, teacher=..."
    )


def test_the_reasons_of_the_ledger_stand_in_the_message(work):
    faults = ["no JSON in it", "no JSON in it", "answer.examples[0] has no 'output'"]
    with pytest.raises(IncompleteError, match="none of 3 answers") as error:
        run(
            ScriptedTeacher(lambda request, i: Answer("x", "invalid", "k", 0.0, True, faults[i])),
            work,
            patience=3,
            lag=1,
        )
    assert (
        "3 answer: invalid (answers: 2 no JSON in it, 1 answer.examples[0] has no 'output'); look"
        in str(error.value)
    )


def test_numbers_names_in_capitals_and_more_keys_cost_no_pair(work):
    said = (
        '[{"Input": "half of 5", "Output": 2.50, "why": "x"}, {"input": "is 3 odd", "output": '
        "true}]"
    )
    examples = run(ScriptedTeacher(lambda request, i: said), work, target=2)
    assert pairs(examples) == [("half of 5", "2.50"), ("is 3 odd", "true")]


def too_long_beyond(n_shown):
    """A teacher whose window holds a request with so many samples and no more."""

    def say(request, i):
        if len(shown_in(request)) > n_shown:
            return Answer("", "too_long", f"call{i}", 0.0, True, "HTTP 400: 2048 tokens")
        return doubling(request, i)

    return ScriptedTeacher(say)


def test_a_request_that_is_too_long_is_passed_over_and_later_ones_show_less(work, caplog):
    teacher = too_long_beyond(2)
    with caplog.at_level(logging.WARNING):
        examples = run(teacher, work, target=60, shown_min=5, shown_max=5, lag=1)
    assert len(examples.rows) == 60
    assert examples.dropped == {"answer: too_long": 1}
    assert [len(shown_in(request)) for request in teacher.requests[:5]] == [0, 4, 2, 2, 2]
    (message,) = caplog.messages
    assert message == (
        "generator: a request with 4 earlier examples in it is longer than the teacher's window"
        " (HTTP 400: 2048 tokens); from now on 2 are shown at most (generator.shown_max)"
    )


def test_requests_that_were_out_together_cut_what_is_shown_once(work, caplog):
    with caplog.at_level(logging.WARNING):
        examples = run(too_long_beyond(3), work, target=200, shown_min=8, shown_max=8, lag=16)
    assert len(examples.rows) == 200
    assert 1 <= len(caplog.messages) <= 2


def test_a_window_that_holds_no_request_at_all_is_told_with_the_settings(work):
    with pytest.raises(IncompleteError) as error:
        run(too_long_beyond(-1), work)
    assert str(error.value) == (
        "generator: a request is longer than the teacher's window even without earlier examples in"
        " it (HTTP 400: 2048 tokens); make generator.per_request (now 4) or generator.max_tokens"
        " (now 50 an example) smaller, shorten the prompt, or take a teacher with a larger window"
    )


def test_progress_counts_new_examples_up_to_the_target_and_notes_temperature_and_dollars(work):
    import dataclasses

    moved, noted = [], []

    @contextlib.contextmanager
    def bar(total, unit):
        assert (total, unit) == (10, "examples")

        class Bar:
            advance = staticmethod(moved.append)
            note = staticmethod(noted.append)

        yield Bar()

    run(ScriptedTeacher(doubling), dataclasses.replace(work, bar=bar), target=10, lag=1)
    assert moved == [4, 4, 2]
    assert noted == ["T 0.74, $0.50", "T 1.18, $1.00", "T 1.40, $1.50"]


def test_shown_min_above_shown_max_is_refused():
    with pytest.raises(ValueError, match=r"^shown_min=4 is more than shown_max=3$"):
        Prompt2Model(None, **(SETTINGS | {"shown_min": 4}))


def test_a_plan_counts_the_requests_that_the_target_needs():
    assert Prompt2Model(None, **(SETTINGS | {"target": 21})).estimate().calls == 6


@pytest.mark.parametrize(
    ("prompt", "pairs_of", "wrong"),
    [
        ("temporal_expression_normalization", "temporal.t0.3-1.4.raw", 0),
        ("japanese_to_python_generation", "mconala_ja", 10),
    ],
)
def test_what_a_real_model_wrote_is_kept_but_for_plain_faults(
    work, shared, prompt, pairs_of, wrong
):
    """5,000 pairs by gpt-3.5-turbo: each is a row or counted, and no text of the task's language is
    taken for another's."""
    from p2m.artifacts import Prompt
    from p2m.parser.sections import Sections

    task = Sections().run(
        Prompt((shared / "paper" / "prompts" / f"{prompt}.txt").read_text(encoding="utf-8")), work
    )
    with gzip.open(shared / "paper" / "generated" / f"{pairs_of}.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    teacher = ScriptedTeacher(lambda request, i: json.dumps({"examples": rows[5 * i : 5 * i + 5]}))
    sizes = {"max_input_chars": 4000, "max_output_chars": 2000, "shown_max": 10, "patience": 2000}
    examples = run(
        teacher,
        work,
        task,
        target=len(rows),
        per_request=5,
        lag=32,
        max_requests_factor=1.0,
        **sizes,
    )
    assert len(examples.rows) + sum(examples.dropped.values()) == len(rows)
    assert len(examples.rows) > 0.8 * len(rows)
    assert examples.dropped.get("wrong language", 0) <= wrong


@pytest.mark.slow
def test_twenty_thousand_examples_take_seconds(work):
    """Of processor time: waiting for a teacher is not counted, nor what else the machine does."""
    task = TaskSpec("Double the number." * 40, TASK.demonstrations, input_language="en")

    def say(request, i):
        return text(
            *(
                (f"[2024-03-14 Thu] the day after the {n}th of the month", f"2024-{n}")
                for n in range(5 * i, 5 * i + 5)
            )
        )

    started = time.process_time()
    examples = run(
        ScriptedTeacher(say),
        work,
        task,
        target=20_000,
        per_request=5,
        lag=32,
        shown_max=10,
        max_input_chars=4000,
        patience=200,
    )
    assert len(examples.rows) == 20_000
    assert time.process_time() - started < 15
