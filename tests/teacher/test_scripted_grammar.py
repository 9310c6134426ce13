import ast
import json
import random
import re
from collections import Counter
from datetime import date
from datetime import time as clock_time
from pathlib import Path

import pytest

from p2m.errors import InputError
from p2m.stages import Request
from p2m.teacher import _scripted_clock as clocks
from p2m.teacher import _scripted_dates as dates
from p2m.teacher import _scripted_tickets as tickets
from p2m.teacher._scripted import TASKS, UNKNOWN, records_in, reply
from p2m.teacher._scripted_format import (
    BREAKS,
    fences,
    plain_lines,
    prose,
    single_quotes,
    trailing_comma,
    truncated,
)
from p2m.teacher._scripted_none import KINDS
from p2m.teacher._scripted_rules import RULES
from p2m.teacher._scripted_style import weighted
from p2m.teacher._scripted_words import SLOTS, ordinal, ordinal_words, words

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
DATES_PROMPT = EXPERIMENTS / "quickstart/prompt.md"
TICKETS_PROMPT = EXPERIMENTS / "tickets/prompt.md"
FORM = re.compile(r"([+-]\d+d|\d{4}-\d\d-\d\d)(T\d\d:\d\d)?|[+-]\d+[my]|\d{4}-\d\d|\d{4}|N/A")


def ask(
    prompt: Path, kind: str, more: str = "", *, temperature: float = 1.0, sample: int = 0
) -> Request:
    user = f"{prompt.read_text(encoding='utf-8')}\n{more}"
    return Request(
        ({"role": "system", "content": "Be exact."}, {"role": "user", "content": user}),
        temperature,
        4096,
        {"title": kind},
        1.0,
        sample,
    )


def drawn(
    prompt: Path,
    n: int,
    *,
    error_rate: float = 0.0,
    repeat_rate: float = 0.0,
    more: str = "",
    temperature: float = 1.0,
) -> list[dict]:
    request = ask(prompt, "examples", f"{more}\nWrite {n} new examples", temperature=temperature)
    return json.loads(reply(request, error_rate, repeat_rate, 0.0, 1))["examples"]


# The conventions of the dates prompt, one row each.  2024-03-14 is a Thursday.
@pytest.mark.parametrize(
    ("reference", "expression", "answer"),
    [
        ("2024-03-14", "today", "+0d"),
        ("2024-03-14", "tomorrow", "+1d"),
        ("2024-03-14", "the day after tomorrow", "+2d"),
        ("2024-03-01", "the day before yesterday", "-2d"),
        # weeks start on Monday
        ("2024-03-14", "this tuesday", "-2d"),
        ("2024-03-14", "this thursday", "+0d"),
        ("2024-03-17", "this monday", "-6d"),
        ("2019-11-05", "next friday", "+10d"),
        ("2024-03-17", "next monday", "+1d"),
        ("2024-03-14", "friday next week", "+8d"),
        ("2024-03-14", "next week on friday", "+8d"),
        ("2024-03-14", "friday", "+1d"),
        ("2024-03-14", "thursday", "+7d"),
        ("2024-03-14", "wednesday", "+6d"),
        ("2024-03-14", "last friday", "-6d"),
        ("2024-03-14", "last thursday", "-7d"),
        ("2024-03-14", "the friday after next", "+15d"),
        ("2024-03-14", "a week on friday", "+8d"),
        ("2024-03-14", "a week from thursday", "+14d"),
        ("2024-03-14", "friday week", "+8d"),
        ("2024-03-14", "the weekend", "+2d"),
        ("2024-03-17", "this weekend", "-1d"),
        ("2024-03-14", "next weekend", "+9d"),
        ("2024-03-14", "last weekend", "-5d"),
        # counted from today
        ("2024-02-27", "in 3 days", "+3d"),
        ("2024-03-14", "two weeks ago", "-14d"),
        ("2024-03-14", "a fortnight from now", "+14d"),
        ("2024-03-14", "a couple of days ago", "-2d"),
        ("2031-01-31", "in a month", "+1m"),
        ("2024-01-31", "in a month", "+1m"),
        ("2024-05-31", "3 months ago", "-3m"),
        ("2024-02-29", "in a year", "+1y"),
        ("2024-12-30", "in two months", "+2m"),
        # months, years, their starts and ends
        ("2024-03-14", "this month", "2024-03"),
        ("2024-12-14", "next month", "2025-01"),
        ("2024-01-14", "last month", "2023-12"),
        ("2024-03-14", "next year", "2025"),
        ("2024-03-14", "last year", "2023"),
        ("2024-03-14", "the start of next week", "+4d"),
        ("2024-03-14", "the end of the week", "+3d"),
        ("2024-01-27", "the end of next month", "2024-02-29"),
        ("2024-03-14", "beginning of the month", "2024-03-01"),
        ("2024-03-14", "end of next year", "2025-12-31"),
        ("2024-03-14", "start of 2027", "2027-01-01"),
        ("2024-06-14", "the end of february", "2025-02-28"),
        ("2024-03-14", "eom", "2024-03-31"),
        ("2024-03-14", "the first monday of may", "2024-05-06"),
        ("2024-06-14", "first monday in may", "2025-05-05"),
        ("2024-03-14", "the last friday of the month", "2024-03-29"),
        ("2024-03-14", "second tuesday of next month", "2024-04-09"),
        ("2024-03-14", "fifth friday of april", "N/A"),
        # months without a year
        ("2027-05-09", "march", "2028-03"),
        ("2024-03-14", "march", "2024-03"),
        ("2024-03-14", "last march", "2023-03"),
        ("2024-03-14", "next march", "2025-03"),
        ("2024-03-14", "next april", "2024-04"),
        ("2024-03-14", "last february", "2024-02"),
        ("2024-03-14", "may 2026", "2026-05"),
        # days of the month
        ("2024-03-14", "march 14", "2024-03-14"),
        ("2024-03-14", "13 march", "2025-03-13"),
        ("2016-08-09", "29 feb", "2020-02-29"),
        ("2024-03-14", "the 14th", "2024-03-14"),
        ("2024-03-14", "the 13th", "2024-04-13"),
        ("2024-03-31", "the 30th", "2024-04-30"),
        ("2024-02-01", "the 31st", "2024-03-31"),
        ("2024-03-14", "5th of next month", "2024-04-05"),
        # figures
        ("2024-01-01", "3/22/2024", "2024-03-22"),
        ("2024-01-01", "22.3.2024", "2024-03-22"),
        ("2024-01-01", "5/9/22", "2022-05-09"),
        ("2024-06-01", "1.2.", "2025-02-01"),
        ("2024-06-01", "12/5", "2024-12-05"),
        ("2024-06-01", "2020-02-14", "2020-02-14"),
        # feasts
        ("2024-12-25", "christmas", "2024-12-25"),
        ("2024-12-26", "christmas", "2025-12-25"),
        ("2024-03-14", "xmas eve", "2024-12-24"),
        ("2024-03-14", "new year's eve", "2024-12-31"),
        ("2024-03-14", "new year's day", "2025-01-01"),
        ("2024-11-01", "halloween", "2025-10-31"),
        ("2024-03-14", "valentine's day", "2025-02-14"),
        ("2024-03-14", "halloween 2017", "2017-10-31"),
        ("2024-03-14", "easter", "N/A"),
        # times
        ("2024-03-14", "3pm", "+0dT15:00"),
        ("2024-03-14", "at 9", "+0dT09:00"),
        ("2024-03-14", "18:20", "+0dT18:20"),
        ("2024-03-14", "half past 3", "+0dT03:30"),
        ("2024-03-14", "quarter to ten", "+0dT09:45"),
        ("2024-03-14", "noon", "+0dT12:00"),
        ("2024-03-14", "12:30 pm", "+0dT12:30"),
        ("2024-03-14", "tonight at 9", "+0dT21:00"),
        ("2024-03-14", "last night at 11", "-1dT23:00"),
        ("2024-03-14", "tomorrow at 4 in the afternoon", "+1dT16:00"),
        ("2024-03-14", "friday at 8 in the morning", "+1dT08:00"),
        ("2024-03-14", "next friday at 3pm", "+8dT15:00"),
        ("2024-03-14", "3pm on friday", "+1dT15:00"),
        ("2024-03-14", "tomorrow morning", "+1d"),
        ("2024-03-14", "tonight", "+0d"),
        ("2024-03-14", "last night", "-1d"),
        # words beside, and what has no answer
        ("2024-03-14", "due friday", "+1d"),
        ("2024-03-14", "lunch with bo tomorrow 12:30", "+1dT12:30"),
        ("2024-03-14", "in a few days", "N/A"),
        ("2024-03-14", "early march", "N/A"),
        ("2024-03-14", "mid-may", "N/A"),
        ("2024-03-14", "monday to wednesday", "N/A"),
        ("2024-03-14", "friday or saturday", "N/A"),
        ("2024-03-14", "every monday", "N/A"),
        ("2024-03-14", "before friday", "N/A"),
        ("2024-03-14", "after the 5th", "N/A"),
        ("2024-03-14", "sometime next week", "N/A"),
        ("2024-03-14", "next quarter", "N/A"),
        ("2024-03-14", "midnight", "N/A"),
        ("2024-03-14", "friday at midnight", "N/A"),
        ("2024-03-14", "in 3 hours", "N/A"),
        ("2024-03-14", "february 30", "N/A"),
        ("2024-03-14", "25:00", "N/A"),
        ("2024-03-14", "31.6.2025", "N/A"),
        ("2024-03-14", "happy birthday!", "N/A"),
    ],
)
def test_an_expression_of_the_conventions_has_its_exact_answer(reference, expression, answer):
    assert dates.solve(f"[{reference} {date.fromisoformat(reference):%a}] {expression}") == answer


def test_the_demonstrations_of_the_dates_prompt_are_answered_as_they_stand_there():
    spec = json.loads(reply(ask(DATES_PROMPT, "task"), 0, 0, 0, 1))
    assert len(spec["demonstrations"]) == 6
    assert [dates.solve(pair["input"]) for pair in spec["demonstrations"]] == [
        pair["output"] for pair in spec["demonstrations"]
    ]


def test_nearly_every_drawn_expression_reads_back_to_its_own_answer():
    rng, right = random.Random(5), 0
    for _ in range(1500):
        today = date.fromordinal(rng.randint(dates.FIRST, dates.LAST))
        text, answer = dates.expression(rng, today, 1.0)
        right += dates.solve(f"[{today} {today:%a}] {text}") == answer
    assert right >= 1425  # 95 %; what is lost are spellings that only their sentence explains


def test_each_rule_and_each_kind_of_none_is_drawn_and_names_only_known_slots():
    for rule in RULES:
        for wording in weighted(rule.wordings)[0]:
            assert set(re.findall(r"\{(\w+)\}", wording)) <= set(SLOTS), wording
    rng = random.Random(0)
    for _ in range(3000):
        text, answer = dates.example(rng, 1.0)
        assert FORM.fullmatch(answer)
        assert "{" not in text
        assert "}" not in text
    assert len({rule.kind for rule in RULES}) == len(RULES)
    assert set(KINDS) >= {
        "vague",
        "range",
        "choice",
        "repeated",
        "open end",
        "stretch",
        "midnight",
        "hours",
        "impossible",
        "moving feast",
        "no date",
    }


def test_answers_of_the_dates_grammar_are_real_moments_and_references_real_weekdays():
    rng = random.Random(1)
    for _ in range(3000):
        text, answer = dates.example(rng, 1.0)
        day, name = re.fullmatch(r"\[(\S+) (\S+)\] .+", text).groups()
        assert date.fromisoformat(day).strftime("%a") == name
        assert 2010 <= int(day[:4]) <= 2035
        assert FORM.fullmatch(answer)
        day, _, time = answer.partition("T")
        if len(day) == len("2024-03-14"):
            date.fromisoformat(day)
        if time:
            clock_time.fromisoformat(time)


def test_twenty_thousand_draws_are_mostly_unique_short_and_a_tenth_to_a_fifth_without_answer():
    rng = random.Random(2)
    drawn_ = [dates.example(rng, 1.0) for _ in range(20_000)]
    lengths = sorted(len(text) - len("[2024-03-14 Thu] ") for text, _ in drawn_)
    assert len({text for text, _ in drawn_}) >= 17_000
    assert 0.10 <= sum(answer == "N/A" for _, answer in drawn_) / len(drawn_) <= 0.20
    assert lengths[19_800] <= 64


def test_every_group_of_conventions_makes_up_at_least_a_hundredth():
    rules = {
        "bare weekday": ["weekday"],
        "this weekday": ["this weekday"],
        "next weekday": ["next weekday"],
        "last weekday": ["last weekday"],
        "after next": ["weekday after next"],
        "week on": ["week on weekday"],
        "weekend": ["this weekend", "next weekend", "last weekend"],
        "days": ["in days", "days ago"],
        "weeks": ["in weeks", "weeks ago"],
        "months": ["in months", "months ago"],
        "years": ["in years", "years ago"],
        "starts": [rule.kind for rule in RULES if rule.kind.startswith("start of")],
        "ends": [rule.kind for rule in RULES if rule.kind.startswith("end of")],
        "nth weekday": ["nth weekday", "nth weekday, month"],
        "month": ["month"],
        "last or next month by name": ["next named month", "last named month"],
        "day and month": ["day of month"],
        "day number": ["day number"],
        "m/d/y": ["m/d/y"],
        "d.m.y": ["d.m.y"],
        "feast": ["feast"],
    }
    weights = {rule.kind: rule.weight for rule in RULES}
    total = sum(weights.values()) / (1 - dates.NONE_SHARE)
    assert {
        name: share
        for name, kinds in rules.items()
        if (share := sum(weights[kind] for kind in kinds) / total) < 0.01
    } == {}


def test_numbers_are_written_in_letters_and_ordinals():
    assert [words(n) for n in (0, 12, 20, 45)] == ["zero", "twelve", "twenty", "forty-five"]
    assert [ordinal_words(n) for n in (1, 2, 3, 5, 8, 9, 12, 20, 21, 30)] == (
        [
            "first",
            "second",
            "third",
            "fifth",
            "eighth",
            "ninth",
            "twelfth",
            "twentieth",
            "twenty-first",
            "thirtieth",
        ]
    )
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 22, 23, 31)] == [
        "1st",
        "2nd",
        "3rd",
        "4th",
        "11th",
        "12th",
        "13th",
        "21st",
        "22nd",
        "23rd",
        "31st",
    ]


@pytest.mark.parametrize(
    ("text", "part", "time"),
    [
        ("3pm", "", "15:00"),
        ("12pm", "", "12:00"),
        ("12am", "", "00:00"),
        ("5", "", "05:00"),
        ("at nine", "", "09:00"),
        ("9 o'clock", "evening", "21:00"),
        ("9 p.m.", "evening", "21:00"),
        ("quarter past ten", "", "10:15"),
        ("twenty to 6", "afternoon", "17:40"),
        ("quarter to 1", "afternoon", "12:45"),
        ("12:30", "afternoon", "12:30"),
        ("19:30", "evening", "19:30"),
        ("seven thirty", "", "07:30"),
        ("noon", "", "12:00"),
        ("8", "morning", "08:00"),
        ("25:00", "", None),
        ("soon", "", None),
    ],
)
def test_a_clock_time_is_read_with_its_part_of_the_day(text, part, time):
    assert clocks.read(text, part) == time


@pytest.mark.parametrize("part", ["", "morning", "afternoon", "evening", "night"])
def test_a_drawn_clock_time_reads_back_to_itself(part):
    rng = random.Random(3)
    for _ in range(500):
        text, time, _ = clocks.draw(rng, part)
        assert clocks.read(text, part) == time


def test_the_same_request_has_the_same_answer_and_any_difference_another():
    request = ask(DATES_PROMPT, "examples", "Write 3 new examples")
    rates = (0.1, 0.1, 0.1)
    assert reply(request, *rates, 1) == reply(request, *rates, 1)
    others = [
        ask(DATES_PROMPT, "examples", "Write 3 new examples", sample=1),
        ask(DATES_PROMPT, "examples", "Write 3 new examples."),
    ]
    others += [ask(DATES_PROMPT, "examples", "Write 3 new examples", temperature=0.9)]
    answers = [
        reply(request, *rates, 1),
        reply(request, *rates, 2),
        *(reply(other, *rates, 1) for other in others),
    ]
    assert len(set(answers)) == 5


def test_as_many_examples_come_as_are_asked_for_and_one_by_default():
    assert len(drawn(DATES_PROMPT, 7)) == 7
    assert len(json.loads(reply(ask(TICKETS_PROMPT, "examples"), 0, 0, 0, 1))["examples"]) == 1


@pytest.mark.parametrize("prompt", [DATES_PROMPT, TICKETS_PROMPT])
def test_errors_come_at_their_rate(prompt):
    right, spoilt = drawn(prompt, 2000), drawn(prompt, 2000, error_rate=1.0)
    assert all(
        example["output"] != task_answer(prompt, example)
        for example in spoilt
        if task_answer(prompt, example) is not None
    )
    assert all(
        FORM.fullmatch(example["output"]) or example["output"] in tickets.LABELS
        for example in right + spoilt
    )
    rng, wrong = random.Random(0), 0
    task = TASKS[prompt == TICKETS_PROMPT]
    for _ in range(2000):
        input_, output = task.example(rng, 1.0)
        wrong += task.wrong(rng, input_, output) == output
    assert wrong == 0


def task_answer(prompt: Path, example: dict[str, str]) -> str | None:
    """The right answer of an undressed example that can be worked out alone: an ISO date, else unknown."""
    found = re.fullmatch(r"\[\S+ \S+\] (\d{4}-\d\d-\d\d)", example["input"])
    return found[1] if found and prompt == DATES_PROMPT else None


def test_the_share_of_wrong_examples_is_the_error_rate():
    pool = [
        json.dumps({"input": f"[2024-03-14 Thu] 2024-04-{day:02}", "output": f"2024-04-{day:02}"})
        for day in range(1, 31)
    ]
    made = drawn(DATES_PROMPT, 2000, error_rate=0.1, repeat_rate=1.0, more="\n".join(pool))
    iso = [
        example
        for example in made
        if re.fullmatch(r"\[2024-03-14 Thu\] \d{4}-\d\d-\d\d", example["input"])
    ]
    share = sum(example["input"][17:] != example["output"] for example in iso) / len(iso)
    assert len(iso) > 1000
    assert 0.075 <= share <= 0.125


def test_repeats_come_at_their_rate_from_what_was_shown_and_a_few_favourites():
    shown = [f"[2024-03-14 Thu] line {i}" for i in range(8)]
    more = "\n".join(json.dumps({"input": text, "output": "N/A"}) for text in shown)
    made = drawn(DATES_PROMPT, 2000, repeat_rate=0.2, more=more)
    counts = Counter(example["input"] for example in made)
    repeated = sum(count for count in counts.values() if count >= 5)
    assert 0.16 <= repeated / 2000 <= 0.24
    assert all(counts[text] >= 5 for text in shown)


def test_the_form_that_a_request_explains_is_no_example():
    form = 'Answer with {"input": "...", "output": "..."}\n{"examples": [{"input": "...", "output": "..."}, ...]}'
    assert "..." not in {
        example["input"] for example in drawn(DATES_PROMPT, 500, repeat_rate=1.0, more=form)
    }


def test_a_cold_teacher_says_less_than_a_warm_one():
    cold, warm = (drawn(DATES_PROMPT, 1500, temperature=temperature) for temperature in (0.0, 1.0))

    def kinds(examples: list[dict[str, str]]) -> int:
        return len({re.sub(r"\d+", "0", example["input"][17:].lower()) for example in examples})

    assert kinds(cold) < 0.75 * kinds(warm)


def test_answers_break_at_their_rate():
    requests = [ask(DATES_PROMPT, "examples", "Write 2 new examples", sample=i) for i in range(300)]
    failed = 0
    for request in requests:
        try:
            json.loads(reply(request, 0, 0, 0.3, 1))
        except json.JSONDecodeError:
            failed += 1
    assert 60 <= failed <= 120


WHOLE = json.dumps(
    {
        "examples": [
            {"input": "[2024-03-14 Thu] it's today", "output": "2024-03-14"},
            {"input": "b", "output": "N/A"},
        ]
    }
)


@pytest.mark.parametrize("break_", BREAKS)
def test_a_broken_answer_is_not_json(break_):
    with pytest.raises(json.JSONDecodeError):
        json.loads(break_(random.Random(0), WHOLE))


def test_each_break_keeps_what_a_tolerant_reader_can_find():
    rng = random.Random(0)
    assert records_in(prose(rng, WHOLE)) == [json.loads(WHOLE)]
    assert json.loads(fences(rng, WHOLE).split("\n", 1)[1].removesuffix("```")) == json.loads(WHOLE)
    assert ast.literal_eval(single_quotes(rng, WHOLE)) == json.loads(WHOLE)
    assert json.loads(trailing_comma(rng, WHOLE).replace(",]", "]")) == json.loads(WHOLE)
    assert WHOLE.startswith(truncated(rng, WHOLE))
    assert (
        plain_lines(rng, WHOLE)
        == "Input: [2024-03-14 Thu] it's today Output: 2024-03-14\nInput: b Output: N/A"
    )


def test_another_prompt_is_told_which_teacher_to_choose():
    request = Request(
        ({"role": "user", "content": "Translate into French.\nWrite 3 new examples"},),
        1.0,
        100,
        {"title": "examples"},
    )
    with pytest.raises(InputError) as caught:
        reply(request, 0, 0, 0, 1)
    assert str(caught.value) == UNKNOWN
    assert UNKNOWN == (
        "teacher=scripted knows only the two bundled tasks (prompt=dates, prompt=tickets), not this prompt; it is a grammar, not a "
        "language model. Choose a real one: teacher=openai, teacher=vllm, teacher=ollama or teacher=local."
    )


def test_a_kind_of_request_that_it_does_not_know_is_named():
    with pytest.raises(
        InputError,
        match=r"cannot answer a request of the kind 'poem'; it knows examples, columns, card, task, answer",
    ):
        reply(ask(DATES_PROMPT, "poem"), 0, 0, 0, 1)


@pytest.mark.parametrize(("prompt", "index"), [(DATES_PROMPT, 0), (TICKETS_PROMPT, 1)])
def test_the_marks_of_a_task_stand_in_its_prompt_and_in_no_other(prompt, index):
    text = prompt.read_text(encoding="utf-8")
    assert all(mark in text for mark in TASKS[index].marks)
    assert not any(mark in text for mark in TASKS[1 - index].marks)


def test_the_tickets_prompt_is_parsed_into_its_parts():
    spec = json.loads(reply(ask(TICKETS_PROMPT, "task"), 0, 0, 0, 1))
    listed = re.findall(r"^- (\w+):", TICKETS_PROMPT.read_text(encoding="utf-8"), re.MULTILINE)
    assert spec["labels"] == listed == list(tickets.LABELS)
    assert spec["instruction"].startswith("Route a customer's message")
    assert spec["instruction"].endswith(
        "- other: anything else: thanks, praise, anger without a topic, jobs, press, spam, no clear request"
    )
    assert spec["demonstrations"][0] == {
        "input": "wheres my parcel?? tracking hasnt moved since monday",
        "output": "shipping",
    }
    assert (len(spec["demonstrations"]), spec["input_language"], spec["output_language"]) == (
        6,
        "en",
        "und",
    )


def test_the_rule_for_two_requests_is_the_order_of_the_prompt():
    stated = re.search(
        r"the first of these wins: ([\w, ]+)\.", TICKETS_PROMPT.read_text(encoding="utf-8")
    )
    assert tuple(stated[1].split(", ")) == tickets.PRIORITY


def test_one_input_is_answered_and_wrongly_at_error_rate_one():
    request = ask(DATES_PROMPT, "answer", "Input: [2024-03-14 Thu] next friday at 3pm")
    assert json.loads(reply(request, 0, 0, 0, 1)) == {"answer": "+8dT15:00"}
    assert json.loads(reply(request, 1.0, 0, 0, 1))["answer"] != "+8dT15:00"
    ticket = ask(
        TICKETS_PROMPT, "answer", "Input: I forgot my password and the reset mail never comes"
    )
    assert json.loads(reply(ticket, 0, 0, 0, 1)) == {"answer": "login"}


def test_a_card_names_the_task():
    assert "date" in json.loads(reply(ask(DATES_PROMPT, "card"), 0, 0, 0, 1))["card"]
    assert "ticket routing" in json.loads(reply(ask(TICKETS_PROMPT, "card"), 0, 0, 0, 1))["card"]


def columns(prompt: Path, rows: list[dict[str, object]]) -> dict[str, object]:
    lines = "\n".join(json.dumps(row) for row in rows)
    return json.loads(reply(ask(prompt, "columns", f"Rows of the data set:\n{lines}"), 0, 0, 0, 1))


UNFIT = {"input": [], "output": ""}
CALENDAR = [
    {"id": i, "message": f"[2024-07-{i:02} Mon] call on friday", "when": f"2024-07-{i + 9}"}
    for i in range(1, 9)
]
SPLIT = [
    {"said": "[2024-07-01 Mon]", "text": "meet tomorrow", "iso": "2024-07-02T15:00"},
    {"said": "[2024-07-05 Fri]", "text": "in june", "iso": "2024-07-01T10:00"},
]
SHOP = [
    {"no": 4, "subject": "Hello", "text": "where is my parcel, it is late", "team": "shipping"},
    {"no": 5, "subject": "?", "text": "how do i sort", "team": "how_to"},
]
EVENTS = [{"event": "Battle of Hastings", "year": "1066"}, {"event": "Magna Carta", "year": "1215"}]


@pytest.mark.parametrize(
    ("prompt", "rows", "found"),
    [
        (DATES_PROMPT, CALENDAR, {"input": ["message"], "output": "when"}),
        (DATES_PROMPT, SPLIT, {"input": ["said", "text"], "output": "iso"}),
        (DATES_PROMPT, [row | {"said": row["said"][1:-1]} for row in SPLIT], UNFIT),
        (DATES_PROMPT, EVENTS, UNFIT),
        (DATES_PROMPT, SHOP, UNFIT),
        (TICKETS_PROMPT, SHOP, {"input": ["subject", "text"], "output": "team"}),
        (TICKETS_PROMPT, [row | {"team": row["team"].upper()} for row in SHOP], UNFIT),
        (TICKETS_PROMPT, CALENDAR, UNFIT),
        (TICKETS_PROMPT, [], UNFIT),
    ],
)
def test_columns_are_chosen_by_their_values_or_none_are(prompt, rows, found):
    assert columns(prompt, rows) == found


def test_every_label_of_tickets_appears_with_all_slots_filled():
    rng = random.Random(4)
    made = [tickets.example(rng, 1.0) for _ in range(4000)]
    counts = Counter(label for _, label in made)
    assert set(counts) == set(tickets.LABELS)
    assert min(counts.values()) >= 300
    assert len({text for text, _ in made}) >= 3800
    assert not [text for text, _ in made if re.search(r"[{}|]", text)]


@pytest.mark.parametrize("prompt", [DATES_PROMPT, TICKETS_PROMPT])
def test_the_grammar_never_writes_a_demonstration(prompt):
    spec = json.loads(reply(ask(prompt, "task"), 0, 0, 0, 1))
    made = {example["input"] for example in drawn(prompt, 4000)}
    assert not made & {pair["input"] for pair in spec["demonstrations"]}
