"""Slots of the dates grammar: how weekdays, months, numbers and years are written, and how often
which value occurs."""

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, cached_property

from experiments.dates.grammar.calendar import exact

Draw = Callable[[random.Random, date], int]
Write = Callable[[random.Random, date], str]


@dataclass(frozen=True)
class Slot:
    """forms: value to its spellings, the commonest first.  pattern: what a spelling looks like in
    lower case."""

    draw: Draw
    forms: Mapping[int, tuple[str, ...]]
    pattern: str

    def text(self, rng: random.Random, value: int, spread: float) -> str:
        forms = self.forms[value]
        return forms[int(len(forms) * rng.random() ** (1 + 3 * max(0.0, 1 - spread)))]

    @cached_property
    def values(self) -> dict[str, int]:
        """Spelling in lower case to its value."""
        return {form.lower(): value for value, forms in self.forms.items() for form in forms}


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_SHORT_DAYS = ("mon", "tue tues", "wed weds", "thu thurs thur", "fri", "sat", "sun")
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "- - twenty thirty forty fifty sixty seventy eighty ninety"
_ORDINAL = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
FEASTS = {
    1225: ("christmas", "xmas", "christmas day", "christmas", "xmas", "x-mas", "xmas day"),
    1224: ("christmas eve", "xmas eve", "christmas eve", "x-mas eve"),
    1231: ("new year's eve", "nye", "new years eve", "new year's eve", "nye", "new year eve"),
    101: ("new year's day", "new years day", "new year's day", "new year day"),
    1031: ("halloween", "halloween", "halloween", "hallowe'en", "haloween", "hallowen"),
    214: (
        "valentine's day",
        "valentines day",
        "valentine's day",
        "valentines",
        "valentine's",
        "vday",
    ),
}  # month * 100 + day; twice where frequent


def words(n: int) -> str:
    """0 to 99 in letters."""
    tens, unit = divmod(n, 10)
    if n < 20:
        return _UNITS.split()[n]
    return _TENS.split()[tens] + (f"-{_UNITS.split()[unit]}" if unit else "")


def ordinal_words(n: int) -> str:
    head, dash, tail = words(n).rpartition("-")
    return (
        head
        + dash
        + (_ORDINAL.get(tail) or (tail[:-1] + "ieth" if tail.endswith("y") else tail + "th"))
    )


def ordinal(n: int) -> str:
    return f"{n}{'th' if 10 < n % 100 < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def _among(*values: int) -> Draw:
    return lambda rng, today: values[int(rng.random() * len(values))]


def _spans(short: int, long: int, rare: tuple[int, ...]) -> Draw:
    def draw(rng: random.Random, today: date) -> int:
        kind = rng.random()
        return (
            rng.randint(1, short)
            if kind < 0.66
            else rng.randint(1, long)
            if kind < 0.93
            else rng.choice(rare)
        )

    return draw


def _unit(
    name: str, limit: int, abbreviation: str, extra: Mapping[int, tuple[str, ...]]
) -> dict[int, tuple[str, ...]]:
    one = (f"a {name}", f"one {name}", f"1 {name}", f"a {name}")
    couple = (
        f"2 {name}s",
        f"two {name}s",
        f"a couple of {name}s",
        f"2 {name}s",
        f"two {name}s",
        f"a couple {name}s",
        f"couple of {name}s",
    )
    forms = {1: one, 2: couple} | {
        n: (f"{n} {name}s", f"{words(n)} {name}s", f"{n} {name}s", f"{n} {abbreviation}")
        if n < 13
        else (f"{n} {name}s",) * 9
        for n in range(3, limit)
    }
    more = {n: (f"{words(n)} {name}s",) for n in range(13, min(limit, 100))}
    return {
        n: tuple(form for form in (*found, *more.get(n, ()), *extra.get(n, ())) if form)
        for n, found in forms.items()
    }


_DAYS = _unit("day", 401, "days", {100: ("a hundred days",) * 3, 12: ("a dozen days",)})
_WEEKS = _unit(
    "week", 61, "wks", {2: ("a fortnight",) * 4 + ("2 wks", "a fortnite"), 4: ("4 wks",)}
)
_MONTHS = _unit("month", 61, "months", {6: ("half a year",)})
_YEARS = _unit("year", 101, "yrs", {100: ("a hundred years",)})
_NAMES = {
    i: (name, name[:3], name, name, name, *_SHORT_DAYS[i].split())
    for i, name in enumerate(WEEKDAYS)
}
_MONTH_FORMS = {
    i: (name, name[:3], name, name, name[:3], name, *(["sept"] if i == 9 else []))
    for i, name in enumerate(MONTHS, 1)
}
NEAR, LEAP, LEAP_DAY = 0.2, 0.012, date(2024, 2, 29)
_TWO = r"\d\d?"
_LETTERS = r"[a-z]+\.?"
_WEEKDAY = Slot(
    _among(*range(7)), {i: (*forms, f"{forms[1]}.") for i, forms in _NAMES.items()}, _LETTERS
)
_MONTH = Slot(
    _among(*range(1, 13)),
    {i: (*forms, f"{forms[1]}.") if i != 5 else forms for i, forms in _MONTH_FORMS.items()},
    _LETTERS,
)


def _year(rng: random.Random, today: date) -> int:
    """Mostly this year or one of the next; else years back, or further ahead."""
    kind = rng.random()
    return today.year + (
        rng.randint(0, 2)
        if kind < 0.55
        else rng.randint(-6, 8)
        if kind < 0.9
        else rng.randint(-20, 20)
    )


def _day_number(rng: random.Random, today: date) -> int:
    return int(rng.random() * 31) + 1


def _ahead(rng: random.Random, today: date) -> int:
    """An ordinal day within the year ahead: for forms whose weekday and date must agree."""
    return today.toordinal() + rng.randint(0, 360)


def _number_ahead(rng: random.Random, today: date) -> int:
    """An ordinal day whose number alone would name it: each number comes at most once in 28
    days."""
    return today.toordinal() + rng.randint(0, 27)


class _Spelled(dict[int, tuple[str, ...]]):
    """Spellings of ordinal days, made when asked for: 14 of each of ten thousand days are too many
    to keep."""

    def __init__(self, forms: Callable[[date], tuple[str, ...]]) -> None:
        super().__init__()
        self._forms = forms

    def __missing__(self, ordinal_day: int) -> tuple[str, ...]:
        return self._forms(date.fromordinal(ordinal_day))


def _with_weekday(d: date) -> tuple[str, ...]:
    name, month = WEEKDAYS[d.weekday()], MONTHS[d.month - 1]
    return (
        f"{name}, {month} {d.day}",
        f"{name[:3]} {month[:3]} {d.day}",
        f"{name} {d.day} {month}",
        f"{name} {month} {ordinal(d.day)}",
        f"{name} the {ordinal(d.day)} of {month}",
        f"{name[:3]}, {d.day} {month[:3]}",
        f"{month} {d.day} ({name[:3]})",
        f"{name}, {d.month}/{d.day}",
        f"{name[:3]} {d.day}.{d.month}.",
    )


def _number_with_weekday(d: date) -> tuple[str, ...]:
    name, number = WEEKDAYS[d.weekday()], ordinal(d.day)
    return (
        f"{name} the {number}",
        f"{name} {number}",
        f"{name[:3]} the {number}",
        f"{name[:3]} {number}",
        f"{name}, the {number}",
    )


_RELATIVE_YEAR = {
    0: ("this year",),
    1: ("next year", "next year", "the following year"),
    -1: ("last year",),
}
_ANY_YEAR = {year: (str(year),) for year in range(1960, 2080)}

SLOTS: dict[str, Slot] = {
    "wd": _WEEKDAY,
    "weekday": Slot(_WEEKDAY.draw, {i: (name,) for i, name in enumerate(WEEKDAYS)}, _LETTERS),
    "m": _MONTH,
    "dn": Slot(_day_number, {n: (str(n),) * 8 + (f"{n:02}",) for n in range(1, 32)}, _TWO),
    "dth": Slot(
        _day_number,
        {n: (ordinal(n),) * 8 + (ordinal_words(n),) for n in range(1, 32)},
        r"[\da-z-]+",
    ),
    "mm": Slot(_among(*range(1, 13)), {n: (str(n), str(n), f"{n:02}") for n in range(1, 13)}, _TWO),
    "dd": Slot(_day_number, {n: (str(n), str(n), f"{n:02}") for n in range(1, 32)}, _TWO),
    "MM": Slot(_among(*range(1, 13)), {n: (f"{n:02}",) for n in range(1, 13)}, r"\d\d"),
    "DD": Slot(_day_number, {n: (f"{n:02}",) for n in range(1, 32)}, r"\d\d"),
    "y": Slot(_year, _ANY_YEAR, r"\d{4}"),
    "yy": Slot(
        lambda rng, today: max(2000, _year(rng, today)),
        {2000 + n: (f"{n:02}",) for n in range(80)},
        r"\d\d",
    ),
    "yr": Slot(_among(0, 1, 1, 1, -1), _RELATIVE_YEAR, "[a-z ]+"),
    "n": Slot(
        _spans(12, 40, (45, 50, 60, 90)),
        {n: (str(n), str(n), words(n)) for n in range(100)},
        r"[\da-z-]+",
    ),
    "days": Slot(
        _spans(10, 31, (35, 40, 45, 50, 60, 70, 75, 80, 90, 100, 100, 120, 150, 180, 200, 365)),
        _DAYS,
        r"[\da-z -]+",
    ),
    "weeks": Slot(_spans(4, 12, (15, 16, 20, 26, 30, 40, 50, 52)), _WEEKS, r"[\da-z -]+"),
    "months": Slot(_spans(6, 12, (13, 15, 18, 24, 30, 36)), _MONTHS, r"[\da-z -]+"),
    "years": Slot(_spans(5, 12, (15, 20, 25, 30, 40, 50, 100)), _YEARS, r"[\da-z -]+"),
    "k": Slot(
        _among(1, 1, 2, 3, 4, -1, -1),
        {n: (ordinal_words(n), ordinal(n), ordinal_words(n)) for n in range(1, 6)}
        | {-1: ("last",)},
        r"[\da-z]+",
    ),
    "mr": Slot(
        _among(0, 0, 0, 1, 1, -1),
        {
            0: ("the month", "this month", "month", "the current month"),
            1: ("next month",) * 4 + ("the following month",),
            -1: ("last month",),
        },
        "[a-z ]+",
    ),
    "mx": Slot(
        _among(0, 1, 1, -1),
        {0: ("this month",), 1: ("next month",), -1: ("last month",)},
        "[a-z ]+",
    ),
    "wr": Slot(
        _among(0, 0, 1, 1, -1),
        {
            0: ("the week", "this week", "week", "the week", "the wk"),
            1: ("next week",) * 5 + ("the following week", "next wk"),
            -1: ("last week",),
        },
        "[a-z ]+",
    ),
    "yl": Slot(
        _among(0, 0, 0, 1, 1, -1),
        {
            0: ("the year", "this year", "year"),
            1: ("next year", "next year", "next yr"),
            -1: ("last year",),
        },
        "[a-z ]+",
    ),
    "f": Slot(lambda rng, today: rng.choice(tuple(FEASTS)), FEASTS, r"[a-z'-]+?(?: [a-z']+)*?"),
    "HH": Slot(_among(*range(24)), {n: (f"{n:02}",) for n in range(24)}, r"\d\d"),
    "MI": Slot(
        _among(0, 0, 0, 30, 30, 15, 45, *range(60)), {n: (f"{n:02}",) for n in range(60)}, r"\d\d"
    ),
    # no spelling is looked up for these two: the weekday adds nothing, and the rules for their
    # parts read them
    "full": Slot(_ahead, _Spelled(_with_weekday), "(?!)"),
    "numbered": Slot(_number_ahead, _Spelled(_number_with_weekday), "(?!)"),
}


def day_of(value: Mapping[str, int], year: int) -> date | None:
    """The date that the slots for month and day name, whichever of them stand in *value*."""
    month = value.get("m") or value.get("mm") or value["MM"]
    return exact(year, month, value.get("dn") or value.get("dth") or value.get("dd") or value["DD"])


def _near(rng: random.Random, today: date) -> date | None:
    """At times the day that a wording's month and day are taken from: one of this week, where a
    year is won or lost, or a leap day."""
    kind = rng.random()
    return (
        today + timedelta(rng.randint(-4, 4))
        if kind < NEAR
        else LEAP_DAY
        if kind < NEAR + LEAP
        else None
    )


def _of_day(name: str, day: date) -> int | None:
    if name == "f":
        return next(
            (
                feast
                for feast in FEASTS
                if abs((day.replace(month=feast // 100, day=feast % 100) - day).days) < 8
            ),
            None,
        )
    return {
        "m": day.month,
        "mm": day.month,
        "MM": day.month,
        "dn": day.day,
        "dth": day.day,
        "dd": day.day,
        "DD": day.day,
    }.get(name)


@cache
def _parts(wording: str) -> list[str]:
    """Text and slot names by turns."""
    return re.split(r"\{(\w+)\}", wording)


def filled(
    rng: random.Random,
    today: date,
    wording: str,
    spread: float,
    writers: Mapping[str, Write] | None = None,
) -> tuple[str, dict[str, int]]:
    """*wording* with its slots written out, and the values drawn.

    A slot that *writers* has is written by it.  The same text a second time is drawn again: nobody
    says "friday or friday".
    """
    values: dict[str, int] = {}
    parts, near = list(_parts(wording)), _near(rng, today)
    for i in range(1, len(parts), 2):
        parts[i] = _written(
            rng, today, parts[i], spread, values, (writers or {}).get(parts[i]), parts[1:i:2], near
        )
    return "".join(parts), values


def _written(
    rng: random.Random,
    today: date,
    name: str,
    spread: float,
    values: dict[str, int],
    write: Write | None,
    earlier: list[str],
    near: date | None,
) -> str:
    for attempt in range(3):
        if write:
            text = write(rng, today)
        else:
            close = _of_day(name, near) if near and not attempt else None
            values[name] = SLOTS[name].draw(rng, today) if close is None else close
            text = SLOTS[name].text(rng, values[name], spread)
        if text not in earlier:
            break
    return text
