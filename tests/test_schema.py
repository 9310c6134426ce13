import pytest

from p2m.schema import mismatch

PAIR = {"input": "a", "output": "b"}
SCHEMA = {
    "title": "examples",
    "type": "object",
    "properties": {
        "examples": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "input": {"type": "string", "minLength": 1},
                    "output": {"type": "string"},
                },
                "required": ["input", "output"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["examples"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"examples": [PAIR]}, None),
        ([PAIR], 'answer must be object, got [{"input": "a", "output": "b"}]'),
        ({}, "answer has no 'examples'"),
        ({"examples": []}, "answer.examples has 0 items, fewer than 1"),
        ({"examples": [PAIR], "note": 1}, "answer has 'note', which nobody asked for"),
        ({"examples": [PAIR, {"input": "a"}]}, "answer.examples[1] has no 'output'"),
        ({"examples": [PAIR | {"output": 3}]}, "answer.examples[0].output must be string, got 3"),
        (
            {"examples": [PAIR | {"input": ""}]},
            "answer.examples[0].input has 0 characters, fewer than 1",
        ),
    ],
)
def test_mismatch_names_the_place_and_what_was_given(value: object, said: str | None) -> None:
    assert mismatch(value, SCHEMA) == said


def test_mismatch_knows_enums_alternatives_and_upper_bounds() -> None:
    assert mismatch("c", {"enum": ["a", "b"]}) == "answer must be one of ['a', 'b'], got \"c\""
    assert mismatch(None, {"type": ["string", "null"]}) is None
    assert mismatch(True, {"type": "integer"}) == "answer must be integer, got true"
    assert (
        mismatch("abc", {"type": "string", "maxLength": 2})
        == "answer has 3 characters, more than 2"
    )
    assert mismatch([1, 2], {"type": "array", "maxItems": 1}) == "answer has 2 items, more than 1"
