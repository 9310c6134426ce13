"""Takes a prompt apart by its form: headings, pairs, blocks, tables.  Needs no teacher."""

import re
from dataclasses import dataclass
from typing import ClassVar

from p2m.artifacts import Example, Prompt, TaskSpec
from p2m.parser._pairs import Pair, line_of, pairs_in
from p2m.parser._task import task_of
from p2m.stages import Work

_EXAMPLES = r"example|demonstration|few[- ]shot|beispiel|exemple|ejemplo|esempi|例"
_LEAD_IN = re.compile(
    rf"(?:\A|\n[ \t]*\n)[^\n]*(?:{_EXAMPLES}|below|following|folgend|suivant)[^\n]*[:：][ \t]*\n\s*\Z",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    rf"^[ \t]*(?:\*\*)?(?:{_EXAMPLES})s?[ \t]*#?\d*[ \t]*[:：.)]?(?:\*\*)?[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$")
_OPENING = re.compile(
    r"(?:the )?(?:instructions?|task|task description|description|prompt|anweisung(?:en)?|aufgabe|consigne|tâche|instrucci[oó]n|指示|任务)",
    re.IGNORECASE,
)
_EMPTY_FENCE = re.compile(r"^[ \t]*(`{3,})[^\n]*\n\s*\1[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Sections:
    """Reads input="..." output="..." pairs, "Input:/Output:" blocks, JSON lines, tables, a list of labels; the rest is the instruction."""

    VERSION: ClassVar = 1

    def run(self, prompt: Prompt, work: Work) -> TaskSpec:
        text = prompt.text.replace("\r\n", "\n")
        pairs = pairs_in(text)
        placed = [
            (f"line {line_of(text, p.start)}", Example(p.input, p.output, "prompt"))
            for p in pairs
            if p.input
        ]
        placed += [
            (f"demonstration {i} of the file beside it", d)
            for i, d in enumerate(prompt.demonstrations, 1)
        ]
        return task_of(instruction_of(text, pairs), placed)


def instruction_of(text: str, pairs: list[Pair]) -> str:
    """*text* without its demonstrations, and without the headings and lead-ins that only announce them."""
    parts: list[str] = []
    at = 0
    for pair in pairs:
        part = text[at : pair.start]
        parts.append(
            part
            if not "".join(parts).strip() and not _LEAD_IN.sub("\n", part).strip()
            else _LEAD_IN.sub("\n", part)
        )
        at = pair.end
    rest = "".join([*parts, text[at:]])
    rest = _EMPTY_FENCE.sub("", _NUMBERED.sub("", rest) if pairs else rest)
    return re.sub(r"\n[ \t]*\n\s*\n", "\n\n", _without_empty_headings(rest)).strip()


def _without_empty_headings(text: str) -> str:
    """The bodies of the sections under their headings, less the document's title and the word that opens the instruction."""
    sections = _sections(text)
    filled = [(level, name, body) for level, name, body in sections if body.strip()]
    if not filled:  # "# Translate to French", and examples below
        return "\n\n".join(
            name
            for _, name, _ in sections
            if not _OPENING.fullmatch(name) and not re.search(_EXAMPLES, name, re.IGNORECASE)
        )
    kept = []
    for level, name, body in filled:
        plain = (
            not level
            or _OPENING.fullmatch(name.rstrip(":"))
            or (level == 1 and (level, name, body) == sections[0] and len(filled) > 1)
        )
        kept.append(body if plain else f"{'#' * level} {name}\n{body}")
    return "\n\n".join(part.strip("\n") for part in kept)


def _sections(text: str) -> list[tuple[int, str, str]]:
    """(level, heading, body) of each section; level 0 is what stands above the first heading.  # in a fence is no heading."""
    found: list[tuple[int, str, list[str]]] = [(0, "", [])]
    fenced = False
    for line in text.split("\n"):
        fenced ^= line.lstrip().startswith("```")
        heading = None if fenced else _HEADING.match(line)
        if heading:
            found.append((len(heading[1]), heading[2], []))
        else:
            found[-1][2].append(line)
    return [
        (level, name, "\n".join(body))
        for level, name, body in found
        if level or any(line.strip() for line in body)
    ]
