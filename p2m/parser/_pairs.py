"""Demonstrations in a prompt's text, each with its place, in whatever form they are written."""

from p2m.parser._blocks import find_blocks
from p2m.parser._json import find_json
from p2m.parser._pair import Pair, fault_at, overlaps
from p2m.parser._quoted import find_quoted
from p2m.parser._tables import find_tables

FORMS = (find_quoted, find_json, find_tables, find_blocks)  # the surest first


def pairs_in(text: str) -> list[Pair]:
    """Every demonstration in the order of the text.

    Raises InputError with the line of what looks like one and cannot be read.
    """
    pairs: list[Pair] = []
    for find in FORMS:
        pairs += [pair for pair in find(text) if not overlaps(pair, pairs)]
    pairs.sort(key=lambda pair: pair.start)
    for pair in pairs:
        if pair.is_slot:
            continue
        for side, value in (("input", pair.input), ("output", pair.output)):
            if not value.strip():
                raise fault_at(text, pair.start, f"a demonstration has an empty {side}")
    return pairs
