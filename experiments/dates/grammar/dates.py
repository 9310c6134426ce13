"""The dates grammar: draws an example, spoils an answer, and reads back what its own wordings
mean."""

import random
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache

from experiments._grammar.style import cased, sharpened, slip, weighted
from experiments.dates.grammar import clock as clocks
from experiments.dates.grammar.fillers import head, mark, tail
from experiments.dates.grammar.none import FEASTS, KINDS, NOTHING, WRITERS
from experiments.dates.grammar.rules import COUNTED, RULES, Rule, Values
from experiments.dates.grammar.words import FEASTS as FIXED
from experiments.dates.grammar.words import MONTHS, SLOTS, WEEKDAYS, filled

NONE, TODAY = "N/A", "+0d"
_DAY = re.compile(r"[+-]\d+d|\d{4}-\d\d-\d\d")
NONE_SHARE = 0.145
FEASTLY = 0.1  # of the reference dates: about a feast of a fixed day
TIME_ONLY_SHARE = 0.055  # of what has an answer: a clock time without a day
FIRST, LAST = date(2010, 1, 1).toordinal(), date(2035, 12, 31).toordinal()
_PARTS = ("morning", "morning", "afternoon", "afternoon", "evening", "evening", "night")
_ABBREVIATED = "|".join(
    [*(name[:3] for name in (*WEEKDAYS, *MONTHS)), "tues", "weds", "thurs", "thur", "sept"]
)
_NAMES = re.compile(
    rf"\b(?:{'|'.join((*WEEKDAYS, *MONTHS))}|(?:{_ABBREVIATED})(?![a-z])|christmas|xmas|hallo"
    rf"ween|valentine|easter|new year)"
)
_TIMED = weighted(
    "{d} at {t}^9; {d}, at {t}; {d} @ {t}; at {t} {d}^2; {d} around {t}; {d} by {t}; at {t} on {d}"
)  # for "9", which needs its "at"
_TIMED_FIRM = weighted(
    "{d} at {t}^9; {d} {t}^9; {d}, {t}^3; {t} {d}^5; {t}, {d}; {d} - {t}; {d} @ {t}; {d} "
    "@{t}; at {t} {d};"
    " {t} on {d}^3; at {t} on {d}; {d}, at {t}; {d} by {t}; {d} ({t})"
)
_PARTED = weighted(
    "{d} {p}^9; {d} in the {p}^2; {d} ({p}); {p} of {d}; in the {p} of {d}; {d} late "
    "{p}^0.3; {d} early {p}^0.3"
)
_PARTED_TIMED = weighted(
    "{d} {p} at {t}^7; {d} {p} {t}^2; {d} at {t} in the {p}^6; {d} {t} in the {p}^2; {t} in "
    "the {p} on {d};"
    " at {t} {d} {p}^2; {t} {d} {p}^3; {d} in the {p} at {t}^2; {d} {p}, {t}; {d}, {t} in the {p}"
)
_TODAY_TIMED = weighted(
    "{d} at {t}^9; {t} {d}^4; {d} {t}^2; at {t} {d}^3; {d}, {t}; {d} @ {t}; by {t} {d}"
)
_ALONE = weighted(
    "at {t}^7; by {t}^2; {t}^0.01; @ {t}; around {t}; until {t}; about {t}; at about {t}; "
    "till {t}; @{t}; at around {t}"
)
_ALONE_FIRM = weighted(
    "{t}^9; at {t}^7; by {t}^2; @ {t}; around {t}^2; until {t}; about {t}; at about {t}; "
    "till {t}; at exactly {t}; for {t}"
)
_ALONE_PARTED = weighted(
    "{t} in the {p}^6; at {t} in the {p}^5; in the {p} at {t}^2; by {t} in the {p}"
)
_LEADS = {
    "on": (("on", "on", "on", "by", "by", "for", "until", "around"), 0.24),
    "in": (
        (
            "in",
            "in",
            "in",
            "in",
            "by",
            "sometime in",
            "some time in",
            "during",
            "around",
            "until",
            "for",
        ),
        0.3,
    ),
    "": (("by", "by", "by", "until", "due", "around", "for"), 0.06),
}  # words before an expression without a time, and how often one stands there
_IMPOSSIBLE = re.compile(  # 25:00, 9:75, the 32nd; 9-11am, may 3 - 5
    rf"\b(?:2[5-9]|[3-9]\d):\d\d|\d:[6-9]\d|\b(?:3[2-9]|[4-9]\d)(?:st|nd|rd|th)\b"
    rf"|\d(?: ?[ap]m)? ?- ?\d{{1,2}}(?::\d\d)? ?[ap]m|\d:\d\d ?- "
    rf"?\d|\b(?:{'|'.join(MONTHS)}) \d+ ?- ?\d+$"
)


def example(rng: random.Random, spread: float) -> tuple[str, str]:
    """An input and its answer.  spread: 0 for the commonest wordings, 1 for all in their due
    frequency."""
    today = date.fromordinal(rng.randint(FIRST, LAST))
    if rng.random() < FEASTLY:
        month, day = divmod(rng.choice(tuple(FIXED)), 100)
        about = today.replace(month=month, day=day).toordinal() + rng.randint(-4, 4)
        today = date.fromordinal(min(max(about, FIRST), LAST))
    text, answer = expression(rng, today, spread)
    return f"[{today} {today:%a}] {_dressed(rng, text, spread)}", answer


def expression(rng: random.Random, today: date, spread: float) -> tuple[str, str]:
    """An expression without its reference date and before typing spoils it."""
    if rng.random() < NONE_SHARE:
        return _none(rng, today, spread), NONE
    if rng.random() < TIME_ONLY_SHARE:
        return _time_only(rng)
    rule = rng.choices(RULES, cum_weights=_sharp_rules(_level(spread)))[0]
    text, values = _wording(rng, today, rule, spread)
    plain, answer = text, _answered(today, rule, values)
    if _DAY.fullmatch(answer) and rng.random() < rule.timed:
        text, said = _timed(rng, rule, text, answer)
        return (
            f"on {text}"
            if rule.lead == "on" and text.startswith(plain) and rng.random() < 0.15
            else text
        ), said
    leads, often = _LEADS[rule.lead]
    return (f"{rng.choice(leads)} {text}" if rng.random() < often else text), answer


def wrong(rng: random.Random, input: str, output: str) -> str:  # noqa: A002 - the names of an example's fields
    """An answer that a careless reader might give: a week off, month and day swapped, noon
    missed."""
    guesses = [guess for guess in _misreadings(_reference(input), output) if guess != output]
    return rng.choice(guesses)


def solve(input: str) -> str:  # noqa: A002
    """The answer where the grammar can read the expression, else N/A."""
    today, text = _reference(input), re.sub(r"^\[.*?\]\s*", "", input).lower()
    if _IMPOSSIBLE.search(text):
        return NONE
    text = re.sub(r"[!?;]+|\.{2,}|,(?=\s|$)| - |(?<=[a-z]{4})\.", " ", text).strip()
    tokens = text.split()
    spans = sorted(
        ((i, j) for i in range(len(tokens)) for j in range(i + 1, len(tokens) + 1)),
        key=lambda span: span[0] - span[1],
    )
    for start, end in spans[:120]:
        span = " ".join(tokens[start:end])
        found = _read(today, span)
        if found or any(pattern.fullmatch(span) for pattern in _none_patterns()):
            return found or NONE
    return NONE


def _answered(today: date, rule: Rule, values: Values) -> str:
    found, unit = rule.solve(today, values), COUNTED.get(rule.kind)
    if unit and isinstance(found, date):
        months = 12 * (found.year - today.year) + found.month - today.month
        return (
            f"{ {'d': (found - today).days, 'm': months, 'y': found.year - today.year}[unit]:+d}"
            f"{unit}"
        )
    return str(found or NONE)


def _level(spread: float) -> float:
    return round(min(max(spread, 0.0), 2.0), 1)


@lru_cache(maxsize=32)
def _sharp_rules(level: float) -> list[float]:
    return sharpened([rule.weight for rule in RULES], level)


@lru_cache(maxsize=4096)
def _sharp(wordings: str, level: float) -> tuple[tuple[str, ...], list[float]]:
    forms, weights = weighted(wordings)
    return forms, sharpened(weights, level)


def _wording(
    rng: random.Random, today: date, rule: Rule, spread: float
) -> tuple[str, dict[str, int]]:
    forms, weights = _sharp(rule.wordings, _level(spread))
    return filled(rng, today, rng.choices(forms, cum_weights=weights)[0], spread)


def _none(rng: random.Random, today: date, spread: float) -> str:
    kinds = tuple(KINDS.values())
    kind = rng.choices(kinds, weights=[weight for weight, _ in kinds])[0]
    forms, weights = _sharp(kind[1], _level(spread))
    return filled(rng, today, rng.choices(forms, cum_weights=weights)[0], spread, WRITERS)[0]


def _time_only(rng: random.Random) -> tuple[str, str]:
    part = rng.choice(_PARTS[:6]) if rng.random() < 0.16 else ""
    text, found, firm = clocks.draw(rng, part)
    if part and not text.endswith(("am", "pm", "m.")):
        return _laid(rng, _ALONE_PARTED, "", text, part), f"{TODAY}T{found}"
    return _laid(rng, _ALONE_FIRM if firm or part else _ALONE, "", text, ""), f"{TODAY}T{found}"


def _timed(rng: random.Random, rule: Rule, text: str, day: str) -> tuple[str, str]:
    """A day's text with a clock time, a part of the day, or both."""
    if rule.part:
        time, found, _ = clocks.draw(rng, rule.part)
        return _laid(rng, _TODAY_TIMED, text, time, rule.part), f"{day}T{found}"
    kind, part = rng.random(), rng.choice(_PARTS)
    if kind < 0.16:
        return _laid(rng, _PARTED, text, "", rng.choice((part, part, part, part, "lunchtime"))), day
    if kind < 0.38:
        time, found, _ = clocks.draw(rng, part)
        return _laid(rng, _PARTED_TIMED, text, time, part), f"{day}T{found}"
    time, found, firm = clocks.draw(rng)
    return _laid(rng, _TIMED_FIRM if firm else _TIMED, text, time, ""), f"{day}T{found}"


def _laid(
    rng: random.Random,
    layouts: tuple[tuple[str, ...], tuple[float, ...]],
    day: str,
    time: str,
    part: str,
) -> str:
    text = rng.choices(*layouts)[0].replace("{d}", day).replace("{t}", time).replace("{p}", part)
    return text.replace("in the night", "at night")


def _dressed(rng: random.Random, text: str, spread: float) -> str:
    """With words around it, a mark, capitals, a slip of the finger: each more often the larger the
    spread."""
    ease = min(spread, 1.0) * 0.75 + 0.25
    if rng.random() < 0.2 * ease:
        text = f"{head(rng)} {text}"
    if rng.random() < 0.08 * ease:
        text = f"{text}{rng.choice(('', '', '', ','))} {tail(rng)}"
    if rng.random() < 0.06 * ease:
        text = text.rstrip(".") + mark(rng)
    if rng.random() < 0.08 * ease:
        text = slip(rng, text, _NAMES)
    return cased(rng, text, _NAMES)


def _reference(input: str) -> date:  # noqa: A002
    found = re.search(r"\d{4}-\d\d-\d\d", input)
    try:
        return date.fromisoformat(found[0]) if found else date.fromordinal(LAST)
    except ValueError:
        return date.fromordinal(LAST)


def _misreadings(today: date, output: str) -> Iterator[str]:
    if counted := re.fullmatch(r"([+-]\d+)([dmy].*)", output):
        yield from (
            f"{int(counted[1]) + n:+d}{counted[2]}"
            for n in ((7, -7, 7, -7, 1, -1) if "d" in output else (1, -1))
        )
    elif re.fullmatch(r"\d{4}-\d\d-\d\d(T\d\d:\d\d)?", output):
        moment = datetime.fromisoformat(output)
        size = 16 if "T" in output else 10
        yield from ((moment + timedelta(days)).isoformat()[:size] for days in (7, -7, 7, -7, 1, -1))
        if moment.day <= 12:
            yield moment.replace(day=moment.month, month=moment.day).isoformat()[:size]
        if size == 16:
            yield (moment + timedelta(hours=12)).isoformat()[:16]
    elif re.fullmatch(r"\d{4}-\d\d", output):
        year, month = map(int, output.split("-"))
        yield from (
            f"{year + 1}-{month:02}",
            f"{year - 1}-{month:02}",
            f"{year}-{month % 12 + 1:02}",
        )
    elif re.fullmatch(r"\d{4}", output):
        yield from (str(int(output) + 1), str(int(output) - 1))
    yield from (str(today), str(today + timedelta(7)), NONE)


def _read(today: date, span: str) -> str | None:
    """What *span* means as a whole, with or without a time; None if no rule has such a wording."""
    found = _read_day(today, span)
    if found:
        return found
    alone = _read_time(span)
    if alone:
        return f"{TODAY}T{alone}"
    tokens = span.split()
    for i in range(1, len(tokens)):
        left, right = " ".join(tokens[:i]), " ".join(tokens[i:])
        for day_text, time_text in ((left, right), (right, left)):
            answer = _joined(
                today, re.sub(r"^(on|of) ", "", day_text), re.sub(r" on$", "", time_text)
            )
            if answer:
                return answer
    return None


def _joined(today: date, day_text: str, time_text: str) -> str | None:
    rest, part = _split_part(day_text)
    day = _read_day(today, rest)
    if not day or not _DAY.fullmatch(day):
        return None
    if re.fullmatch(
        r"\(?(in the |at )?(early |late )?(morning|afternoon|evening|night)\)?( of)?", time_text
    ):
        return day
    time = _read_time(time_text, part)
    return f"{day}T{time}" if time else None


def _split_part(text: str) -> tuple[str, str]:
    """A day's text without the part of the day that it ends in, and that part."""
    if text in ("tonight", "tonite", "this evening", "last night", "2nite"):
        return text, "night"
    found = re.fullmatch(r"(.+?) (?:in the |at )?(morning|afternoon|evening|night)", text)
    return (text if found[1] in ("this", "last") else found[1], found[2]) if found else (text, "")


def _read_time(text: str, part: str = "") -> str | None:
    text = re.sub(r"^\((.*)\)$", r"\1", text)
    found = re.fullmatch(
        r"(?:in the (\w+) )?(.+?)(?: (?:in the|at) (morning|afternoon|evening|night))?", text
    )
    if not found:
        return None
    bare_number = re.fullmatch(r"\d+|[a-z]+", found[2]) and found[2] not in ("noon", "midday")
    spoken = clocks.read(found[2], found[1] or found[3] or part)
    return (
        None
        if bare_number
        and not (part or found[1] or found[3])
        and not re.search(r"\d[ap]m", found[2])
        else spoken
    )


def _read_day(today: date, span: str) -> str | None:
    for rule, pattern, names in _readers():
        match = pattern.fullmatch(span)
        if match:
            values = {
                name: SLOTS[name].values.get(text)
                for name, text in zip(names, match.groups(), strict=True)
            }
            known = {name: value for name, value in values.items() if value is not None}
            if len(known) == len(values):
                return _answered(today, rule, known)
    return None


@lru_cache(maxsize=1)
def _readers() -> list[tuple[Rule, re.Pattern[str], list[str]]]:
    return [
        (rule, _pattern(wording, lead=rule.lead), re.findall(r"\{(\w+)\}", wording))
        for rule in RULES
        for wording in weighted(rule.wordings)[0]
    ]


@lru_cache(maxsize=1)
def _none_patterns() -> list[re.Pattern[str]]:
    """Wordings of the kinds of N/A that have words of their own, with a loose reading of most
    slots."""
    slots = {
        "feast": "|".join(FEASTS),
        "t": "[^ ]+(?: [ap]m)?",
        "day": ".+",
        "nothing": "|".join(map(re.escape, NOTHING)),
    } | dict.fromkeys(
        ("badmd", "badtime", "badslash", "baddot", "badiso", "bad", "badth", "occasion", "name"),
        "(?!)",
    )  # what cannot be a date is read as none anyway
    worded = [wording for _, wordings in KINDS.values() for wording in weighted(wordings)[0]]
    slots = {name: slot.pattern for name, slot in SLOTS.items()} | slots
    return [
        re.compile(
            "".join(
                f"(?:{slots.get(x, '[^ ]+')})" if i % 2 else re.escape(x)
                for i, x in enumerate(re.split(r"\{(\w+)\}", w))
            )
        )
        for w in worded
    ]


def _pattern(wording: str, lead: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", wording)
    body = "".join(
        f"({SLOTS[part].pattern})" if i % 2 else re.escape(part) for i, part in enumerate(parts)
    )
    return re.compile(
        {"on": "(?:on )?", "in": "(?:in |during |sometime in )?"}.get(lead, "") + body
    )
