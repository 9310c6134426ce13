import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2m.generator._request import SCHEMA
from p2m.text.listed import find_fault, list_name, read_items

PAIR = {"input": "a", "output": "b"}
TWO = '{"input": "a", "output": "b"}, {"input": "c", "output": "d"}'
BOTH = [PAIR, {"input": "c", "output": "d"}]


@pytest.mark.parametrize(
    ("text", "items"),
    [
        (f'{{"examples": [{TWO}]}}', BOTH),
        (f"[{TWO}]", BOTH),
        (f'{{"Examples": [{TWO}]}}', BOTH),
        (f'{{"data": [{TWO}], "note": "two"}}', BOTH),
        (f"Here they are:\n[{TWO}]\nEnjoy!", BOTH),
        ('{"input": "a", "output": "b"}\n{"input": "c", "output": "d"}', BOTH),
        (f'{{"examples": [{TWO}]}}\n{{"examples": [{TWO}]}}', BOTH + BOTH),
        ('{"input": "a", "output": "b"}', [PAIR]),
        ('{"examples": [{"Input": "a", " OUTPUT": "b"}]}', [PAIR]),
        ('[{"input": "a", "output": "b", "explanation": "because", "n": 1}]', [PAIR]),
        (f'{{"examples": [{TWO}, {{"input": "e", "out', BOTH),
        (f'{{"examples": [{TWO}, {{"input": "e", "output": 3/4}}]}}', BOTH),
        ('{"examples": ["a"]}', ["a"]),
        ('{"examples": []}', []),
        ('{"examples": 3}', None),
        ("no", None),
        ('{"a": [1], "b": [2]}', None),
    ],
)
def test_a_list_is_found_in_the_forms_that_models_give_it(text: str, items: Any) -> None:
    assert read_items(text, SCHEMA) == items


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("5", "5"),
        ("-1", "-1"),
        ("2.50", "2.50"),
        ("1e3", "1e3"),
        ("true", "true"),
        ("False", "False"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ('"007"', "007"),
        ("null", None),
        ("NaN", None),
        ('"\\ud800"', None),
    ],
)
def test_numbers_and_truth_values_are_taken_as_they_were_written(written: str, read: Any) -> None:
    text = f'{{"examples": [{{"input": "a", "output": {written}}}, {json.dumps(PAIR)}]}}'
    assert read_items(text, SCHEMA) == [{"input": "a", "output": read}, PAIR]
    assert find_fault(text, SCHEMA) is None


def test_a_pair_with_a_key_twice_is_lost_alone() -> None:
    text = f'[{{"input": "a", "input": "x", "output": "b"}}, {TWO}]'
    assert read_items(text, SCHEMA) == [None, *BOTH]


def test_where_nothing_fits_the_first_fault_is_said() -> None:
    assert find_fault('[{"input": "a"}, 3]', SCHEMA) == "answer.examples[0] has no 'output'"
    assert find_fault('{"examples": 3}', SCHEMA) == "answer.examples must be array, got 3"
    assert find_fault("Sure!", SCHEMA) == "no JSON in it"


def test_other_schemas_are_kept_to_by_the_letter() -> None:
    schema = {
        "type": "object",
        "properties": {"card": {"type": "string"}},
        "required": ["card"],
        "additionalProperties": False,
    }
    assert list_name(schema) is None
    assert (
        find_fault('{"card": "x", "more": 1}', schema)
        == "answer has 'more', which nobody asked for"
    )
    assert find_fault('{"card": 5}', schema) == "answer.card must be string, got 5"


@given(
    st.text() | st.lists(st.sampled_from([*'{}[],:"', "input", "output", "1", "NaN"])).map("".join)
)
@settings(max_examples=300, deadline=None)
def test_no_text_raises(text: str) -> None:
    read_items(text, SCHEMA)
    find_fault(text, SCHEMA)
