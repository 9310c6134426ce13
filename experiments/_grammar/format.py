"""The ways in which a large model breaks the format that it was asked for."""

import json
import random
from collections.abc import Callable

Break = Callable[[random.Random, str], str]


def prose(rng: random.Random, text: str) -> str:
    before = rng.choice(
        (
            "Sure! Here are the examples you asked for:",
            "Of course. I tried to vary them:",
            "Here you go:",
        )
    )
    after = rng.choice(
        (
            "Let me know if you need more.",
            "I hope this helps!",
            "Each of them follows the instruction.",
        )
    )
    return f"{before}\n\n{text}\n\n{after}"


def fences(rng: random.Random, text: str) -> str:
    return (
        f"```{rng.choice(('json', '', 'JSON'))}\n"
        f"{json.dumps(json.loads(text), ensure_ascii=False, indent=2)}\n```"
    )


def single_quotes(rng: random.Random, text: str) -> str:
    return repr(json.loads(text))


def trailing_comma(rng: random.Random, text: str) -> str:
    return text.removesuffix("]}") + ",]}"


def truncated(rng: random.Random, text: str) -> str:
    """Cut off in its second half, as at the end of max_tokens."""
    return text[: rng.randint(len(text) // 2, len(text) - 2)]


def plain_lines(rng: random.Random, text: str) -> str:
    return "\n".join(
        f"Input: {example['input']} Output: {example['output']}"
        for example in json.loads(text)["examples"]
    )


BREAKS: tuple[Break, ...] = (prose, fences, single_quotes, trailing_comma, truncated, plain_lines)


def broken(rng: random.Random, text: str) -> str:
    """*text*, a JSON object with `examples`, in one of the ways above."""
    return rng.choice(BREAKS)(rng, text)
