"""Demonstrations in a prompt's text, each with its place, in whatever form they are written."""

from p2m.parser._arrows import find_arrows
from p2m.parser._blocks import find_blocks
from p2m.parser._json import find_json
from p2m.parser._pair import Pair, fault_at
from p2m.parser._quoted import find_quoted
from p2m.parser._tables import find_tables
from p2m.parser._tags import find_tags

# the surest first
FORMS = (find_quoted, find_json, find_tags, find_tables, find_blocks, find_arrows)


def pairs_in(text: str) -> list[Pair]:
    """Every demonstration in the order of the text.

    Raises InputError with the line of what looks like one and cannot be read.
    """
    pairs: list[Pair] = []
    taken = bytearray(len(text))  # 1 where a surer form has a pair
    for find in FORMS:
        for pair in find(text):
            if taken.find(1, pair.start, pair.end) < 0:
                taken[pair.start : pair.end] = b"\1" * (pair.end - pair.start)
                pairs.append(pair)
    pairs.sort(key=lambda pair: pair.start)
    for pair in pairs:
        if pair.is_slot:
            continue
        for side, value in (("input", pair.input), ("output", pair.output)):
            if not value.strip():
                raise fault_at(text, pair.start, f"a demonstration has an empty {side}")
    return pairs
