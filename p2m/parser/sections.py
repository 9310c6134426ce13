"""Takes a prompt apart by its form: headings, pairs, blocks, tables.  Needs no teacher."""

import re
import unicodedata
from dataclasses import dataclass, field
from typing import ClassVar

from p2m.artifacts import Example, Prompt, TaskSpec
from p2m.parser._pair import Pair, line_of
from p2m.parser._words import EXAMPLE, INSTRUCTION, RULE, SERIAL
from p2m.stages import Work

_LEADS_IN = re.compile(f"{EXAMPLE}|below|following|folgend|suivant|siguiente", re.IGNORECASE)
_NUMBERED = re.compile(
    rf"^(?:{SERIAL}|[ \t]*+(?:\(?\d{{1,3}}[.)]|#\d{{1,3}})[ \t]*)$", re.IGNORECASE | re.MULTILINE
)
_RULES = re.compile(rf"^{RULE}$", re.MULTILINE)
_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$")
_OPENING = re.compile(INSTRUCTION, re.IGNORECASE)
_EMPTY_FENCE = re.compile(r"^[ \t]*(`{3,}+)[^\n]*\n\s*+\1[ \t]*$", re.MULTILINE)
_LAST_RULE = re.compile(rf"\A\s*+{RULE}$", re.MULTILINE)
_OUTER_TAG = re.compile(
    rf"^[ \t]*</?(?:{EXAMPLE}|sample)[^>\n]{{0,40}}>[ \t]*\n?", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True)
class Sections:
    """Reads pairs, blocks, JSON, tags, tables and arrows as demonstrations, and a list of labels.

    The rest is the instruction.
    """

    VERSION: ClassVar = 3
    USES: ClassVar = {"prompt": ("text", "demonstrations", "labels")}

    def run(self, prompt: Prompt, work: Work) -> TaskSpec:
        # here: their patterns take 0.1 s to compile, which a run whose task is kept need not wait for
        from p2m.parser._doubts import doubts_in
        from p2m.parser._pairs import pairs_in
        from p2m.parser._task import make_task

        # composed: a Mac's é is two characters, which no heading word knows
        text = unicodedata.normalize("NFC", prompt.text.replace("\r\n", "\n"))
        pairs = pairs_in(text)
        placed = []
        for pair in pairs:
            if not pair.is_slot:
                place = f"line {line_of(text, pair.start)}"
                placed.append((place, Example(pair.input, pair.output, "prompt")))
        for i, example in enumerate(prompt.demonstrations, 1):
            placed.append((f"demonstration {i} of the file beside it", example))
        instruction = find_instruction(text, pairs)
        return make_task(instruction, placed, prompt.labels, doubts=doubts_in(text, pairs))


def find_instruction(text: str, pairs: list[Pair]) -> str:
    """*text* without its demonstrations, and without what only announces them."""
    rest = ""
    at = 0
    for pair in pairs:
        part = _RULES.sub("", text[at : pair.start])
        without = _drop_lead_in(part)
        # a lead-in with nothing else before it is the instruction: "Translate as in the following:"
        rest += without if rest.strip() or without.strip() else part
        at = pair.end
    rest += _LAST_RULE.sub("", text[at:]) if pairs else text
    if pairs:
        rest = _OUTER_TAG.sub("", _NUMBERED.sub("", rest))
    rest = _drop_empty_headings(_EMPTY_FENCE.sub("", rest))
    return re.sub(r"\n[ \t]*\n\s*\n", "\n\n", rest).strip()


def _drop_lead_in(part: str) -> str:
    """*part* without the paragraph of one line that ends it and announces what follows."""
    lines = part.rstrip().split("\n")
    is_lead = lines[-1].rstrip().endswith((":", "：")) and _LEADS_IN.search(lines[-1])
    if (
        not is_lead
        or (len(lines) > 1 and lines[-2].strip())
        or "\n" not in part[len(part.rstrip()) :]
    ):
        return part
    return "\n".join(lines[:-1]) + "\n"


@dataclass
class _Section:
    """level: 0 for what stands above the first heading."""

    level: int
    name: str
    lines: list[str] = field(default_factory=list)

    @property
    def body(self) -> str:
        return "\n".join(self.lines)

    @property
    def text(self) -> str:
        if self.level == 0 or self.is_instruction:
            return self.body
        return f"{'#' * self.level} {self.name}\n{self.body}"

    @property
    def is_instruction(self) -> bool:
        return bool(_OPENING.fullmatch(self.name.rstrip(":")))


def _drop_empty_headings(text: str) -> str:
    """The sections that say something, under their headings.

    Less the headings of the document's title and of the instruction.
    """
    sections = _sections(text)
    filled = [section for section in sections if section.body.strip()]
    if not filled:  # "# Translate to French", and examples below
        return "\n\n".join(section.name for section in sections if not _announces(section))
    if sections[0].level == 1 and len(filled) > 1:
        sections[0].level = 0  # the document's title
    return "\n\n".join(section.text.strip("\n") for section in filled)


def _announces(section: _Section) -> bool:
    return section.is_instruction or bool(re.search(EXAMPLE, section.name, re.IGNORECASE))


def _sections(text: str) -> list[_Section]:
    """Those of *text*; # in a fence is no heading."""
    sections = [_Section(0, "")]
    fenced = False
    for line in text.split("\n"):
        fenced ^= line.lstrip().startswith("```")
        heading = None if fenced else _HEADING.match(line)
        if heading:
            sections.append(_Section(len(heading[1]), heading[2]))
        else:
            sections[-1].lines.append(line)
    return sections if sections[0].body.strip() else sections[1:]
