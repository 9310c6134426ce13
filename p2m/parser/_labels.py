"""The closed set that answers come from, where a prompt plainly lists one; else none.

A set that is wrong throws right answers away, and none costs little: where unsure there is none.
"""

import re
from collections.abc import Sequence
from itertools import islice

from p2m.errors import InputError, near
from p2m.parser._words import AND, BLANKS, COLON, LABEL, LABELS, OR
from p2m.text.same import LabelSet

LONGEST = 60  # characters; a longer item is a sentence and no label
MOST_HEADINGS = 50  # that announce labels; a prompt has one or two
LONGEST_LIST = 8000  # characters after a heading that are looked at
MOST_WORDS = 4  # of a label that stands in a line and without quotes
MOST_WORDS_OF_ITEM = 8  # ... and behind a bullet
_HEAD = re.compile(
    r"^(?:#{1,6}[ \t]+|\*\*|__)?(?:(?:the|possible|allowed|valid|output|available|die|les|las|los)"
    rf"[ \t]+){{0,3}}(?:(?P<several>{LABELS})|{LABEL})"
    rf"(?:\*\*|__)?(?:[ \t]+are(?={BLANKS}(?:\n|[\"'`“„«\[({{]))|(?:[ \t]+are)?{BLANKS}{COLON}"
    rf"|(?={BLANKS}(?:\n|\Z)))"
    rf"(?:\*\*|__)?{BLANKS}(?P<inline>[^\n]*)$",
    re.IGNORECASE | re.MULTILINE,
)
_LEAD_IN = re.compile(rf"\A\s*(?:[^\W\d][^\n]*{COLON}[ \t]*\n\s*)?")  # "Use one of these:"
_BULLET = r"(?:[-*+•–]|\d+[.)]|\(?[a-z]\))[ \t]"
_ENTRY = re.compile(rf"^([ \t]*){_BULLET}+(.+)$", re.MULTILINE)
_AFTER_ENTRIES = re.compile(rf"^(?!{_BULLET})\S", re.MULTILINE)
_AFTER_LINES = re.compile(r"\n[ \t]*\n|^#", re.MULTILINE)
# a line that says what a label looks like, not which there are
_DESCRIBES = re.compile(
    r"\b(?:words?|letters?|characters?|(?:lower|upper)?-?case|separated?|etc|each|any|one|per line"
    r"|at most|up to|commas?|punctuation|integers?|sentences?|phrases?|below|above|following"
    r"|use|write|give|must|should|shall|please|only|such as)\b"
    r"|e\.g\.|\.\.\.|…|[{<]|[.!?]\s|[。！？]"
    r"|^(?:the|this|that|which|its?|der|das|eine?|une?|una)\s",
    re.IGNORECASE,
)
_LISTS_SOME = re.compile(
    r"such as|\blike\b|e\.g\.|for (?:example|instance)|including|z\. ?B\.|par exemple|por ejemplo",
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
_QUOTED = re.compile(r"[\"'`“„«]([^\"'`“”„«»\n]{1,60})[\"'`”“»](?!\w)")
_QUOTED_LIST = re.compile(
    rf"{_QUOTED.pattern}(?:\s?+[,/|;、，]?\s?+(?:{OR}|{AND})?\s?+{_QUOTED.pattern})++",
    re.IGNORECASE,
)
_MARKS = ",;|、，；｜"
_STROKE = re.compile(r"[ \t]+/[ \t]+|(?<![Nn])/(?![Aa]\b)")  # no part of N/A
_BRACKETS = re.compile(r"^[\[({](.*)[\])}]$")
_REMARK = re.compile(r"[ \t]*\([^()\n]*\)")
_AFTER_NAME = re.compile(r"[:：](?:\s|$)|\s[-–—=]+>?\s|\s\(")
# one line for a list that is broken at a comma, or before or after its last "or"
_BREAK = re.compile(
    rf"(?:(?<=[{_MARKS}/])|(?<=[ \t]or)|(?<=[ \t]and))[ \t]*\n(?=[ \t]*(?:[^\W\d]|[\"'`“„«]))"
    rf"|\n(?=[ \t]*(?:{OR}|{AND})[ \t]+\S)"
)
_LAST = re.compile(rf"^(?:{OR}|{AND})[ \t]+")
_OR = re.compile(rf"[ \t]+{OR}[ \t]+|または|或者?|および|以及")
_AND = re.compile(rf"[ \t]+{AND}[ \t]+")
_BLANKS = re.compile(r"(?<=\S)[^\S\n]+")
_NO_WORD = re.compile(r"\W+")


def labels_in(instruction: str, outputs: Sequence[str]) -> tuple[str, ...]:
    """Labels listed under a heading; else those of an enumeration that the outputs bear out.

    outputs: of the demonstrations.
    Raises InputError where some of them keep to the list and another does not.
    """
    text = _BREAK.sub(" ", _BLANKS.sub(" ", instruction))
    labels = _under_heading(text, outputs)
    if not labels and len(set(outputs)) > 1:  # one answer says nothing about a set
        labels = _in_sentence(text, outputs)
    labels = check_labels(labels, outputs, surely=False)
    return () if _allows_more(text, labels) else labels


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
            labels = _unique(_below(text[head.end() : head.end() + LONGEST_LIST], outputs))
            if labels:
                return labels
        elif head["several"]:
            inline_sets.add(_unique(_items(inline, outputs)))
    return inline_sets.pop() if len(inline_sets) == 1 else ()


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """The names, each once, if they make a set."""
    labels = tuple(dict.fromkeys(filter(None, names)))
    if len(labels) < 2 or any(len(label) > LONGEST for label in labels):
        return ()
    return labels


def _below(text: str, outputs: Sequence[str]) -> list[str]:
    """The names in the list that *text* begins with: items, or a line each, or all in one line."""
    text = _LEAD_IN.sub("", text)
    entries = _ENTRY.findall(_AFTER_ENTRIES.split(text, maxsplit=1)[0])
    if entries:
        names = [_name(entry) for _, entry in entries]
        has_parts = len({indent for indent, _ in entries}) > 1
        return [] if has_parts else _keep_plain(names, outputs, MOST_WORDS_OF_ITEM)
    lines = _AFTER_LINES.split(text, maxsplit=1)[0].strip().split("\n")
    if len(lines) == 1:
        return _items(lines[0], outputs)
    return _keep_plain([_name(line.rstrip(_MARKS)) for line in lines], outputs, MOST_WORDS)


def _keep_plain(names: list[str], outputs: Sequence[str], most_words: int) -> list[str]:
    """The names, none where one of them looks like a rule; what outputs bear out is no rule."""
    if set(names) <= set(outputs):
        return names
    if any(len(name.split()) > most_words or _DESCRIBES.search(name) for name in names):
        return []
    return names


def _name(entry: str) -> str:
    """`**billing**: charges and invoices` is the label billing."""
    name = _AFTER_NAME.split(entry.strip().replace("**", ""), maxsplit=1)[0].strip()
    if name.count(".") == 1:  # a sentence's end; not U.S.
        name = name.rstrip(".")
    return name.strip("`\"'“”„«»。 ")


def _items(line: str, outputs: Sequence[str]) -> list[str]:
    """The items of a list on one line, none where it is not plain that they are labels."""
    line = _BRACKETS.sub(r"\1", line.strip().rstrip(".。 "))
    if _QUOTED_LIST.fullmatch(line):
        return _QUOTED.findall(line)
    return _keep_plain(_split(line, outputs), outputs, MOST_WORDS)


def _split(line: str, outputs: Sequence[str]) -> list[str]:
    """Its items by the mark that parts them, or else by a stroke."""
    line = _REMARK.sub("", line)
    marks = set(line) & set(_MARKS)
    items = re.split(rf"[ \t]*[{_MARKS}][ \t]*", line) if marks else _STROKE.split(line)
    if len(marks) > 1 and any(" " in item for item in items):
        return []  # "news, politics; weather": what parts them?
    last = _split_last(items.pop(), outputs)
    return [_name(item) for item in items + last] if last else []


def _split_last(item: str, outputs: Sequence[str]) -> list[str]:
    """`or X` is X, `X or Y` and `X and Y` are two; empty where a name may hold the word."""
    last = _LAST.sub("", item)
    if last in outputs or last != item:
        return [last]
    parts = _OR.split(item)
    if len(parts) == 1:
        parts = _AND.split(item)
        if len(parts) > 1 and any(" " in part and part not in outputs for part in parts):
            return []
    return parts


def _in_sentence(text: str, outputs: Sequence[str]) -> tuple[str, ...]:
    """Names in a sentence, the outputs among them: "... as good, bad or neutral"."""
    for sentence in _SENTENCE_END.split(text):
        if _LISTS_SOME.search(sentence):
            continue
        lists = [_QUOTED.findall(listed[0]) for listed in _QUOTED_LIST.finditer(sentence)]
        for part in (re.split(COLON, sentence)[-1], sentence):
            first, *others = _split(part.strip().rstrip(".!?。"), outputs) or [""]
            lists.append([_last_words(first, outputs), *others])
        for names in lists:
            is_short = all(len(name.split()) <= MOST_WORDS for name in names)
            if is_short and set(outputs) <= set(names):
                return _unique(names)
    return ()


def _last_words(phrase: str, outputs: Sequence[str]) -> str:
    """The output that the phrase ends with, else its last word."""
    for output in outputs:
        if f" {phrase}".endswith(f" {output}"):
            return output
    return phrase.rpartition(" ")[2]
