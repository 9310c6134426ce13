import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2m.calls.completion import Completion, is_same_model, judge, parse
from p2m.calls.endpoint import reply_with
from p2m.stages import Request
from tests.calls.doubles import GOOD, SCHEMA, ask

QUESTION = Request(
    (
        {
            "role": "user",
            "content": (
                "Write an example for a task that turns the name of a colour into its code, "
                "please, as JSON."
            ),
        },
    ),
    1,
    100,
)
STRICT = Request(QUESTION.messages, 1, 100, SCHEMA)


def said(content: Any, finish: str | None = "stop", **message: Any) -> bytes:
    choice = {
        "message": {"role": "assistant", "content": content, **message},
        "finish_reason": finish,
    }
    return json.dumps(
        {"model": "m", "choices": [choice], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}
    ).encode()


def test_good_answer_is_read_with_its_model_and_usage() -> None:
    assert parse(said(GOOD), STRICT) == Completion(GOOD, "ok", "", "m", 3, 4)


@pytest.mark.parametrize(
    ("body", "outcome", "reason"),
    [
        (b"<html>", "invalid", "the body is not JSON"),
        (b"[1]", "invalid", "the body is not an object"),
        (b"[" * 100_000, "invalid", "the body is not JSON"),
        (b'{"choices": []}', "empty", "no choices"),
        (b'{"choices": [{"finish_reason": "stop"}]}', "empty", "no message"),
        (said(None), "empty", "no content"),
        (said(" \n"), "empty", "no content"),
        (said("x", "content_filter"), "filtered", "the server's content filter"),
        (said('{"examples": []}', "length"), "length", "cut off at max_tokens"),
        (said(None, refusal="No."), "refusal", "the model refused"),
        (said("I’m sorry, but I can’t do that."), "refusal", "it reads as a refusal"),
        (said("a\ud800"), "invalid", "half a surrogate pair"),
        (said("Here is your example."), "invalid", "no JSON in it"),
        (said('{"examples": 3}'), "invalid", "answer.examples must be array, got 3"),
        (
            said('{"examples": [{"input": NaN, "output": "b"}]}'),
            "invalid",
            "answer.examples[0].input must be string, got null",
        ),
        (said('{"examples": [{"input": "a"', "length"), "length", "cut off at max_tokens"),
        (said(QUESTION.messages[0]["content"]), "echo", "it repeats the prompt"),
        (said(QUESTION.messages[0]["content"][:85]), "echo", "it is a part of the prompt"),
    ],
)
def test_each_kind_of_useless_answer_has_its_outcome(
    body: bytes, outcome: str, reason: str
) -> None:
    reading = parse(body, STRICT)
    assert (reading.outcome, reading.reason) == (outcome, reason)


@pytest.mark.parametrize(
    "source",
    ["リストの要素を全部足し合わせる方法", "Это пример на другом языке", "اكتب هذا الرقم بالكلمات"],
)
def test_data_in_another_script_than_the_request_are_data(source: str) -> None:
    assert judge(GOOD.replace('"a"', f'"{source}"'), STRICT) == ("ok", "")


def test_whole_pairs_of_an_answer_that_was_cut_off_are_kept() -> None:
    cut = GOOD[:-2] + ', {"input": "c", "outp'
    reading = parse(said(cut, "length"), STRICT)
    assert (reading.outcome, reading.reason) == (
        "ok",
        "cut off at max_tokens: what was whole is kept",
    )
    assert reading.text == cut
    assert parse(said(cut, "length"), QUESTION).outcome == "length", "a text has no whole parts"


def test_one_bad_pair_does_not_spoil_the_others() -> None:
    text = '{"examples": [{"input": "a", "output": null}, {"input": "b", "output": "c"}]}'
    assert judge(text, STRICT) == ("ok", "")


def test_refusal_inside_a_good_answer_is_data() -> None:
    text = json.dumps(
        {"examples": [{"input": "I'm sorry, but I cannot come", "output": "apology"}]}
    )
    assert judge(text, STRICT) == ("ok", "")
    assert judge("I'm sorry, but I cannot come. " * 20, QUESTION) == ("ok", "")


def test_content_in_parts_is_joined() -> None:
    assert (
        parse(
            said([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}, 3]), QUESTION
        ).text
        == "ab"
    )


@pytest.mark.parametrize("tokens", [-1, True, "7", 1.5, 10**12, None])
def test_usage_that_makes_no_sense_is_not_believed(tokens: Any) -> None:
    body = json.dumps(
        {"choices": [], "usage": {"prompt_tokens": tokens, "completion_tokens": 1}}
    ).encode()
    assert (parse(body, QUESTION).input_tokens, parse(body, QUESTION).output_tokens) == (None, 1)


NAMES = st.sampled_from(
    ["choices", "message", "content", "usage", "model", "finish_reason", "refusal", "prompt_tokens"]
)
ENVELOPES = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers(),
    lambda x: st.lists(x) | st.dictionaries(NAMES, x),
)


@given(
    st.binary()
    | st.text().map(str.encode)
    | ENVELOPES.map(lambda value: json.dumps(value).encode())
)
@settings(max_examples=500, deadline=None)
def test_no_body_raises(body: bytes) -> None:
    assert parse(body, STRICT).outcome != "ok"


@given(st.text())
@settings(max_examples=300, deadline=None)
def test_no_text_of_an_answer_raises(text: str) -> None:
    parse(reply_with(text, "m", 1, 1).body, ask(1, schema=SCHEMA))


@pytest.mark.parametrize(
    ("asked", "answered", "same"),
    [
        ("gpt-4o", "gpt-4o", True),
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("gpt-4o-2024-08-06", "gpt-4o", True),
        ("openai/gpt-4o", "gpt-4o", True),
        ("Qwen/Qwen2.5-0.5B-Instruct", "Qwen/Qwen2.5-0.5B-Instruct@main", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-4o", "cheap-0", False),
    ],
)
def test_model_that_answered_is_the_one_asked_or_a_version_of_it(
    asked: str, answered: str, same: bool
) -> None:
    assert is_same_model(asked, answered) is same
