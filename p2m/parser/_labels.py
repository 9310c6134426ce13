"""The closed set that answers come from, where a prompt plainly lists one; else none.

A set that is wrong throws right answers away, and none costs little: where unsure there is none.
"""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice, takewhile

from p2m.errors import InputError, near
from p2m.parser._words import AND, BLANKS, COLON, LABEL, LABELS, OR
from p2m.text.same import LabelSet, normalize_space

LONGEST = 60  # characters; a longer item is a sentence and no label
MOST_HEADINGS = 50  # that announce labels; a prompt has one or two
LONGEST_LIST = 8000  # characters after a heading that are looked at
MOST_WORDS = 5  # of a label that stands in a line and without quotes
_HEAD = re.compile(
    r"^(?:#{1,6}[ \t]+|\*\*|__)?(?:(?:the|possible|allowed|valid|output|available|die|les|las|los)"
    rf"[ \t]+){{0,3}}(?:(?P<several>{LABELS})|{LABEL})"
    rf"(?:\*\*|__)?(?P<mark>[ \t]+are[ \t]*{COLON}|[ \t]+are\b|{BLANKS}{COLON}|(?={BLANKS}(?:\n|\Z)))"
    rf"(?:\*\*|__)?{BLANKS}(?P<inline>[^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_ENTRY = re.compile(r"^([ \t]*)(?:[-*+•–]|\d+[.)]|\(?[a-z]\))[ \t]+(.+)$")
# a line that says what a label looks like, not which there are
_DESCRIBES = re.compile(
    r"\b(?:words?|letters?|characters?|(?:lower|upper)?-?case|separated?|etc|each|any|one|per line"
    r"|at most|up to|commas?|punctuation|integers?|sentences?|phrases?|below|above|following"
    r"|use|write|give|must|should|shall|please|only)\b"
    r"|\.\.\.|…|[{<]",
    re.IGNORECASE,
)
_ARTICLE = re.compile(
    r"(?:^|[,;])[ \t]*(?:the|an?|this|that|which|its?|der|das|ein|eine|un|une|una)[ \t]",
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
# a further answer that the list may lack: "If unsure, answer unknown"
_ELSE = re.compile(
    r"\b(?:if|when|where|unless|otherwise|else|(?:un|not )sure|unclear|in doubt|wenn|falls|sonst"
    r"|ansonsten|sinon|si|sino|altrimenti)\b",
    re.IGNORECASE,
)
_COMMANDS = re.compile(
    r"(?:^(?:[-*][ \t]+)?|[,:;][ \t]*|\b(?:then|otherwise|else|please|sonst|sinon)[ \t]+)"
    r"(?:answer|use|write|say|output|return|respond|reply|label|mark|choose|put|give|pick|antworte"
    r"|schreibe?|nimm|réponds|écris|responde|escribe|rispondi)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|(?<=。)|\n")
_QUOTED = re.compile(r"([\"'`“„«])([^\"'`“”„«»\n]{1,60})[\"'`”“»](?!\w)")
_BETWEEN = re.compile(rf"\s?[,/|;、，]?\s?(?:{OR}|{AND})?\s?", re.IGNORECASE)
_SEPARATOR = re.compile(rf"[ \t]*(?:[,/|;、，][ \t]*(?:{OR}[ \t]+)?|[ \t]{OR}[ \t])[ \t]*")
_MARKS = ",;|、，；｜"
_GOES_ON = re.compile(rf"[{_MARKS}/][ \t]*$|\b(?:{OR}|{AND})[ \t]*$")
_FOLLOWS = re.compile(rf"[ \t]*(?:{OR}|{AND})[ \t]+\S")
_SEVERAL_SENTENCES = re.compile(r"[.!?]\s|[。！？]")
_BLANKS = re.compile(r"(?<=\S)[^\S\n]+")
_NO_WORD = re.compile(r"\W+")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")


def labels_in(instruction: str, outputs: Sequence[str]) -> tuple[str, ...]:
    """Labels listed under a heading; else those of an enumeration that the outputs bear out.

    outputs: of the demonstrations.
    Raises InputError where some of them keep to the list and another does not.
    """
    instruction = _BLANKS.sub(" ", instruction)
    listed = _under_heading(instruction, outputs)
    if listed:
        labels = check_labels(listed, outputs, surely=False)
        return () if _allows_more(instruction, labels) else labels
    if len(set(outputs)) < 2:  # one answer says nothing about a set
        return ()
    for labels in _enumerations(instruction, outputs):
        if set(outputs) <= set(labels) and not _allows_more(instruction, labels):
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


def _allows_more(text: str, labels: tuple[str, ...]) -> bool:
    """Whether a sentence tells what to answer in some case, and names no label for it."""
    for sentence in _SENTENCE_END.split(text):
        if _ELSE.search(sentence) and _COMMANDS.search(sentence):
            words = _in_words(sentence)
            if not any(_in_words(label) in words for label in labels):
                return True
    return False


def _in_words(text: str) -> str:
    return f" {_NO_WORD.sub(' ', text.casefold()).strip()} "


def _under_heading(text: str, outputs: Sequence[str]) -> tuple[str, ...]:
    """The first set that a heading announces; none where inline lists differ, as in examples."""
    inline_sets = set()
    for head in islice(_HEAD.finditer(text), MOST_HEADINGS):
        inline = head["inline"].strip()
        if not inline:
            labels = _keep_sure(_below(text[head.end() : head.end() + LONGEST_LIST], outputs))
            if labels:
                return labels
        elif head["several"]:
            in_sentence = not re.search(COLON, head["mark"])
            names = _items(_whole_list(text, head), outputs)
            if in_sentence and not _quoted_list(inline) and not set(outputs) & set(names):
                names = []  # "Labels are assigned by experts, editors or readers"
            inline_sets.add(_keep_sure(names))
    return inline_sets.pop() if len(inline_sets) == 1 else ()


def _whole_list(text: str, head: re.Match[str]) -> str:
    """The list on the heading's line, with the lines that go on with it."""
    lines = [head["inline"].strip()]
    for line in text[head.end() + 1 : head.end() + LONGEST_LIST].split("\n"):
        if not line.strip() or not (_GOES_ON.search(lines[-1]) or _FOLLOWS.match(line)):
            break
        lines.append(line.strip())
    return " ".join(lines)


def _keep_sure(names: list[str]) -> tuple[str, ...]:
    """The names, each once, if they make a set."""
    labels = tuple({normalize_space(name): name for name in reversed(names) if name}.values())[::-1]
    if len(labels) < 2 or any(len(label) > LONGEST for label in labels):
        return ()
    return labels


def _below(text: str, outputs: Sequence[str]) -> list[str]:
    """The names in the list that *text* begins with: items, or a line each, or all in one line."""
    lines = text.strip("\n").split("\n")
    if re.search(rf"{COLON}[ \t]*$", lines[0]) and not _ENTRY.match(lines[0]):
        lines = "\n".join(lines[1:]).strip("\n").split("\n")  # "Use one of these:"
    entries = list(_entries(lines))
    if not entries:
        return _in_paragraph(lines, outputs)
    names = [_name(entry) for _, entry in entries]
    has_parts = len({indent for indent, _ in entries}) > 1
    if (has_parts or any(map(_is_rule, names))) and not set(outputs) & set(names):
        return []
    return names


def _is_rule(name: str) -> bool:
    return len(name.split()) > 8 or _DESCRIBES.search(name) is not None


def _in_paragraph(lines: list[str], outputs: Sequence[str]) -> list[str]:
    """Names in one line, or each in a line of its own."""
    paragraph = [line.strip() for line in takewhile(_is_of_paragraph, lines)]
    if len(paragraph) == 1:
        return _items(paragraph[0], outputs)
    if any(len(line.split()) > 3 or _DESCRIBES.search(line) for line in paragraph):
        return []
    return [_name(line.rstrip(_MARKS)) for line in paragraph]


def _is_of_paragraph(line: str) -> bool:
    return bool(line.strip()) and not line.startswith("#")


def _entries(lines: list[str]) -> Iterator[tuple[str, str]]:
    """(indentation, text) of the items of the list that *lines* begin with."""
    for line in lines:
        entry = _ENTRY.match(line)
        if entry:
            yield entry[1], entry[2]
        elif line.strip() and not line.startswith((" ", "\t")):
            return  # an indented line goes on with the item before


def _name(entry: str) -> str:
    """`**billing**: charges and invoices` is the label billing."""
    plain = entry.strip()
    quoted = re.match(r"([\"'`])([^\"'`\n]{1,60})\1(?=\s*(?:[:(=→–—-]|$))", plain)
    if quoted:
        return quoted[2].strip()
    plain = plain.replace("**", "")
    name = re.split(r"[:：](?:\s|$)|\s[-–—=]+>?\s|\s\(", plain, maxsplit=1)[0].strip()
    if name.count(".") == 1:  # a sentence's end; not U.S.
        name = name.rstrip(".")
    return name.strip("`\"'“”„«»。 ")


def _items(line: str, outputs: Sequence[str]) -> list[str]:
    """The items of a list on one line, none where it is not plain that they are labels."""
    line = line.strip()
    listed = _json_list(line) or _quoted_list(line)
    if listed:
        return listed
    bracketed = re.fullmatch(r"[\[({](.*)[\])}][.。]?", line)
    line = bracketed[1] if bracketed else line
    line = re.sub(r"[ \t]*\([^()\n]*\)", "", line).rstrip(". 。")
    names = _split_line(line, outputs)
    if names and set(names) <= set(outputs):
        return names
    if any(form.search(line) for form in (_DESCRIBES, _ARTICLE, _LISTS_SOME, _SEVERAL_SENTENCES)):
        return []
    if any(len(name.split()) > MOST_WORDS for name in names):
        return []
    return names


def _split_line(line: str, outputs: Sequence[str]) -> list[str]:
    marks = {mark for mark in line if mark in _MARKS}
    items = re.split(rf"[ \t]*[{_MARKS}][ \t]*", line)
    if not marks:  # a stroke may stand in a name, as in N/A, unless it is all that parts them
        items = re.split(r"[ \t]+/[ \t]+|(?<![Nn])/(?![Aa]\b)", line)
    if len(marks) > 1 and any(" " in item for item in items):
        return []  # "news, politics; weather": what parts them?
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


def _quoted_list(text: str) -> list[str]:
    """The items where the whole *text* is quoted words, in brackets or not."""
    text = text.strip().rstrip(".。").strip("[](){} ")
    runs = list(_quoted_runs(text))
    if len(runs) != 1 or len(runs[0]) < 2:
        return []
    rest = _QUOTED.sub("", text)
    return list(runs[0]) if re.fullmatch(rf"(?:[\s{_MARKS}/]|{OR}|{AND})*", rest) else []


def _split_last(item: str, outputs: Sequence[str]) -> list[str]:
    """`or X` is X, `X or Y` and `X and Y` are two; empty where a name may hold the word."""
    last = re.sub(rf"^(?:{OR}|{AND})[ \t]+", "", item)
    if last in outputs or last != item:
        return [last]
    parts = re.split(rf"[ \t]+{OR}[ \t]+", item)
    if len(parts) == 1 and _CJK.search(item):
        parts = re.split(r"または|或者?|および|以及", item)
    if len(parts) > 1:
        return parts
    parts = re.split(rf"[ \t]+{AND}[ \t]+", item)
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
