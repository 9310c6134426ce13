"""The closed set that answers come from, where a prompt plainly lists one; else none.

A set that is wrong throws right answers away, and none costs little: where unsure there is none.
"""

import json
import re
from collections.abc import Iterator, Sequence

from p2m.errors import InputError, near
from p2m.parser._words import BLANKS, COLON, LABEL, LABELS
from p2m.text.same import LabelSet

LONGEST = 60  # characters; a longer item is a sentence and no label
_HEAD = re.compile(
    r"^(?:#{1,6}[ \t]+|\*\*)?(?:(?:the|possible|allowed|valid|output|die|les)[ \t]+)*"
    rf"(?:(?P<several>{LABELS})|{LABEL})"
    rf"(?:\*\*)?(?:(?:[ \t]+are)?{BLANKS}{COLON}|[ \t]+are\b)?(?:\*\*)?{BLANKS}"
    r"(?P<inline>.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_ENTRY = re.compile(r"^[ \t]*(?:[-*+]|\d+[.)])[ \t]+(.+)$")
_OR = r"(?:or|oder|ou|o)"
_AND = r"(?:and|und|et|y)"
# a line that says what a label looks like, not which there are
_DESCRIBES = re.compile(
    r"\b(?:words?|letters?|characters?|case|separated|etc|each|any|one|per line|at most|up to)\b"
    r"|\.\.\.|…|[{<]",
    re.IGNORECASE,
)
_LISTS_SOME = re.compile(
    r"such as|\blike\b|e\.g\.|for (?:example|instance)|including|z\. ?B\.|par exemple|por ejemplo",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"one of|either|classif|label|categor|\bclass|choose|pick|whether|possible|answer|respond|reply"
    r"|output|klassifi|entweder|parmi|uno de",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"([\"'`“])([^\"'`“”\n]{1,60})[\"'`”](?!\w)")
_BETWEEN = re.compile(
    rf"[ \t]*(?:[,/|;]|{_OR}|{_AND})?[ \t]*(?:{_OR}|{_AND})?[ \t]*", re.IGNORECASE
)
_SEPARATOR = re.compile(rf"[ \t]*(?:[,/|;][ \t]*(?:{_OR}[ \t]+)?|[ \t]{_OR}[ \t])[ \t]*")


def labels_in(instruction: str, outputs: Sequence[str]) -> tuple[str, ...]:
    """Labels listed under a heading; else those of an enumeration that the outputs bear out.

    outputs: of the demonstrations.
    Raises InputError where some of them keep to the list and another does not.
    """
    listed = _under_heading(instruction, outputs)
    if listed:
        return check_labels(listed, outputs, surely=False)
    if len(set(outputs)) < 2:  # one answer says nothing about a set
        return ()
    for labels in _enumerations(instruction, outputs):
        if set(outputs) <= set(labels):
            return labels
    return ()


def check_labels(labels: tuple[str, ...], outputs: Sequence[str], surely: bool) -> tuple[str, ...]:
    """*labels* if every output is one; none if an answer may hold several.

    surely: the labels were given as such; else they may be about something else, and are if no
    output is one.  Raises InputError where an output is no label.
    """
    known = LabelSet(labels)
    strange = [output for output in outputs if known.find(output) is None]
    if not strange or not labels:
        return labels
    if all(_holds_several(output, known) for output in strange):
        return ()
    if len(strange) == len(outputs) and not surely:
        return ()
    raise InputError(
        f"prompt: a demonstration has the output '{strange[0]}', which is not one of the labels"
        f" {', '.join(labels)}{near(strange[0], labels)}"
    )


def _holds_several(output: str, labels: LabelSet) -> bool:
    parts = filter(None, re.split(r"\s*[,;|/+\n]\s*", output))
    return all(labels.find(part) is not None for part in parts)


def _under_heading(text: str, outputs: Sequence[str]) -> tuple[str, ...]:
    """The first set that a heading announces; none where inline lists differ, as in examples."""
    inline_sets = set()
    for head in _HEAD.finditer(text):
        inline = head["inline"].strip()
        if not inline:
            labels = _keep_sure([_name(entry) for entry in _entries(text[head.end() :])])
            if labels:
                return labels
        elif head["several"]:
            inline_sets.add(_keep_sure(_items(inline, outputs)))
    return inline_sets.pop() if len(inline_sets) == 1 else ()


def _keep_sure(names: list[str]) -> tuple[str, ...]:
    """The names, each once, if they make a set."""
    labels = tuple(dict.fromkeys(filter(None, names)))
    if len(labels) < 2 or any(len(label) > LONGEST for label in labels):
        return ()
    return labels


def _entries(text: str) -> Iterator[str]:
    """The items of the list that *text* begins with."""
    for line in text.strip("\n").split("\n"):
        entry = _ENTRY.match(line)
        if entry:
            yield entry[1]
        elif line.strip() and not line.startswith((" ", "\t")):
            return  # an indented line goes on with the item before


def _name(entry: str) -> str:
    """`**billing**: charges and invoices` is the label billing."""
    plain = entry.strip().replace("**", "")
    name = re.split(r":(?:\s|$)|\s[-–—]\s|\s\(", plain, maxsplit=1)[0].strip()
    if name.count(".") == 1:  # a sentence's end; not U.S.
        name = name.rstrip(".")
    return name.strip("`\"'“” ")


def _items(line: str, outputs: Sequence[str]) -> list[str]:
    """The items of a list on one line, none where it is not plain that they are labels."""
    listed = _json_list(line)
    if listed:
        return listed
    if _DESCRIBES.search(line) or _LISTS_SOME.search(line):
        return []
    items = re.split(r"[ \t]*[,;|/][ \t]*", line.strip("[]. 。"))
    last = _split_last(items.pop(), outputs)
    return [_name(item) for item in items + last] if last else []


def _json_list(text: str) -> list[str]:
    """The texts of a JSON list, none if *text* is no such list."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        return []
    return values


def _split_last(item: str, outputs: Sequence[str]) -> list[str]:
    """`or X` is X, `X or Y` and `X and Y` are two; empty where a name may hold the word."""
    item = re.sub(rf"^(?:{_OR}|{_AND})[ \t]+", "", item)
    if item in outputs:
        return [item]
    parts = re.split(rf"[ \t]+{_OR}[ \t]+", item)
    if len(parts) > 1:
        return parts
    parts = re.split(rf"[ \t]+{_AND}[ \t]+", item)
    if len(parts) > 1 and any(" " in part and part not in outputs for part in parts):
        return []
    return parts


def _enumerations(text: str, outputs: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for sentence in re.split(r"(?<=[.!?。])\s+|\n", text):
        if _ASKS.search(sentence) and not _LISTS_SOME.search(sentence):
            yield from _quoted_runs(sentence)
            yield from _phrases(sentence, outputs)


def _quoted_runs(sentence: str) -> Iterator[tuple[str, ...]]:
    """Runs of quoted words: "yes", "no" or "unsure"."""
    run: list[str] = []
    end = 0
    for quoted in _QUOTED.finditer(sentence):
        if run and not _BETWEEN.fullmatch(sentence, end, quoted.start()):
            yield tuple(run)
            run = []
        run.append(quoted[2])
        end = quoted.end()
    yield tuple(run)


def _phrases(sentence: str, outputs: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Words after a colon, or a phrase's end: "... as positive, negative or neutral"."""
    for part in (sentence.rpartition(":")[2], sentence):
        items = [item.strip() for item in _SEPARATOR.split(part.strip().rstrip(".!?。"))]
        if len(items) < 2:
            continue
        names = tuple(dict.fromkeys([_last_words(items[0], outputs), *items[1:]]))
        if all(name and len(name.split()) <= 3 for name in names):
            yield names


def _last_words(phrase: str, outputs: Sequence[str]) -> str:
    """The output that the phrase ends with, else its last word."""
    for output in outputs:
        if phrase == output or phrase.endswith(f" {output}"):
            return output
    return phrase.rpartition(" ")[2]
