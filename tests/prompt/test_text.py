"""Prompts on the command line."""

import pytest

from p2m.artifacts import Example, Prompt
from p2m.errors import InputError
from p2m.prompt.text import Text


def test_the_text_is_the_prompt(work):
    assert Text("Say yes.", None, None, None).run(work) == Prompt("Say yes.", (), (), (), ())


def test_a_users_sets_come_with_it(tmp_path, work):
    path = tmp_path / "t.csv"
    path.write_text("input,output\na,b\n")
    prompt = Text("Say b.", path, None, path).run(work)
    assert (list(prompt.train), list(prompt.valid), list(prompt.test)) == (
        [Example("a", "b", "user:train")],
        [],
        [Example("a", "b", "user:test")],
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" \n", "prompt.text: is empty; say in it what the input is and what the output shall be"),
        (
            "my.md",
            "prompt.text: 'my.md' is the name of a file; for its content give prompt=file prompt.path=my.md",
        ),
    ],
)
def test_a_text_that_is_no_prompt_is_told(work, text, message):
    with pytest.raises(InputError) as error:
        Text(text, None, None, None).run(work)
    assert str(error.value) == message
