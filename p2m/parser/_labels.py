"""The closed set that answers come from, where a prompt plainly lists one."""

import re
from collections.abc import Iterator, Sequence

from p2m.artifacts import Example
from p2m.errors import InputError, near

LONGEST = 60  # characters; a longer item is a sentence and no label
_HEAD = re.compile(
    r"^(?:#{1,6}[ \t]+|\*\*)?(?:(?:the|possible|allowed|valid|output|die|les)[ \t]+)*"
    r"(?:labels?|categor(?:y|ies)|classes|kategorien?|étiquettes|catégories|etiquetas)"
    r"(?:[ \t]+are)?(?:\*\*)?[ \t]*:?(?:\*\*)?[ \t]*(.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_ENTRY = re.compile(r"^[ \t]*(?:[-*+]|\d+[.)])[ \t]+(.+)$")
_ASKS = re.compile(
    r"one of|either|classif|label|categor|\bclass|choose|pick|whether|possible|answer|respond|reply|output|klassifi|entweder|parmi|uno de",
    re.IGNORECASE,
)
_LISTS_SOME = re.compile(
    r"such as|\blike\b|e\.g\.|for (?:example|instance)|including|z\. ?B\.|par exemple|por ejemplo",
    re.IGNORECASE,
)
_MARKED = re.compile(r"([\"'`“])([^\"'`“”\n]{1,60})[\"'`”](?!\w)")
_BETWEEN = re.compile(
    r"[ \t]*(?:[,/|;]|or|and|oder|und|ou|et|o|y)?[ \t]*(?:or|and|oder|und|ou|et|o|y)?[ \t]*",
    re.IGNORECASE,
)
_OR = re.compile(
    r"[ \t]*(?:[,/|;][ \t]*(?:(?:or|oder|ou|o)[ \t]+)?|[ \t](?:or|oder|ou|o)[ \t])[ \t]*"
)


def labels_in(instruction: str, demonstrations: Sequence[Example]) -> tuple[str, ...]:
    """Labels listed under a heading; else those of an enumeration that the demonstrations bear out; else none.

    Raises InputError where some demonstrations keep to the list and another does not.
    """
    outputs = list(dict.fromkeys(d.output.strip() for d in demonstrations))
    if listed := _listed(instruction):
        return agreeing(listed, outputs)
    if len(outputs) < 2:  # one answer says nothing about a set
        return ()
    return next(
        (items for items in _enumerations(instruction, outputs) if set(outputs) <= set(items)), ()
    )


def _listed(text: str) -> tuple[str, ...]:
    for head in _HEAD.finditer(text):
        items = re.split(r"[,;|]", head[1]) if head[1] else list(_entries(text[head.end() :]))
        names = tuple(dict.fromkeys(name for item in items if (name := _name(item))))
        if len(names) >= 2 and all(len(name) <= LONGEST for name in names):
            return names
    return ()


def _entries(text: str) -> Iterator[str]:
    """The items of the list that *text* begins with."""
    for line in text.strip("\n").split("\n"):
        entry = _ENTRY.match(line)
        if entry:
            yield entry[1]
        elif line.strip() and not line.startswith(
            (" ", "\t")
        ):  # an indented line goes on with the item before
            return


def _name(item: str) -> str:
    """`**billing**: charges and invoices` is the label billing."""
    plain = re.split(r":(?:\s|$)|\s[-–—]\s|\s\(", item.strip().replace("**", ""), maxsplit=1)[0]
    return plain.strip().rstrip(".").strip("`\"'“” ")


def agreeing(labels: tuple[str, ...], outputs: list[str]) -> tuple[str, ...]:
    """*labels* if every output is one; none if they are about something else, or an answer may hold several.

    Raises InputError where some outputs are labels and another is not.
    """
    strange = [o for o in outputs if o not in labels]
    if not strange or not labels:
        return labels
    if len(strange) == len(outputs) or all(
        set(filter(None, re.split(r"\s*[,;|/+\n]\s*", o))) <= set(labels) for o in strange
    ):
        return ()
    raise InputError(
        f"prompt: a demonstration has the output '{strange[0]}', which is not one of the labels"
        f" {', '.join(labels)}{near(strange[0], labels)}"
    )


def _enumerations(text: str, outputs: list[str]) -> Iterator[tuple[str, ...]]:
    for sentence in re.split(r"(?<=[.!?。])\s+|\n", text):
        if _ASKS.search(sentence) and not _LISTS_SOME.search(sentence):
            yield from _marked(sentence)
            yield from _plain(sentence, outputs)


def _marked(sentence: str) -> Iterator[tuple[str, ...]]:
    """Runs of quoted words: "yes", "no" or "unsure"."""
    run: list[str] = []
    end = 0
    for mark in _MARKED.finditer(sentence):
        if run and not _BETWEEN.fullmatch(sentence[end : mark.start()]):
            yield tuple(run)
            run = []
        run.append(mark[2])
        end = mark.end()
    yield tuple(run)


def _plain(sentence: str, outputs: list[str]) -> Iterator[tuple[str, ...]]:
    """Words after a colon, or the end of a phrase: "... as positive, negative or neutral"."""
    for part in (sentence.rpartition(":")[2], sentence):
        items = [item.strip() for item in _OR.split(part.strip().rstrip(".!?。"))]
        if len(items) < 2:
            continue
        first = next(
            (o for o in outputs if items[0].endswith(f" {o}") or items[0] == o),
            items[0].split()[-1] if items[0] else "",
        )
        names = tuple(dict.fromkeys([first, *items[1:]]))
        if all(name and len(name.split()) <= 3 for name in names):
            yield names
