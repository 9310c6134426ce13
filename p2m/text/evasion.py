"""Signs that a text is no answer to what was asked: a refusal, an echo, another script."""

import re
from collections.abc import Sequence

from p2m.text.scripts import distinct_scripts

# characters; shorter texts recur by right, as when an answer repeats its input
ECHO_LEAST = 80
# letters of a script that the prompts do not use, before a text's language is called wrong
STRANGE_LEAST = 12
_REFUSAL = re.compile(
    r"\W*(?:I['’]?m sorry|I am sorry|sorry,"
    r"|I (?:can(?:no|['’])?t|am unable|am not able|won['’]t)|as an? (?:AI|language model))",
    re.I,
)
_LETTERS = {name: re.compile(f"[{chars}]") for name, chars in distinct_scripts().items()}


def is_refusal(text: str) -> bool:
    """Whether it begins as refusals do."""
    return _REFUSAL.match(text) is not None


def find_echo(text: str, prompts: Sequence[str]) -> str | None:
    """A prompt in the answer, or the answer in a prompt, word for word."""
    answer = text.strip()
    for prompt in prompts:
        asked = prompt.strip()
        if len(asked) >= ECHO_LEAST and asked in answer:
            return "it repeats the prompt"
        if len(answer) >= ECHO_LEAST and answer in asked:
            return "it is a part of the prompt"
    return None


def find_strange_script(text: str, prompts: Sequence[str]) -> str | None:
    """The script that most of *text* is in, if the prompts have no letter of it."""
    if text.isascii():
        return None
    counts = {name: len(letters.findall(text)) for name, letters in _LETTERS.items()}
    script = max(counts, key=lambda name: counts[name])
    if counts[script] < STRANGE_LEAST or counts[script] * 2 <= sum(counts.values()):
        return None
    is_used = any(_LETTERS[script].search(prompt) for prompt in prompts)
    return None if is_used else script
