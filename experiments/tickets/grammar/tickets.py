"""The tickets grammar: composes messages whose label follows from the rules of the prompt."""

import math
import random
import re
from functools import lru_cache

from experiments._grammar.style import cased, listed, slip
from experiments.tickets.grammar.lexicon import CLOSERS, OPENERS, word
from experiments.tickets.grammar.phrases import ASKS
from experiments.tickets.grammar.tales import DENIED, TALES

PRIORITY = (
    "refund",
    "cancellation",
    "login",
    "shipping",
    "billing",
    "bug",
    "how_to",
    "feature_request",
)  # the first of these wins
LABELS = (
    "billing",
    "refund",
    "shipping",
    "login",
    "cancellation",
    "bug",
    "how_to",
    "feature_request",
    "other",
)
_NEIGHBOURS = {
    "billing": ("refund", "how_to"),
    "refund": ("shipping", "billing", "cancellation"),
    "shipping": ("refund", "other"),
    "login": ("bug", "how_to"),
    "cancellation": ("refund", "billing"),
    "bug": ("login", "feature_request"),
    "how_to": ("feature_request", "other"),
    "feature_request": ("how_to", "bug"),
    "other": ("how_to", "feature_request"),
}  # what a hasty reader takes it for
_GROUP = re.compile(r"\(([^()]*)\)")
_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(
    r"\ban? (?=([a-z]))"
)  # no word of the lexicon starts with a silent h; those with u are said with a y
_NAMES = re.compile(
    r"\b(?:i|i'm|i've|i'd|i'll|monday|tuesday|wednesday|thursday|friday|saturday|sunday|march"
    r"|june|october)\b"
)
_SHORTHAND = tuple(
    tuple(pair.split("="))
    for pair in listed(
        "please=pls; you=u; your=ur; because=bc; i'm=im; don't=dont; can't=cant; "
        "doesn't=doesnt; thanks=thx; are=r; won't=wont; "
        "password=pw; isn't=isnt; hasn't=hasnt; what's=whats; and=&; haven't=havent; "
        "it's=its; account=acc"
    )
)
_FORGIVEN = (
    "",
    "",
    "",
    "fyi ",
    "no hard feelings but ",
    "not angry, just saying: ",
    "for the record: ",
)


def example(rng: random.Random, spread: float) -> tuple[str, str]:
    """A message and its label, all labels equally likely.  spread: 0 for plain messages, 1 for all
    the ways to say it."""
    label = rng.choice(LABELS)
    text, label = _body(rng, label, spread)
    return _dressed(rng, text, spread), label


def wrong(rng: random.Random, input: str, output: str) -> str:  # noqa: A002 - the names of an example's fields
    """The label of a neighbouring team."""
    return rng.choice(_NEIGHBOURS.get(output, LABELS[:2]))


def _body(rng: random.Random, label: str, spread: float) -> tuple[str, str]:
    kind = rng.random()
    if kind > 0.3 * min(1.0, spread) or label == "other":
        return _sentence(rng, label), label
    if kind < 0.08 and any(PRIORITY.index(name) > PRIORITY.index(label) for name in TALES):
        return (
            (
                f"{_tale_before(rng, label)}"
                f"{rng.choice(('. ', ', ', '. ', ' - ', '! ', ' so ', ' and '))}"
                f"{_ask(rng, label)}"
            ),
            label,
        )
    if kind < 0.12 and label in PRIORITY:
        return _two_asks(rng, label)
    if kind < 0.19:
        return _denying(rng, label), label
    if kind < 0.24 and label in TALES:
        tale = _render(rng, _line(rng, TALES[label]))
        end = _render(rng, _line(rng, TALES[label])) if label == "bug" else _ask(rng, label)
        return f"{tale}. {end}", label
    return f"{rng.choice(_FORGIVEN)}{_sentence(rng, label)}", label


def _sentence(rng: random.Random, label: str) -> str:
    """One thought: an ask, or what happened where that says enough."""
    told = {"bug": 0.93, "shipping": 0.4, "billing": 0.28, "login": 0.15, "refund": 0.12}.get(
        label, 0.0
    )
    return _render(rng, _line(rng, TALES[label])) if rng.random() < told else _ask(rng, label)


def _ask(rng: random.Random, label: str) -> str:
    return _render(rng, _line(rng, ASKS[label]))


def _tale_before(rng: random.Random, label: str) -> str:
    """A story that leads to an ask.  Its own label stands lower, so that whoever takes it for a
    request comes to the same answer."""
    lower = [name for name in TALES if PRIORITY.index(name) > PRIORITY.index(label)]
    return _render(rng, _line(rng, TALES[rng.choice(lower)]))


def _two_asks(rng: random.Random, label: str) -> tuple[str, str]:
    other = rng.choice([name for name in PRIORITY if name != label])
    joint = rng.choice(
        (" and ", ". also ", ", and ", ". and ", "? and ", ". oh and ", ". another thing: ", "; ")
    )
    return f"{_ask(rng, label)}{joint}{_ask(rng, other)}", min(label, other, key=PRIORITY.index)


def _denying(rng: random.Random, label: str) -> str:
    denied = rng.choice(
        rng.choice([things for name, things in DENIED.items() if name != label]).split("|")
    )
    no = rng.choice(
        (
            "i don't want {}",
            "i dont need {}",
            "no, i don't want {}",
            "i'm not asking for {}",
            "this is not about {}",
            "i did not ask for {}",
            "i do not want {}",
        )
    )
    if denied.startswith("to "):
        no = rng.choice(
            (
                "i don't want {}",
                "i'm not asking {}",
                "i do not want {}",
                "i never asked {}",
                "i'm not going {}",
            )
        )
    link = rng.choice((", ", ". ", ", just ", ". ", ", only this: ", " - "))
    said = no.format(denied)
    return (
        f"{said}{link}{_sentence(rng, label)}"
        if rng.random() < 0.8
        else f"{_sentence(rng, label)}. {said}"
    )


@lru_cache(maxsize=64)
def _lines(block: str) -> tuple[list[str], list[float]]:
    """The templates of a block, weighted by how much they can say."""
    lines = [line for line in block.split("\n") if line]
    return lines, [1 + math.log(1 + line.count("|")) for line in lines]


def _line(rng: random.Random, block: str) -> str:
    return rng.choices(*_lines(block))[0]


def _render(rng: random.Random, template: str) -> str:
    while "(" in template:
        filled = _GROUP.sub(lambda match: rng.choice(match[1].split("|")), template)
        if filled == template:
            break
        template = filled
    text = " ".join(
        _SLOT.sub(lambda match: word(rng, match[1]), template).replace(" ,", ",").split()
    )
    return _ARTICLE.sub(lambda match: "an " if match[1] in "aeio" else "a ", text)


def _dressed(rng: random.Random, text: str, spread: float) -> str:
    ease = min(spread, 1.0) * 0.75 + 0.25
    if rng.random() < 0.16 * ease:
        text = (
            f"{_render(rng, rng.choice(OPENERS))}{rng.choice((', ', ' ', '! ', '. ', ': '))}{text}"
        )
    if rng.random() < 0.2 * ease:
        text = (
            f"{text}{rng.choice((', ', '. ', ' ', '! ', '.. '))}{_render(rng, rng.choice(CLOSERS))}"
        )
    if rng.random() < 0.2 * ease:
        for long, short in rng.sample(_SHORTHAND, 8):
            text = re.sub(rf"\b{long}\b", short, text)
    for _ in range(rng.choices((0, 1, 2), (88, 9, 3))[0] if rng.random() < ease else 0):
        text = slip(rng, text)
    if rng.random() < 0.5:
        text += (
            rng.choices((".", "!", "?", "...", "!!", "??", "?!"), (60, 14, 12, 5, 4, 3, 2))[0]
            if text[-1] not in ".!?:)("
            else ""
        )
    if rng.random() < 0.45:  # written with care: a capital after each stop
        named = _NAMES.sub(lambda match: match[0].capitalize(), text)
        return re.sub(r"(^|[.!?] )([a-z])", lambda match: match[1] + match[2].upper(), named)
    return cased(rng, text, _NAMES)
