"""Signs that a text is no answer to what was asked: a refusal, an echo."""

import re
from collections.abc import Sequence

# characters; shorter texts recur by right, as when an answer repeats its input
ECHO_LEAST = 80
_REFUSAL = re.compile(
    r"\W*(?:I['’]?m sorry|I am sorry|sorry,"
    r"|I (?:can(?:no|['’])?t|am unable|am not able|won['’]t)|as an? (?:AI|language model))",
    re.I,
)


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
