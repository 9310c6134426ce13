"""A task specification from its parts, or an error that says why they make none."""

import re
from dataclasses import replace

from p2m.artifacts import Example, Prompt, TaskSpec
from p2m.errors import InputError
from p2m.parser._labels import check_labels, labels_in
from p2m.text.language import CODE, UNKNOWN, common_language
from p2m.text.same import LabelSet, contradiction, normalize_space

Placed = tuple[str, Example]  # where it stands, for messages; the demonstration


def make_task(
    instruction: str,
    placed: list[Placed],
    prompt: Prompt,
    likely_labels: tuple[str, ...] | None = None,
    languages: tuple[str, str] = (UNKNOWN, UNKNOWN),
    doubts: tuple[str, ...] = (),
) -> TaskSpec:
    """The task of *prompt*, with the demonstrations that it holds as data.

    likely_labels: those that the prompt seems to list; None to look for them.
    languages: of inputs and outputs, where somebody said; taken where none is plain.
    doubts: what may have been misread, as said to the user.
    Raises InputError where there is no instruction, or where demonstrations contradict each other.
    """
    if not re.search(r"\w", instruction):
        raise InputError(
            "prompt: has no instruction: nothing stands beside its demonstrations; say what the"
            " input is and what the output shall be, for example under a heading '## Instruction'"
        )
    demonstrations = _merge(placed, prompt)
    outputs = [d.output.strip() for d in demonstrations]
    if prompt.labels:
        labels = check_labels(prompt.labels, outputs, surely=True)
    elif likely_labels is None:
        labels = labels_in(instruction, outputs)
    else:
        labels = check_labels(likely_labels, outputs, surely=False)
    if len(prompt.labels) > len(labels):
        doubts += ("labels are no closed set here, as outputs of the demonstrations hold several",)
    known = LabelSet(labels)
    demonstrations = [replace(d, output=known.find(d.output) or d.output) for d in demonstrations]
    input_language = _language([d.input for d in demonstrations], languages[0])
    output_language = UNKNOWN if labels else _language(outputs, languages[1])
    return TaskSpec(instruction, demonstrations, labels, input_language, output_language, doubts)


def _language(texts: list[str], stated: str) -> str:
    guess = common_language(texts)
    is_code = re.fullmatch(f"[a-z]{{2}}|{CODE}", stated)
    return stated if guess == UNKNOWN and is_code else guess


def _merge(placed: list[Placed], prompt: Prompt) -> list[Example]:
    """The demonstrations, each input once; those of the text before those given as data."""
    for i, example in enumerate(prompt.demonstrations, 1):
        placed.append((f"demonstration {i} of the file beside it", example))
    fault = contradiction((place, example.input, example.output) for place, example in placed)
    if fault:
        raise InputError(f"prompt: {fault}")
    demonstrations: dict[str, Example] = {}
    for _, example in placed:
        demonstrations.setdefault(normalize_space(example.input), example)
    return list(demonstrations.values())
