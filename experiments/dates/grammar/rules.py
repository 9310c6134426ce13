"""The day, month and year rules of the dates grammar: wordings with slots, each with the arithmetic
that answers it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from experiments.dates.grammar.calendar import (
    add_months,
    bare,
    coming_day,
    coming_month,
    coming_number,
    exact,
    latest,
    latest_day,
    month_after,
    month_before,
    month_end,
    month_from,
    month_text,
    nth_weekday,
    of_week,
)
from experiments.dates.grammar.words import day_of

Values = Mapping[str, int]
Solve = Callable[[date, Values], date | str | None]


@dataclass(frozen=True)
class Rule:
    """weight: per mille of what has an answer.  wordings: `text^frequency; (one|other) text`.

    timed: how often a day takes a time or a part of the day.  lead: the preposition it may take.
    part: of the day, named by the wording.
    """

    kind: str
    weight: float
    wordings: str
    solve: Solve
    timed: float = 0.0
    lead: str = ""
    part: str = ""


def _feast(value: Values) -> tuple[int, int]:
    return divmod(value["f"], 100)


def _month_span(first: tuple[int, int], end: bool) -> date:
    return month_end(*first) if end else date(*first, 1)


def _edges(
    kind: str, weight: float, edge: str, span: Callable[[date, Values, bool], date], lead: str = ""
) -> tuple[Rule, Rule]:
    """A rule for the start and one for the end of a stretch of time that *edge* names."""
    start = (
        f"(the|) start of {edge}^3; (the|) beginning of {edge}^2; (the|) begining of {edge}^0.3; "
    )
    start += f"(the|) first day of {edge}^2; (at|) the very start of {edge}"
    end = (
        f"(the|) end of {edge}^6; (the|) last day of {edge}^3; the very end of {edge}; (the|) "
        f"last day in {edge}"
    )
    return (
        Rule(f"start of {kind}", weight * 0.42, start, lambda t, v: span(t, v, False), 0.03, lead),
        Rule(f"end of {kind}", weight * 0.58, end, lambda t, v: span(t, v, True), 0.03, lead),
    )


def _after(unit: str) -> str:
    forms = (
        "in {}^7; {} from now^3; {} from today^2; in {} time; in {}' time; {} hence; in exactly {}"
    )
    return forms.replace("{}", f"{{{unit}}}")


def _ago(unit: str) -> str:
    return f"{{{unit}}} ago^9; {{{unit}}} back; exactly {{{unit}}} ago; {{{unit}}} ago today"


_NEAR = (
    Rule("today", 20, "today^9; 2day; tday; todays date; this day; eod; end of day",
         lambda t, v: t, 0.4),
    Rule("tomorrow", 46, "tomorrow^14; tmrw^2; tmr; tmw; tomorow; tommorow; 2moro; 2morrow; "
         "tomrw; tomoz",
         lambda t, v: t + timedelta(1), 0.42),
    Rule("yesterday", 17, "yesterday^10; yest; yday; ystd; yesterdy",
         lambda t, v: t - timedelta(1), 0.25),
    Rule("overmorrow", 15, "(the|) day after (tomorrow|tomorrow|tomorrow|tmrw|tmr|tomorow)",
         lambda t, v: t + timedelta(2), 0.25),
    Rule("ereyesterday", 9, "(the|) day before (yesterday|yesterday|yest)^4; "
         "(the|) day b4 yesterday",
         lambda t, v: t - timedelta(2), 0.12),
    Rule("this morning", 8, "this morning", lambda t, v: t, 0.5, part="morning"),
    Rule("this afternoon", 8, "this (afternoon|arvo|afternoon|afternoon)",
         lambda t, v: t, 0.45, part="afternoon"),
    Rule("tonight", 16, "tonight^6; this evening^3; tonite; 2nite",
         lambda t, v: t, 0.5, part="evening"),
    Rule("last night", 8, "last night^4; last nite; yesterday (night|evening)^2",
         lambda t, v: t - timedelta(1), 0.35, part="night"),
    Rule("weekday", 95, "{wd}^10; the coming {wd}; coming {wd}",
         lambda t, v: bare(t, v["wd"]), 0.42, "on"),
    Rule("this weekday", 28, "this {wd}^8; {wd} this week^3; this week (|on) {wd}; "
         "{wd} of this week",
         lambda t, v: of_week(t, v["wd"]), 0.3),
    Rule(
        "next weekday", 48, "next {wd}^9; {wd} next week^4; next week (|on) {wd}^2; "
        "(the|) {wd} of next week^2; "
        "{wd} (in|) the following week",
        lambda t, v: of_week(t, v["wd"], 1), 0.3,
    ),
    Rule("last weekday", 32, "last {wd}^9; past {wd}; this past {wd}; the last {wd}; previous {wd}",
         lambda t, v: latest(t, v["wd"]), 0.2),
    Rule("weekday last week", 7, "{wd} (of|) last week^2; last week (on|) {wd}",
         lambda t, v: of_week(t, v["wd"], -1), 0.1),
    Rule("weekday after next", 17, "(the|the|) {wd} after next^5; {wd} (of|) the week after next",
         lambda t, v: of_week(t, v["wd"], 2), 0.15),
    Rule("weekday before last", 5, "(the|) {wd} before last",
         lambda t, v: latest(t, v["wd"]) - timedelta(7)),
    Rule(
        "week on weekday", 25, (
            "a week (on|from) {wd}^4; {wd} week^3; one week (on|from) {wd}; 1 week (on|from) "
            "{wd}; a week after {wd}"
        ),
        lambda t, v: bare(t, v["wd"]) + timedelta(7), 0.15,
    ),
    Rule("weeks on weekday", 6, "{weeks} (on|from|after) {wd}",
         lambda t, v: bare(t, v["wd"]) + timedelta(7 * v["weeks"])),
    Rule("days after weekday", 3, "{days} (after|from) {wd}",
         lambda t, v: bare(t, v["wd"]) + timedelta(v["days"])),
    Rule("day by weekday", 3, "(the|) day after {wd}",
         lambda t, v: bare(t, v["wd"]) + timedelta(1), 0.1),
    Rule("eve of weekday", 3, "(the|) day before {wd}",
         lambda t, v: bare(t, v["wd"]) - timedelta(1), 0.1),
    Rule(
        "this weekend", 15, (
            "this weekend^5; the weekend^4; weekend^3; (at|on|over) the weekend^2; (this|the) "
            "(wkend|w/e)^2"
        ),
        lambda t, v: of_week(t, 5), 0.03,
    ),
    Rule("next weekend", 10, "next weekend^6; the weekend of next week; next (wkend|w/e); "
         "(the|) following weekend",
         lambda t, v: of_week(t, 5, 1), 0.03),
    Rule("last weekend", 9, "last weekend^5; the last weekend; (the|) previous weekend; "
         "past weekend; last w/e",
         lambda t, v: of_week(t, 5, -1), 0.03),
    Rule("weekend after next", 4, "the weekend after next", lambda t, v: of_week(t, 5, 2)),
)  # fmt: skip

_COUNTED = (
    Rule("in days", 58, _after("days"), lambda t, v: t + timedelta(v["days"]), 0.09),
    Rule("days ago", 32, _ago("days"), lambda t, v: t - timedelta(v["days"]), 0.06),
    Rule("in weeks", 30, _after("weeks") + "; a week today",
         lambda t, v: t + timedelta(7 * v.get("weeks", 1)), 0.08),
    Rule("weeks ago", 17, _ago("weeks"), lambda t, v: t - timedelta(7 * v["weeks"]), 0.03),
    Rule("in months", 24, _after("months"), lambda t, v: add_months(t, v["months"]), 0.03),
    Rule("months ago", 13, _ago("months"), lambda t, v: add_months(t, -v["months"]), 0.02),
    Rule("in years", 12, _after("years"), lambda t, v: add_months(t, 12 * v["years"])),
    Rule("years ago", 12, _ago("years"), lambda t, v: add_months(t, -12 * v["years"])),
    Rule("days from tomorrow", 4, "{days} (from|after) tomorrow",
         lambda t, v: t + timedelta(1 + v["days"]), 0.1),
    Rule("weeks from tomorrow", 7, "{weeks} from tomorrow^2; a week from (tomorrow|tmrw)^2; "
         "a week tomorrow; tomorrow week",
         lambda t, v: t + timedelta(1 + 7 * v.get("weeks", 1)), 0.15),
    Rule("weeks and days", 2, "in {weeks} and {days}",
         lambda t, v: t + timedelta(7 * v["weeks"] + v["days"])),
)  # fmt: skip

_STRETCHES = (
    Rule("this month", 5, "this month^4; the current month",
         lambda t, v: month_text(t.year, t.month)),
    Rule("next month", 11, "next month^7; the following month; nxt month; next mth",
         lambda t, v: month_text(*month_from(t, 1))),
    Rule("last month", 10, "last month^7; the previous month; previous month",
         lambda t, v: month_text(*month_from(t, -1))),
    Rule("month after next", 5, "(the|) month after next",
         lambda t, v: month_text(*month_from(t, 2))),
    Rule("month before last", 4, "(the|) month before last",
         lambda t, v: month_text(*month_from(t, -2))),
    Rule("this year", 4, "this year^4; the current year; this yr", lambda t, v: str(t.year)),
    Rule("next year", 8, "next year^7; the following year; nxt year; next yr",
         lambda t, v: str(t.year + 1)),
    Rule("last year", 8, "last year^7; the previous year; previous year; last yr",
         lambda t, v: str(t.year - 1)),
    Rule("year after next", 4, "(the|) year after next", lambda t, v: str(t.year + 2)),
    Rule("year before last", 4, "(the|) year before last", lambda t, v: str(t.year - 2)),
    Rule("year", 12, "{y}^6; the year {y}", lambda t, v: str(v["y"]), lead="in"),
    *_edges("week", 17, "{wr}", lambda t, v, end: of_week(t, 6 * end, v["wr"])),
    *_edges("month", 32, "{mr}", lambda t, v, end: _month_span(month_from(t, v["mr"]), end)),
    *_edges("year", 17, "{yl}",
            lambda t, v, end: date(t.year + v["yl"], 1 + 11 * end, 1 + 30 * end)),
    *_edges("named year", 6, "{y}", lambda t, v, end: date(v["y"], 1 + 11 * end, 1 + 30 * end)),
    *_edges("named month", 24, "{m}", lambda t, v, end: _month_span(coming_month(t, v["m"]), end)),
    *_edges("dated month", 8, "{m} {y}", lambda t, v, end: _month_span((v["y"], v["m"]), end)),
    *_edges("month by year", 3, "{m} {yr}",
            lambda t, v, end: _month_span((t.year + v["yr"], v["m"]), end)),
    Rule("eom", 5, "eom^2; month end; end of month^2; month's end",
         lambda t, v: month_end(t.year, t.month)),
    Rule("eow", 3, "eow^2; end of week; week's end", lambda t, v: of_week(t, 6)),
    Rule("eoy", 4, "eoy^2; end of year^2; year end; year's end", lambda t, v: date(t.year, 12, 31)),
)  # fmt: skip

_NAMED = (
    Rule("month", 30, "{m}^9; the month of {m}",
         lambda t, v: month_text(*coming_month(t, v["m"])), lead="in"),
    Rule("month of year", 20, "{m} {y}^6; {m}, {y}; {m} of {y}; {m} '{yy}",
         lambda t, v: month_text(v.get("y") or v["yy"], v["m"]), lead="in"),
    Rule("month by year", 6, "{m} (of|) {yr}^2; {yr} in {m}",
         lambda t, v: month_text(t.year + v["yr"], v["m"]), lead="in"),
    Rule("month in figures", 4, "{mm}/{y}; {y}-{MM}^2",
         lambda t, v: month_text(v["y"], v.get("mm") or v["MM"]), lead="in"),
    Rule("next named month", 11, "next {m}", lambda t, v: month_text(*month_after(t, v["m"]))),
    Rule("last named month", 12, "last {m}^4; (past|previous) {m}",
         lambda t, v: month_text(*month_before(t, v["m"]))),
    Rule(
        "nth weekday", 30, "(the|) {k} {wd} (of|in) {m}",
        lambda t, v: nth_weekday(*coming_month(t, v["m"]), v["wd"], v["k"]), 0.08, "on",
    ),
    Rule("nth weekday, year", 9, "(the|) {k} {wd} (of|in) {m} {y}",
         lambda t, v: nth_weekday(v["y"], v["m"], v["wd"], v["k"]), 0.03, "on"),
    Rule("nth weekday, month", 17, "(the|) {k} {wd} (of|in) {mr}",
         lambda t, v: nth_weekday(*month_from(t, v["mr"]), v["wd"], v["k"]), 0.05, "on"),
    Rule(
        "day of month", 72, "{m} {dn}^6; {m} {dth}^4; {dn} {m}^4; {dth} {m}; {dth} of {m}^2; "
        "the {dth} of {m}^3; {m} the {dth}; {dn}. {m}; {dn} of {m}",
        lambda t, v: coming_day(t, v["m"], v.get("dn") or v["dth"]), 0.28, "on",
    ),
    Rule(
        "full date", 27,
        "{m} {dn}, {y}^5; {m} {dn} {y}^2; {dn} {m} {y}^5; {dth} of {m} {y}^2; {dth} {m} {y}; "
        "{m} {dth}, {y}^2; "
        "{m} {dth} {y}; the {dth} of {m}, {y}; "
        "{dn}-{m}-{y}; {dn}-{m}-{yy}; {dn} {m} '{yy}; {dn}. {m} {y}; {y} {m} {dn}",
        lambda t, v: day_of(v, v.get("y") or v["yy"]), 0.2, "on",
    ),
    Rule("day by year", 6, "{m} {dn} (of|) {yr}; {dn} {m} {yr}; {m} {dth} {yr}; "
         "the {dth} of {m} {yr}",
         lambda t, v: day_of(v, t.year + v["yr"]), 0.1, "on"),
    Rule("weekday and day", 11, "{full}",
         lambda t, v: coming_day(t, date.fromordinal(v["full"]).month,
                                   date.fromordinal(v["full"]).day),
         0.25, "on"),
    Rule("weekday and number", 6, "{numbered}",
         lambda t, v: coming_number(t, date.fromordinal(v["numbered"]).day), 0.2, "on"),
    Rule("day number", 32, "the {dth}^6; {dth}",
         lambda t, v: coming_number(t, v["dth"]), 0.3, "on"),
    Rule("day of this or next month", 14, "(the|) {dth} of {mr}^3; the {dth} {mx}; "
         "{mx} on the {dth}",
         lambda t, v: exact(*month_from(t, v["mr"] if "mr" in v else v["mx"]), v["dth"]),
         0.1, "on"),
    Rule("m/d/y", 26, "{mm}/{dd}/{y}^2; {mm}/{dd}/{yy}",
         lambda t, v: day_of(v, v.get("y") or v["yy"]), 0.2, "on"),
    Rule("m/d", 13, "{mm}/{dd}", lambda t, v: coming_day(t, v["mm"], v["dd"]), 0.25, "on"),
    Rule("d.m.y", 21, "{dd}.{mm}.{y}^2; {dd}.{mm}.{yy}; {dd}. {mm}. {y}^0.2",
         lambda t, v: day_of(v, v.get("y") or v["yy"]), 0.2, "on"),
    Rule("d.m.", 11, "{dd}.{mm}.", lambda t, v: coming_day(t, v["mm"], v["dd"]), 0.2, "on"),
    Rule("iso", 15, "{y}-{MM}-{DD}^6; {y}/{MM}/{DD}; {y}{MM}{DD}",
         lambda t, v: day_of(v, v["y"]), 0.25, "on"),
    Rule("iso stamp", 5, "{y}-{MM}-{DD}(T| ){HH}:{MI}",
         lambda t, v: (d := day_of(v, v["y"])) and f"{d}T{v['HH']:02}:{v['MI']:02}"),
)  # fmt: skip

_FEASTS = (
    Rule("feast", 34, "{f}", lambda t, v: coming_day(t, *_feast(v)), 0.12, "on"),
    Rule(
        "feast of year",
        13,
        "{f} {y}^5; {f} of {y}; {f}, {y}; {f} in {y}",
        lambda t, v: exact(v["y"], *_feast(v)),
        0.04,
        "on",
    ),
    Rule("feast by year", 3, "{f} (of|) {yr}", lambda t, v: exact(t.year + v["yr"], *_feast(v))),
    Rule("last feast", 5, "last {f}", lambda t, v: latest_day(t, *_feast(v))),
    Rule("next feast", 3, "next {f}", lambda t, v: coming_day(t + timedelta(1), *_feast(v))),
    Rule(
        "day after feast",
        3,
        "(the|) day after {f}",
        lambda t, v: _shifted(coming_day(t, *_feast(v)), 1),
    ),
    Rule(
        "day before feast",
        3,
        "(the|) day before {f}",
        lambda t, v: _shifted(coming_day(t, *_feast(v)), -1),
    ),
    Rule(
        "weeks before feast",
        2,
        "{weeks} before {f}",
        lambda t, v: _shifted(coming_day(t, *_feast(v)), -7 * v["weeks"]),
    ),
    Rule(
        "weeks after feast",
        1,
        "{weeks} after {f}",
        lambda t, v: _shifted(coming_day(t, *_feast(v)), 7 * v["weeks"]),
    ),
    Rule(
        "days before feast",
        2,
        "{days} before {f}",
        lambda t, v: _shifted(coming_day(t, *_feast(v)), -v["days"]),
    ),
)


def _shifted(day: date | None, days: int) -> date | None:
    return day and day + timedelta(days)


RULES = (*_NEAR, *_COUNTED, *_STRETCHES, *_NAMED, *_FEASTS)
# Answered by a count from today: the unit of each such kind.  All else is answered by its place in
# the calendar.
COUNTED = (
    {rule.kind: "d" for rule in (*_NEAR, *_COUNTED)}
    | dict.fromkeys(("start of week", "end of week", "eow"), "d")
    | dict.fromkeys(("in months", "months ago"), "m")
    | dict.fromkeys(("in years", "years ago"), "y")
)
