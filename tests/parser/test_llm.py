"""Prompts taken apart by a teacher, and what is believed of its answer."""

import json

import pytest

from p2m.artifacts import Example, Prompt
from p2m.errors import IncompleteError, InputError
from p2m.parser.llm import SCHEMA, Llm
from p2m.stages import Answer
from tests.doubles import ScriptedTeacher

TEXT = (
    "Please give me capitals. Like so: for France it is Paris; and for Peru, Lima. Never say "
    "more than the name."
)
GOOD = {
    "instruction": "Please give me capitals. Never say more than the name.",
    "demonstrations": [{"input": "France", "output": "Paris"}, {"input": "Peru", "output": "Lima"}],
    "labels": [],
    "input_language": "en",
    "output_language": "en",
}


def run(teacher, work, text=TEXT, demonstrations=()):
    return Llm(teacher, 0.0, 512, 3).run(Prompt(text, demonstrations), work)


def answers(*values):
    return lambda request, i: (
        values[i] if isinstance(values[i], str | Answer) else json.dumps(values[i])
    )


def test_the_parts_that_the_teacher_names_make_the_task(work):
    task = run(
        ScriptedTeacher(answers(GOOD)),
        work,
        demonstrations=[Example("Chad", "N'Djamena", "prompt")],
    )
    assert task.instruction == GOOD["instruction"]
    assert [(d.input, d.output) for d in task.demonstrations] == [
        ("France", "Paris"),
        ("Peru", "Lima"),
        ("Chad", "N'Djamena"),
    ]
    assert (task.labels, task.input_language, task.output_language) == ((), "en", "en")


def test_the_prompt_goes_to_the_teacher_as_data_between_lines_with_the_schema_of_a_task(work):
    teacher = ScriptedTeacher(answers(GOOD))
    run(teacher, work)
    request = teacher.requests[0]
    assert request.messages[1]["content"].endswith(f"\n=====\n{TEXT}\n=====")
    assert (
        request.schema,
        request.schema["title"],
        request.temperature,
        request.max_tokens,
        request.sample,
    ) == (
        SCHEMA,
        "task",
        0.0,
        512,
        0,
    )


def test_an_answer_in_a_fence_with_prose_around_is_read(work):
    assert (
        run(
            ScriptedTeacher(answers(f"Here it is:\n```json\n{json.dumps(GOOD)}\n```\nDone.")), work
        ).instruction
        == GOOD["instruction"]
    )


def test_labels_that_the_prompt_lists_are_taken_and_language_codes_only_in_their_form(work):
    text = "Sort it into hot or cold. 30 degrees is hot."
    value = {
        "instruction": "Sort it into hot or cold.",
        "demonstrations": [{"input": "30 degrees", "output": "hot"}],
        "labels": ["hot", "cold", "hot "],
    }
    task = run(
        ScriptedTeacher(answers(value | {"input_language": "English", "output_language": "en"})),
        work,
        text,
    )
    assert (task.labels, task.input_language, task.output_language) == (
        ("hot", "cold"),
        "und",
        "und",
    )


@pytest.mark.parametrize(
    "bad",
    [
        "I cannot do that.",
        {"instruction": "x"},
        GOOD | {"demonstrations": [{"input": "Spain", "output": "Madrid"}]},
        GOOD | {"labels": ["Rome"]},
        Answer(json.dumps(GOOD), "length", "k", 0.0, True),
    ],
)
def test_after_an_answer_that_cannot_be_used_it_is_asked_again(work, bad):
    teacher = ScriptedTeacher(answers(bad, GOOD))
    assert run(teacher, work).instruction == GOOD["instruction"]
    assert [request.sample for request in teacher.requests] == [0, 1]


def test_after_the_last_try_it_says_what_was_wrong_and_what_to_do(work):
    invented = GOOD | {"demonstrations": [{"input": "Spain", "output": "Madrid"}]}
    teacher = ScriptedTeacher(
        answers(invented, Answer("", "refusal", "k", 0.0, True), invented | {"labels": "x"})
    )
    with pytest.raises(IncompleteError) as error:
        run(teacher, work)
    assert str(error.value) == (
        "parser: the teacher did not take the prompt apart in 3 tries (the demonstration "
        "'Spain' does not stand in the prompt;"
        ' the answer was refusal; answer.labels must be array, got "x"); use '
        "parser=sections, which needs no teacher, or raise parser.tries"
    )


def test_a_prompt_in_which_the_teacher_finds_no_instruction_is_told(work):
    with pytest.raises(
        InputError, match=r"^prompt: has no instruction: nothing stands beside its demonstrations"
    ):
        run(ScriptedTeacher(answers(GOOD | {"instruction": " "})), work)


def test_demonstrations_that_contradict_each_other_are_told(work):
    with pytest.raises(InputError) as error:
        run(
            ScriptedTeacher(answers(GOOD)),
            work,
            demonstrations=[Example("Peru", "Cusco", "prompt")],
        )
    assert str(error.value) == (
        "prompt: demonstration 1 of the file beside it contradicts demonstration 2: the "
        "input 'Peru' has the outputs 'Lima' and 'Cusco';"
        " keep the right one"
    )
