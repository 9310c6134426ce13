"""Which columns of a user's rows are the input and the output."""

import json

import pytest

from p2m.errors import InputError
from p2m.text.columns import check_chosen, find_layout
from p2m.text.examples import examples_of


def read(folder, *rows, columns=None):
    path = folder / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    layout = check_chosen(columns) if columns else None
    return [(example.input, example.output) for _, example in examples_of(path, "x", layout)]


def chat(*turns):
    return [{"role": role, "content": content} for role, content in turns]


@pytest.mark.parametrize(
    "row",
    [
        {"text": "a", "label": "b", "id": "1"},
        {"Sentence": "a", "Category": "b"},
        {"Input": "a", "Output": "b"},
        {"prompt": "a", "completion": "b"},
        {"prompt": "a", "response": "b"},
        {"question": "a", "answer": "b"},
        {"source": "a", "target": "b"},
        {"document": "a", "summary": "b"},
        {"instruction": "a", "output": "b"},
        {"instruction": "a", "input": "", "output": "b"},
        {"messages": chat(("system", "Do."), ("user", "a"), ("assistant", "b"))},
        {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]},
        {"input": "a", "output": "b", "text": "c", "label": "d"},
    ],
)
def test_rows_of_known_kinds_are_known_by_their_columns(tmp_path, row):
    assert read(tmp_path, row) == [("a", "b")]


def test_an_instruction_that_is_the_same_in_all_rows_is_left_out(tmp_path):
    rows = [{"instruction": "Do.", "input": x, "output": "b"} for x in "ac"]
    assert read(tmp_path, *rows) == [("a", "b"), ("c", "b")]
    rows[1]["instruction"] = "Make."
    assert read(tmp_path, *rows) == [("Do.\n\na", "b"), ("Make.\n\nc", "b")]


def test_columns_are_those_that_the_user_names(tmp_path):
    row = {"title": "a", "body": "b", "label": "c", "summary": "d", "t": {"en": "e"}}
    assert read(tmp_path, row, columns={"input": "body", "output": "summary"}) == [("b", "d")]
    both = {"input": ["title", "body"], "output": "label"}
    assert read(tmp_path, row, columns=both) == [("a\n\nb", "c")]
    assert read(tmp_path, row, columns={"input": "t.en", "output": "label"}) == [("e", "c")]


@pytest.mark.parametrize(
    ("row", "columns", "message"),
    [
        (
            {"text": "a", "lable": "b"},
            {"input": "text", "output": "label"},
            "a.jsonl:1: has no column 'label' (did you mean 'lable'?); it has 'text', 'lable'",
        ),
        (
            {"text": "a", "label": "b", "summary": "c"},
            None,
            (
                "a.jsonl:1: has no column 'input'; it has 'text', 'label', 'summary'; "
                "prompt.columns={input: ..., output: ...} names others"
            ),
        ),
        (
            {
                "messages": chat(
                    ("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")
                )
            },
            None,
            (
                "a.jsonl:1: 'messages' holds 2 questions and 2 answers; an example is one question "
                "and its answer"
            ),
        ),
    ],
)
def test_columns_that_are_not_plain_are_told(tmp_path, row, columns, message):
    with pytest.raises(InputError) as error:
        read(tmp_path, row, columns=columns)
    assert str(error.value).replace(f"{tmp_path}/", "") == message


@pytest.mark.parametrize(
    "columns", [{"input": "a"}, {"inputs": "a", "output": "b"}, {"input": "a", "output": ["b"]}]
)
def test_columns_that_name_no_input_or_output_are_refused(columns):
    with pytest.raises(
        ValueError, match="columns: must name a column for input and one for output"
    ):
        check_chosen(columns)


def test_rows_with_input_and_output_are_taken_as_they_are():
    assert find_layout([{"input": "a", "outputs": ["b"]}]) is None
    assert find_layout([]) is None
