"""Clock times as people write them, alone or with a part of the day, and the reading of such a
text."""

import random
import re
from functools import lru_cache

from experiments.dates.grammar.calendar import clock
from experiments.dates.grammar.words import words

_PART_HOURS = {
    "morning": (7, 8, 8, 9, 9, 9, 10, 10, 11, 6, 5, 4),
    "afternoon": (1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 6, 12),
    "evening": (5, 6, 6, 7, 7, 7, 8, 8, 8, 9, 9, 10, 11),
    "night": (7, 8, 8, 9, 9, 9, 10, 10, 10, 11, 11),
}  # as read on a twelve-hour face
_MINUTES = (15, 30, 30, 30, 45, 45, 10, 20, 40, 50, 5, 25, 35, 55)
_AMPM_HOURS = (
    *range(6, 13),
    *range(7, 12),
    *range(13, 23),
    *range(13, 21),
    13,
    14,
    15,
    16,
    17,
    18,
    19,
    5,
    4,
    3,
    2,
    1,
    23,
)
_BY_PAST = {
    5: ("five past", "5 past"),
    10: ("ten past", "10 past"),
    15: ("quarter past", "quarter past", "a quarter past"),
    20: ("twenty past", "20 past"),
    25: ("twenty-five past",),
    30: ("half past",) * 3,
}
_BY_TO = {
    35: ("25 to",),
    40: ("twenty to", "20 to"),
    45: ("quarter to", "quarter to", "a quarter to"),
    50: ("ten to", "10 to"),
    55: ("five to", "5 to"),
}


def _minute(rng: random.Random, whole: float) -> int:
    return (
        0
        if rng.random() < whole
        else rng.choice(_MINUTES)
        if rng.random() < 0.75
        else rng.randrange(60)
    )


def ampm_forms(hour: int, minute: int) -> tuple[str, ...]:
    """Ways to write a time with am or pm, the commonest first."""
    face, half = (hour - 1) % 12 + 1, "pm" if hour >= 12 else "am"
    if not minute:
        dots = f"{half[0]}.m."
        return (
            f"{face}{half}",
            f"{face} {half}",
            f"{face} {dots}",
            f"{words(face)} {half}",
            f"{face}:00 {half}",
            f"{face}:00{half}",
            f"{face}{half[0]}",
        )
    return (
        f"{face}:{minute:02}{half}",
        f"{face}:{minute:02} {half}",
        f"{face}.{minute:02}{half}",
        f"{face}:{minute:02} {half[0]}.m.",
    )


def figure_forms(hour: int, minute: int) -> tuple[str, ...]:
    """Ways to write a time with a colon or an h."""
    plain = f"{hour}:{minute:02}"
    padded = (f"{hour:02}:{minute:02}",) * 2 if hour < 10 else ()
    return (
        plain,
        plain,
        plain,
        plain,
        *padded,
        f"{hour}h{minute:02}" if minute else f"{hour}h",
        f"{plain}h",
        f"{hour:02}{minute:02} hrs",
        f"{hour:02}{minute:02}h",
    )


def spoken_forms(hour: int, minute: int) -> tuple[str, ...]:
    """Half past three, quarter to four, three o'clock, three thirty; empty where nobody says it
    so."""
    if not minute:
        return (f"{hour} o'clock", f"{words(hour)} o'clock", f"{hour} oclock", f"{hour} o clock")
    past = [
        f"{phrase} {form}" for phrase in _BY_PAST.get(minute, ()) for form in (hour, words(hour))
    ]
    following = hour % 12 + 1
    to = [
        f"{phrase} {form}"
        for phrase in _BY_TO.get(minute, ())
        for form in (following, words(following))
    ]
    told = [f"{words(hour)} {words(minute)}"] if minute >= 10 else []
    return tuple(past + to + told)


def draw(rng: random.Random, part: str = "") -> tuple[str, str, bool]:
    """(text, HH:MM, firm): a time whose text is read with *part* of the day; firm if it needs no
    "at" before it."""
    if part:
        return _draw_in(rng, part)
    kind = rng.random()
    if kind < 0.41:
        hour, minute = rng.choice(_AMPM_HOURS), _minute(rng, 0.62)
        return _skewed(rng, ampm_forms(hour, minute)), _at(hour, minute), True
    if kind < 0.66:
        hour, minute = (
            rng.randint(6, 22) if rng.random() < 0.8 else rng.randrange(24),
            _minute(rng, 0.3),
        )
        return _skewed(rng, figure_forms(hour, minute)), _at(hour, minute), True
    if kind < 0.78:
        hour = rng.randint(1, 12) if rng.random() < 0.75 else rng.randint(13, 22)
        return (str(hour) if rng.random() < 0.7 else words(hour)), _at(hour, 0), False
    if kind < 0.9:
        hour, minute = (
            rng.randint(1, 11),
            rng.choice((0, 0, 0, 0, 30, 30, 30, 15, 15, 45, 45, 10, 50, 20, 40)),
        )  # 12:45 is "quarter to one"
        return rng.choice(spoken_forms(hour, minute)), _at(hour, minute), True
    return (
        ("noon" if rng.random() < 0.8 else rng.choice(("midday", "12 noon", "high noon"))),
        "12:00",
        True,
    )


def _draw_in(rng: random.Random, part: str) -> tuple[str, str, bool]:
    hour, minute = rng.choice(_PART_HOURS[part]), _minute(rng, 0.6)
    found = clock(hour, minute, part)
    assert found is not None
    kind = rng.random()
    if kind < 0.5:
        plain = (
            (str(hour), str(hour), words(hour))[rng.randrange(3)]
            if not minute
            else f"{hour}:{minute:02}"
        )
        return plain, found, bool(minute)
    real = int(found[:2])
    if kind < 0.72:
        return _skewed(rng, ampm_forms(real, minute)), found, True
    spoken = spoken_forms(hour, minute)
    if kind < 0.87 and spoken:
        return rng.choice(spoken), found, True
    return f"{real}:{minute:02}", found, True


def _skewed(rng: random.Random, forms: tuple[str, ...]) -> str:
    return forms[int(len(forms) * rng.random() ** 1.6)]


def _at(hour: int, minute: int) -> str:
    return f"{hour:02}:{minute:02}"


@lru_cache(maxsize=1)
def _readings() -> dict[str, tuple[int, int, bool]]:
    """Every text above to hour, minute and whether am or pm is settled."""
    found: dict[str, tuple[int, int, bool]] = dict.fromkeys(
        ("noon", "midday", "12 noon", "high noon"), (12, 0, True)
    )
    for hour in range(24):
        found |= {str(hour): (hour, 0, False), words(hour): (hour, 0, False)}
        for minute in range(60):
            for text in (
                *figure_forms(hour, minute),
                *(spoken_forms(hour, minute) if 0 < hour < 13 else ()),
            ):
                found.setdefault(text, (hour, minute, False))
            for text in ampm_forms(hour, minute):
                found[text] = (hour, minute, True)
    return found


def read(text: str, part: str = "") -> str | None:
    """HH:MM of a clock time in lower case, read with *part* of the day; None if it is none."""
    found = _readings().get(re.sub(r"^(at|@|around|about|by|circa) ?", "", text.strip()))
    return clock(found[0], found[1], "" if found[2] else part) if found else None
