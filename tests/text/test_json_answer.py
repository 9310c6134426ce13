import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2m.text.json_answer import tolerant_json

PAIR = {"input": "a", "output": "b"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"input": "a", "output": "b"}', PAIR),
        ('Sure! Here you are:\n```json\n{"input": "a", "output": "b"}\n```\nAnything else?', PAIR),
        ('```\n{"input": "a", "output": "b"}', PAIR),
        ('<think>maybe {"input": "no"}?</think>{"input": "a", "output": "b"} ', PAIR),
        ("{'input': 'a', 'output': 'b'}", PAIR),
        ("{'input': 'it\\'s', 'output': \"b\"}", {"input": "it's", "output": "b"}),
        ('{"input": "a", "output": "b",}', PAIR),
        ("[1, 2, true, None,]", [1, 2, True, None]),
        ('see [1] and [2]: {"input": "a", "output": "b"}', PAIR),
        ('{"input": "two\nlines", "output": "b"}', {"input": "two\nlines", "output": "b"}),
        ('{"input": "\\d+", "output": "b"}', {"input": "\\d+", "output": "b"}),
        ('x {"input": "\\ud83d\\ude00"}', {"input": "😀"}),
        ('x {"a": -1.5e3}', {"a": -1500.0}),
    ],
)
def test_value_is_read_around_what_models_write_beside_it(text: str, value: object) -> None:
    assert tolerant_json(text) == value


@pytest.mark.parametrize(
    "tail",
    [
        "",
        ",",
        ', {"input": "c"',
        ', {"input": "c", "outp',
        ', {"input": "c", "output": "d\\',
        ', {"input": "c", "output":',
        ", {",
    ],
)
def test_text_cut_off_keeps_the_complete_items(tail: str) -> None:
    assert tolerant_json('{"examples": [{"input": "a", "output": "b"}' + tail) == {
        "examples": [PAIR]
    }


def test_number_at_the_cut_is_not_taken_for_whole() -> None:
    assert tolerant_json("[1, 2") == [1]


@pytest.mark.parametrize(
    "inner",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "9" * 30,
        "9" * 5000,
        "[" * 40 + "]" * 40,
        '"\\ud800"',
        '{"a": 1, "a": 2}',
        "-9223372036854775809",
    ],
)
@pytest.mark.parametrize("frame", ['{"a": %s}', "Sure: {'a': %s,}"])
def test_dangerous_values_are_refused_whole(inner: str, frame: str) -> None:
    assert tolerant_json(frame % inner) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no json here",
        '"a string"',
        "12",
        "{]",
        '{"a" 1}',
        "{a: 1}",
        '{"input": "c',
        "\ud800[1]",
        "[" * 100_000,
    ],
)
def test_text_without_a_value_gives_none(text: str) -> None:
    assert tolerant_json(text) is None


def test_answer_too_large_to_be_one_gives_none() -> None:
    assert tolerant_json("[" + "1," * (5 << 20) + "1]") is None


@given(st.text() | st.text(alphabet="{}[]\"':,\\u0dD8N-+.eE1 \n`atrue", max_size=200))
@settings(max_examples=500, deadline=None)
def test_no_text_raises(text: str) -> None:
    value = tolerant_json(text)
    assert value is None or isinstance(value, dict | list)


texts = st.text().filter(
    lambda text: "</think>" not in text
)  # what stands before it was thought, not answered
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(st.lists(values) | st.dictionaries(texts, values))
def test_whatever_json_was_written_is_read_back(value: object) -> None:
    assert tolerant_json(json.dumps(value)) == value
    if value:
        assert tolerant_json("Sure: " + json.dumps(value) + " Done.") == value


def test_a_fence_inside_a_string_is_a_part_of_it() -> None:
    assert tolerant_json('Sure: {"```": [null]} Done.') == {"```": [None]}
