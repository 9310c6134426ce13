"""Takes a prompt apart by its form: headings, pairs, blocks, tables.  Needs no teacher."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from p2m.artifacts import Example, Prompt, TaskSpec
from p2m.parser._pair import Pair, line_of
from p2m.parser._words import COLON, EXAMPLE, INSTRUCTION, OUTER, RULE, SERIAL
from p2m.stages import Work

# a paragraph of one line at the end, which announces what follows
_LEAD_IN = re.compile(
    rf"(?:\A|^[ \t]*\n)[^\n]{{0,200}}(?:{EXAMPLE}|below|following|folgend|suivant|siguiente)"
    rf"[^\n]{{0,200}}{COLON}[ \t]*\n\s*+\Z",
    re.IGNORECASE | re.MULTILINE,
)
# what parts, numbers and encloses pairs
_AROUND = re.compile(
    rf"^(?:{RULE}|{SERIAL}|[ \t]*+(?:\(?\d{{1,3}}[.)]|#\d{{1,3}})[ \t]*)$"
    rf"|^(?:[ \t]*</?{OUTER}[^>\n]{{0,40}}>)+[ \t]*\n?",
    re.IGNORECASE | re.MULTILINE,
)
_EMPTY_FENCE = re.compile(r"^[ \t]*(`{3,}+)[^\n]*\n\s*+\1[ \t]*$", re.MULTILINE)
# a heading; # in a fence is none
_HEADING = re.compile(
    r"^[ \t]*```[\s\S]*?(?:^[ \t]*```|\Z)|^(?P<mark>#{1,6})[ \t]+(?P<name>.+?)[ \t]*#*[ \t]*$",
    re.MULTILINE,
)
_OPENING = re.compile(f"{INSTRUCTION}:?", re.IGNORECASE)
_ANNOUNCES = re.compile(f"{INSTRUCTION}:?|.*(?:{EXAMPLE}).*", re.IGNORECASE)


@dataclass(frozen=True)
class Sections:
    """Reads pairs, blocks, JSON, tags, tables and arrows as demonstrations, and a list of labels.

    The rest is the instruction.
    """

    VERSION: ClassVar = 5
    USES: ClassVar = {"prompt": ("text", "demonstrations", "labels")}

    def run(self, prompt: Prompt, work: Work) -> TaskSpec:
        # here: their patterns take 0.1 s to compile, which a run whose task is kept need not wait
        # for
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
        instruction = find_instruction(text, pairs)
        return make_task(instruction, placed, prompt, doubts=doubts_in(text, pairs))


def find_instruction(text: str, pairs: list[Pair]) -> str:
    """*text* without its demonstrations, and without what only announces them."""
    if not pairs:
        return _drop_empty_headings(text)
    rest = ""
    at = 0
    for pair in pairs:
        part = _AROUND.sub("", text[at : pair.start])
        without = _LEAD_IN.sub("\n", part)
        # a lead-in with nothing else before it is the instruction: "Translate as in the following:"
        rest += without if rest.strip() or without.strip() else part
        at = pair.end
    return _drop_empty_headings(rest + _AROUND.sub("", text[at:]))


def _drop_empty_headings(text: str) -> str:
    """The sections that say something, under their headings.

    Less the headings of the document's title and of the instruction.
    """
    sections = list(_sections(_EMPTY_FENCE.sub("", text)))
    filled = [section for section in sections if section.body.strip()]
    if filled:
        has_title = filled[0].mark == "#" and len(filled) > 1
        parts = [filled[0].body if has_title else filled[0].whole()]
        parts += [section.whole() for section in filled[1:]]
    else:  # "# Translate to French", and examples below
        parts = [section.name for section in sections if not _ANNOUNCES.fullmatch(section.name)]
    text = "\n\n".join(part.strip("\n") for part in parts)
    return re.sub(r"\n[ \t]*\n\s*\n", "\n\n", text).strip()


@dataclass(frozen=True)
class _Section:
    """mark and name: of its heading, both empty for what stands above the first one."""

    mark: str
    name: str
    body: str

    def whole(self) -> str:
        if not self.mark or _OPENING.fullmatch(self.name):
            return self.body
        return f"{self.mark} {self.name}{self.body}"


def _sections(text: str) -> Iterator[_Section]:
    headings = [found for found in _HEADING.finditer(text) if found["mark"]]
    ends = [*(heading.start() for heading in headings), len(text)]
    yield _Section("", "", text[: ends[0]])
    for heading, end in zip(headings, ends[1:], strict=True):
        yield _Section(heading["mark"], heading["name"], text[heading.end() : end])
