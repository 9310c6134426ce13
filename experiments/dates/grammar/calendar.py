"""The conventions of the dates prompt as arithmetic.  Weekdays count from Monday = 0; None stands
for a date that does not exist."""

from calendar import monthrange
from datetime import date, timedelta

MONTHS_AHEAD = 12  # every day number up to 31 comes again within a year
LEAP_YEARS_AHEAD = 9  # February 29 comes again within eight years, 1900 and 2100 counted


def exact(year: int, month: int, day: int) -> date | None:
    """The day, or None for February 30 and its like."""
    return (
        date(year, month, day)
        if 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]
        else None
    )


def bare(today: date, weekday: int) -> date:
    """ "Friday": the first one strictly after today."""
    return today + timedelta((weekday - today.weekday() - 1) % 7 + 1)


def latest(today: date, weekday: int) -> date:
    """ "Last Friday": the latest one strictly before today."""
    return today - timedelta((today.weekday() - weekday - 1) % 7 + 1)


def of_week(today: date, weekday: int, weeks: int = 0) -> date:
    """ "This Friday" (weeks 0), "next Friday" (1), "the Friday after next" (2): by weeks that start
    on Monday."""
    return today + timedelta(weekday - today.weekday() + 7 * weeks)


def month_end(year: int, month: int) -> date:
    return date(year, month, monthrange(year, month)[1])


def month_text(year: int, month: int) -> str:
    return f"{year}-{month:02}"


def month_from(today: date, months: int) -> tuple[int, int]:
    """(year, month) that many calendar months from now."""
    count = today.year * 12 + today.month - 1 + months
    return count // 12, count % 12 + 1


def add_months(today: date, months: int) -> date:
    """Keeps the day number, clipped to the last day of the month reached."""
    year, month = month_from(today, months)
    return date(year, month, min(today.day, monthrange(year, month)[1]))


def coming_month(today: date, month: int) -> tuple[int, int]:
    """ "May": the next time that month comes, the current month included."""
    return today.year + (month < today.month), month


def month_after(today: date, month: int) -> tuple[int, int]:
    """ "Next May": the nearest May after the current month."""
    return today.year + (month <= today.month), month


def month_before(today: date, month: int) -> tuple[int, int]:
    """ "Last May": the nearest May before the current month."""
    return today.year - (month >= today.month), month


def coming_day(today: date, month: int, day: int) -> date | None:
    """ "May 5": its next occurrence, today included."""
    days = (exact(today.year + i, month, day) for i in range(LEAP_YEARS_AHEAD))
    return next((found for found in days if found and found >= today), None)


def latest_day(today: date, month: int, day: int) -> date | None:
    """ "Last Christmas": the latest occurrence strictly before today."""
    days = (exact(today.year - i, month, day) for i in range(LEAP_YEARS_AHEAD))
    return next((found for found in days if found and found < today), None)


def coming_number(today: date, day: int) -> date | None:
    """ "The 15th": the next day with that number, today included."""
    days = (exact(*month_from(today, i), day) for i in range(MONTHS_AHEAD))
    return next((found for found in days if found and found >= today), None)


def nth_weekday(year: int, month: int, weekday: int, n: int) -> date | None:
    """The first (n=1) to fifth, or last (n=-1), of that weekday in a month."""
    if n < 0:
        return latest(month_end(year, month) + timedelta(1), weekday)
    found = bare(date(year, month, 1) - timedelta(1), weekday) + timedelta(7 * (n - 1))
    return found if found.month == month else None


def clock(hour: int, minute: int, part: str = "") -> str | None:
    """HH:MM.  A part of the day other than the morning moves hours before noon past it; None for
    25:00 and its like."""
    if not (0 <= hour <= 23 and 0 <= minute <= 59):
        return None
    return f"{hour + 12 * (part in ('afternoon', 'evening', 'night') and hour < 12):02}:{minute:02}"
