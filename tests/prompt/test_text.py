"""Prompts on the command line."""

import pytest

from p2m import components
from p2m.artifacts import Example, Prompt
from p2m.errors import InputError
from p2m.prompt.text import Text

NOTHING = dict.fromkeys(("train", "valid", "test", "columns", "data", "recording"))


def text(text, **more):
    return Text(text, **NOTHING | more)


def test_the_text_is_the_prompt(work):
    assert text("Say yes.").run(work) == Prompt("Say yes.", (), (), (), ())


def test_a_users_sets_come_with_it(tmp_path, work):
    path = tmp_path / "t.csv"
    path.write_text("input,output\na,b\n")
    prompt = text("Say b.", train=path, test=path).run(work)
    assert (list(prompt.train), list(prompt.valid), list(prompt.test)) == (
        [Example("a", "b", "user:train")],
        [],
        [Example("a", "b", "user:test")],
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (" \n", "prompt.text: is empty; say in it what the input is and what the output shall be"),
        (
            "my.md",
            (
                "prompt.text: 'my.md' is the name of a file; for its content give prompt=file "
                "prompt.path=my.md"
            ),
        ),
    ],
)
def test_a_text_that_is_no_prompt_is_told(work, words, message):
    with pytest.raises(InputError) as error:
        text(words).run(work)
    assert str(error.value) == message


def test_data_and_recording_are_for_other_stages_and_do_not_decide_the_prompt(tmp_path):
    node = {"_target_": "p2m.prompt.text.Text", "text": "Say yes."} | NOTHING
    assert components.identity(node) == components.identity(
        node | {"data": tmp_path, "recording": tmp_path}
    )
    retriever = {"_target_": "p2m.retriever.bm25.BM25"}
    assert components.identity(retriever | {"folder": None}) != components.identity(
        retriever | {"folder": tmp_path}
    )
