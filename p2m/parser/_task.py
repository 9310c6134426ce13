"""A task specification from its parts, or an error that says why they make none."""

import re
from collections.abc import Iterable

from p2m.artifacts import Example, TaskSpec
from p2m.errors import InputError
from p2m.parser._labels import agreeing, labels_in
from p2m.text.language import CODE, UNKNOWN, common_language
from p2m.text.same import contradiction, normalize_space

Placed = tuple[str, Example]  # where it stands, for messages; the demonstration


def task_of(
    instruction: str,
    placed: Iterable[Placed],
    labels: tuple[str, ...] | None = None,
    languages: tuple[str, str] = (UNKNOWN, UNKNOWN),
) -> TaskSpec:
    """labels: known ones, or None to look for them.  languages: of inputs and outputs, where somebody said; taken where none is plain.

    Raises InputError where there is no instruction, or where demonstrations contradict each other.
    """
    if not re.search(r"\w", instruction):
        raise InputError(
            "prompt: has no instruction: nothing stands beside its demonstrations; say what the input is and what the output shall be, for"
            " example under a heading '## Instruction'"
        )
    demonstrations = _agreeing(placed)
    labels = (
        labels_in(instruction, demonstrations)
        if labels is None
        else agreeing(labels, [d.output for d in demonstrations])
    )
    source = _language([d.input for d in demonstrations], languages[0])
    output = UNKNOWN if labels else _language([d.output for d in demonstrations], languages[1])
    return TaskSpec(instruction, demonstrations, labels, source, output)


def _language(texts: list[str], said: str) -> str:
    guess = common_language(texts)
    return guess if guess != UNKNOWN or not re.fullmatch(f"[a-z]{{2}}|{CODE}", said) else said


def _agreeing(placed: Iterable[Placed]) -> list[Example]:
    """The demonstrations, each input once."""
    every = list(placed)
    if said := contradiction((place, example.input, example.output) for place, example in every):
        raise InputError(f"prompt: {said}")
    kept: dict[str, Example] = {}
    for _, example in every:
        kept.setdefault(normalize_space(example.input), example)
    return list(kept.values())
