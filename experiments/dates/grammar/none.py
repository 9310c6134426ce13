"""Expressions that fix no single day, time, month or year: the kinds of N/A that the dates prompt
lists."""

import random
from datetime import date

from experiments._grammar.style import listed
from experiments.dates.grammar.clock import draw
from experiments.dates.grammar.fillers import name, occasion
from experiments.dates.grammar.words import MONTHS, SLOTS, WEEKDAYS, Write, filled, ordinal

KINDS: dict[str, tuple[float, str]] = {
    "vague": (
        27,
        """
        soon^3; very soon; later^3; later on; sometime^2; some time; some day; someday^2; one \
day^2; eventually; asap^3; a.s.a.p.;
        as soon as possible; whenever^2; whenever you (can|like|want|are free); any time^2; anytime;
        (in|) a few (days|weeks|months|years)^5; in (several|some|many) (days|weeks|months|years)^3;
        (a few|several|some|many) (days|weeks|months|years) (ago|from now|back)^5; in the \
(near|distant|) future^2; in a while;
        a while ago; recently^2; lately; the other (day|night|week)^2; one of these days; in due \
course; at some point^2; not now;
        not yet; never; always; long ago; ages ago; in the past; before long; shortly; in a bit; \
in a moment; right away;
        immediately; when ready; when you have time; as needed; on demand; sooner or later; \
(early|mid|late) {m}^8; mid-{m}^4;
        early in {m}; late in {m}; (the|) middle of {m}^2; (the|) middle of (the|next|this) \
(month|week|year)^2;
        in the middle of {m}; (early|late|mid) (next|this|last) (month|week|year)^4; \
(early|late|mid) {y}^4; mid-{y};
        (first|second) half of {m}; (first|second) half of {y}; (the|) (first|second|third|last) \
week of {m}^3;
        sometime (next|this) week^2; around the (holidays|new term); some {wd}^2; any {wd}; any \
day; any day now; any {wd} in {m};
        one {wd} in {m}; a {wd} in {m}; a day in {m}; in my next life; when pigs fly; in the \
coming (days|weeks|months)^2;
        these days; nowadays; over the years; more than {days} ago; less than {weeks} ago; over a \
(week|month|year) ago;
        in under a week; within a few days; in a day or two; in a week or two; in a week or so; \
half way through {m}; most of {m};
        part of {m}; a (long|short) time ago; years ago^2; weeks ago; days ago; months ago; in a \
few; in a jiffy;
        for (days|weeks|ages)
        """,
    ),
    "range": (
        19,
        """
        {wd} (to|through|till|until|thru) {wd}^6; {wd}-{wd}^4; {wd} - {wd}^2; from {wd} \
(to|till|until) {wd}^4;
        between {wd} and {wd}^3; {m} (to|through|until) {m}^3; {m}-{m}; between {m} and {m}; from \
{m} to {m}^2; {m} {n1}-{n2}^3;
        {m} {n1} - {n2}; {m} {n1} to {n2}^2; {n1}-{n2} {m}^2; {n1} to {n2} {m}; from the {th1} to \
the {th2}^2;
        the {th1} to the {th2}; {th1} - {th2} (of|) {m}; {t} - {t}^2; {t}-{t}^2; {t} to {t}^3; \
from {t} (to|until|till) {t}^4;
        between {t} and {t}^2; {wd} {t}-{t}^2; {t}-{t} {day}^2; {h}-{h} {day};
        {wd} from {t} to {t}^2; {wd} {t} to {t}; tomorrow (from|) {t} to {t};
        today {t} - {t}; {y}-{y}^2; {y} to {y}; from {y} to {y}; between {y} and {y}; \
(today|tomorrow) (to|until|through) {wd};
        {wd} and {wd}^3; {wd} & {wd}; {day} to {day}^2; from {day} to {day}^2; between {day} and \
{day}^2; {mm}/{n1} - {mm}/{n2};
        {m} {n1} through {m} {n2}; both {wd} and {wd}; today and tomorrow; for {days}^2; for \
{weeks}; {days} long; all of {m};
        the whole of {m}; the next {days}^2; the last {days}; the past {weeks}; the next {weeks}; \
over the next {weeks};
        during the next {days}; between {h} and {h}; {h}-{h}^2; {h} to {h}
        """,
    ),
    "choice": (
        13,
        """
        {wd} or {wd}^9; either {wd} or {wd}^2; {day} or {day}^3; {m} or {m}^2; today or \
tomorrow^2; tomorrow or {wd}^2;
        {t} or {t}^3; {wd} at {t} or {t}; {wd} or maybe {wd}; {wd}/{wd}^2; {wd}, {wd} or {wd}^2; \
the {th1} or (the|) {th2}^2;
        in {k1} or {k2} (days|weeks|months)^3; {k1} or {k2} (days|weeks|years)^2; {k1}-{k2} \
(days|weeks);
        in {k1}-{k2} (days|weeks); {k1} to {k2} (days|weeks); this or next {wd}; this week or \
next; next week or the week after;
        this month or next; {y} or {y}; {m} {n1} or {n2}; morning or afternoon; {wd} \
(morning|night) or {wd}; not {wd};
        any day but {wd}; not today; not tomorrow; {wd} or later; whichever, {wd} or {wd}; tonight \
or tomorrow^2
        """,
    ),
    "repeated": (
        17,
        """
        every {wd}^8; each {wd}^2; every {wd} at {t}^3; {weekday}s^3; on {weekday}s^4; {weekday}s \
at {t}^2; on {weekday}s at {t};
        every (day|week|month|year)^4; every (morning|evening|night|afternoon|weekend|weekday)^4;
        every (other|second) (day|week|month|{wd}|year)^3; daily^2; weekly^2; monthly^2; yearly; \
annually; quarterly; hourly;
        daily at {t}^2; every (day|morning|night) at {t}^3; twice a (week|month|day|year)^2; once \
a (week|month|day|year)^2;
        every {k2} (days|weeks|months|hours)^2; weekdays^2; on weekdays; weekends; on weekends; \
(weekdays|weekends) at {t}^2;
        mon/wed/fri; tue/thu; every {th1}; the {th1} of (every|each) month^2; each {m}; every \
{m}^2; {k2} times a (week|month|day);
        every {wd} and {wd}^2; first {wd} of every month^2; last {wd} of each month; biweekly; \
fortnightly; nightly; all the time;
        every {m} {n1}; every single {wd}; each (day|week|month|morning); every now and then; from \
time to time; on and off;
        each year on {m} {n1}; every christmas; every easter; most {weekday}s; some {weekday}s
        """,
    ),
    "open end": (
        17,
        """
        before {day}^7; after {day}^7; before {t}^2; after {t}^3; after the {th1}^2; before the \
{th1}^2; before {m}^2; after {m}^2;
        since {day}^3; since {y}^2; any time (after|before) {day}; not before {day}^2; not before \
{m}; not until after {day};
        {day} or later; {day} onwards^2;
        from {day} on^2; from {day} onwards; from {m} onwards; some time (before|after) {day}; \
anytime (before|after) {day};
        after {y}^2; before {y}^2; earlier than {day}; later than {day}; {day} or earlier; {wd} or \
after;
        sometime (after|before) {day}^2; well before {day}; right after {day}; soon after {day}; \
shortly before {day};
        just before {t}; once {day} is over; after (work|lunch|dinner|school|breakfast|class)^2;
        before (work|lunch|dinner|school|bed)^2; after tomorrow; before (christmas|easter|new \
year's eve)^2;
        after (christmas|easter|halloween)^2; before next (week|month|year); after next \
(week|month|year); after this week;
        beyond {y}; past {t}; from now on; from today on; from tomorrow on^2; any day after {wd}; \
any day before {wd}
        """,
    ),
    "stretch": (
        28,
        """
        next week^9; this week^5; last week^6; the week after next^2; the week before last; the \
following week; the coming week;
        (all|the whole|the entire) week; later (this|next) week^2; later this (month|year)^2; the \
week of {m} {n1}^2;
        week of the {th1}; (next|this|last) quarter^5; q(1|2|3|4)^3; q(1|2|3|4) {y}^4;
        (the|) (first|second|third|fourth|last) quarter^2; (first|second|third|fourth) quarter of \
{y}^2;
        (next|last|this) (spring|summer|autumn|fall|winter)^9; (in|) (the|) \
(spring|summer|autumn|winter)^3;
        (spring|summer|autumn|fall|winter) (of|) {y}^4; (this|next|last) decade^2; the \
(80|90|70|60)s^2; the 20(1|2|3)0s;
        the (nineties|eighties|seventies|sixties|twenties)^2; (next|last|this) century; the \
(19|20|21)th century; week {n1}^2;
        calendar week {n1}; kw {n1}; cw{n1}; (this|next|last) season^2; next (semester|term)^2;
        (the|) (summer|school|winter) holidays^2; during the (week|holidays|summer); one day \
(next|this) week^2;
        some day next week; any day (this|next) week; over the (summer|winter|holidays); by next \
week^2;
        in the (summer|winter) of {y}; h(1|2) {y}; fiscal year {y}; due next week; next week \
sometime;
        next week (please|pls|maybe); next week at {t}; next week (morning|afternoon); mid week; \
midweek; rainy season;
        harvest time; the working week; a (week|month|year) in {y}
        """,
    ),
    "midnight": (
        11,
        """
        midnight^3; at (midnight|midnight|midnite)^6; {day} at midnight^5; midnight on {day}^2; \
midnight {day};
        (today|tonight|tomorrow) at midnight^3; midnight (tonight|tomorrow)^2; by midnight^2; \
tomorrow midnight;
        (shortly|just) (before|after) midnight; around midnight; {wd} midnight^2; {m} {n1} at \
midnight; the stroke of midnight;
        until midnight
        """,
    ),
    "hours": (
        17,
        """
        in {k2} (hours|minutes|mins|hrs|min|hours|minutes)^10; {k2} (hours|minutes|min|hrs|hours) \
(ago|from now)^8;
        in (an|half an|one|1) hour^4; (an|one) hour (ago|from now)^3; half an hour (ago|from \
now)^2; in a (minute|sec|second)^2;
        in a couple of (hours|minutes)^2; in an hour and a half; within the hour; in {k2} hours \
time; a few (minutes|hours) ago^2;
        in a few (minutes|hours)^2; in the next hour; {k2} (minutes|hours) later; in {n1} \
(minutes|mins|min)^3;
        {n1} (minutes|mins|min) (ago|from now)^2; in {n1} seconds; in {k2}h; in {k2} hrs; a couple \
of hours (ago|from now);
        an hour later; in a quarter of an hour; in {k2} and a half hours; this very minute; right \
now^2; in 24 hours; in 48 hours;
        just now; {k2} h ago; half an hour; an hour; {k2} hours
        """,
    ),
    "impossible": (
        26,
        """
        {badmd}^9; {badmd} at {t}; {badtime}^4; at {badtime}^3; {wd} at {badtime}^4; tomorrow at \
{badtime}^2;
        next {wd} at {badtime}; today at {badtime}; {badslash}^4; {baddot}^4; {badiso}^2; the \
{badth}^4; {badth} of {m}^2;
        {m} {badth}^2; {m} {bad}^3; {bad} {m}^2; (the|) {badth} of next month; {m} {n1} at \
{badtime}; on the {badth}
        """,
    ),
    "moving feast": (
        11,
        """
        {feast}^9; {feast} {y}^3; (last|next|this) {feast}; (before|after|around|by|for) {feast}^2;
        (the|) (day|week) (after|before) {feast}^2; at {feast}; on {feast}^2; {feast} at {t}; two \
weeks before {feast}
        """,
    ),
    "no date": (
        26,
        """
        {nothing}^9; {occasion}^9; {occasion}, {nothing}; tbd^2; tba; n/a; none; unknown^2; ???; \
?; -; no idea^3; dunno; idk;
        (i|we) don't know (yet|); not sure^2; not sure yet; no date^2; no date (yet|set|given); \
undecided;
        to be (decided|announced|confirmed)^2; ask {name}^2; hi {name}; thanks {name}; {name}; \
call {name}^2; it depends;
        nothing planned; let me check; will let you know; when is it; what day; which day; when; \
what time; what time is it;
        room {n1}; {n1} (apples|people|euros|pages|boxes|km); chapter {n1}; page {n1}; version \
{k2}; (gate|platform|bus|line) {n1};
        no. {n1}; flat {n1}; {n1}%; (dollar|euro) {n1}; the (date|time|day); my \
(birthday|wedding|anniversary|exam)^2;
        {name}'s birthday^2; payday; my day off; closed; cancelled; postponed^2; happy \
(birthday|new year|holidays);
        good (morning|night|evening|afternoon)^2; have a nice (day|week|weekend)^2; see you \
(soon|later|around)^2;
        a (day|week|month|year); full moon; sunrise; sunset; dawn; when it rains; in time; on \
time; once in a lifetime
        """,
    ),
}  # weight by kind; wordings with their frequency
FEASTS = listed(
    """
    easter; easter; easter; easter sunday; easter monday; good friday; thanksgiving; thanksgiving; \
mother's day; mothers day;
    father's day; fathers day; ramadan; eid; diwali; hanukkah; passover; lunar new year; chinese \
new year; pentecost; whit monday;
    ascension day; ash wednesday; mardi gras; carnival; labor day; memorial day; palm sunday; \
shrove tuesday; holi; advent;
    yom kippur; purim; maundy thursday
    """
)
NOTHING = listed(
    """
    ok; okay; hello; hi there; thanks; thank you so much; yes please; no thanks; sounds good; \
great; perfect; fine by me;
    see attached; as discussed; same as usual; same place; the usual; up to you; your call; \
nothing; none of them; all good; sorry;
    never mind; forget it; maybe; perhaps; lol; test; asdf; qwerty; xyz; blah; good luck; well \
done; how are you; what's up;
    long story; call me back; call me; text me; on my way; running late; almost there; wrong \
number; out of office; busy; too busy;
    very busy; not possible; no way; of course; why not; let's talk; we need to talk; i'll be \
back; it's raining; nice weather;
    big news; love it; the blue one; two tickets please; table for four; one coffee; the red car; \
my new phone; home alone;
    green tea; hotel by the sea; fresh bread; the big meeting; project plan; budget; agenda; \
minutes; who is coming; how long;
    how much; where; why; who; what; whatever you say; time flies; time is money; time will tell; \
day by day; may i; may i help;
    march on; sun and fun; the second door; second thoughts; once more; quarterly report; wedding \
present; sat down; mon ami;
    it may rain; i sat on it; we may win; in the sun; the mon app; a march through town;
    sunny; friendly; monthly fee; yearly bonus; next; next please; last; last one; first; the \
first; second; end; start; the end;
    the beginning
    """
)
_EASY = listed(
    "{wd}; {wd}; {wd}; next {wd}; tomorrow; the {dth}; {m} {dn}; {dn} {m}; {m} {dth}; next "
    "month; {mm}/{dd}; {dd}.{mm}.; {f}; "
    "this weekend; {y}; the end of {m}; noon; today; the weekend; next year; {m} {y}; {m}; "
    "next weekend"
)
_SHORT = (4, 6, 9, 11)  # months of 30 days
_BAD_HOURS = (
    25,
    25,
    25,
    26,
    26,
    27,
    28,
    29,
    30,
    31,
    32,
    33,
    35,
    37,
    40,
    42,
    44,
    45,
    50,
    55,
    61,
    66,
    70,
    72,
    77,
    80,
    88,
    99,
)


def _bad_month_day(rng: random.Random, today: date) -> str:
    """February 29 in a year without one, February 30 and 31, and the 31st of a short month."""
    if rng.random() < 0.2:
        year = today.year + rng.randint(-3, 6)
        year += year % 4 == 0
        return rng.choice(
            (
                f"february 29, {year}",
                f"feb 29 {year}",
                f"29 february {year}",
                f"29 feb {year}",
                f"29.2.{year}",
                f"2/29/{year}",
            )
        )
    month, day = rng.choice(((2, 30), (2, 31), (2, 30), *((month, 31) for month in _SHORT)))
    name, tail = (
        rng.choice((MONTHS[month - 1], MONTHS[month - 1], MONTHS[month - 1][:3])),
        rng.choice(("", "", "", f" {today.year}")),
    )
    return (
        rng.choice(
            (
                f"{name} {day}",
                f"{name} {ordinal(day)}",
                f"{day} {name}",
                f"{ordinal(day)} of {name}",
                f"the {ordinal(day)} of {name}",
            )
        )
        + tail
    )


def _bad_time(rng: random.Random, today: date) -> str:
    if rng.random() < 0.6:
        return f"{rng.choice(_BAD_HOURS)}:{rng.choice((0, 0, 0, 15, 30, 45)):02}"
    return (
        f"{rng.randint(1, 23)}:"
        f"{rng.choice((60, 61, 62, 65, 66, 70, 72, 75, 77, 80, 85, 88, 90, 95, 99))}"
        f"{rng.choice(('', '', 'pm'))}"
    )


def _bad_pair(rng: random.Random) -> tuple[int, int]:
    """(month, day) of which one is out of range."""
    kind = rng.random()
    if kind < 0.4:
        return rng.randint(13, 31), rng.randint(1, 31)
    return (
        (rng.randint(1, 12), rng.randint(32, 40))
        if kind < 0.6
        else rng.choice(((2, 30), (2, 31), *((month, 31) for month in _SHORT)))
    )


def _bad_slash(rng: random.Random, today: date) -> str:
    month, day = _bad_pair(rng)
    return f"{month}/{day}" + rng.choice(
        (f"/{today.year + rng.randint(-1, 2)}", f"/{today.year % 100:02}", "")
    )


def _bad_dot(rng: random.Random, today: date) -> str:
    month, day = _bad_pair(rng)
    return f"{day}.{month}." + rng.choice(
        (
            f"{today.year + rng.randint(-1, 2)}",
            f"{today.year + rng.randint(-1, 2)}",
            f"{today.year % 100:02}",
            "",
        )
    )


def _bad_iso(rng: random.Random, today: date) -> str:
    month, day = _bad_pair(rng)
    return f"{today.year + rng.randint(-2, 3)}-{month:02}-{day:02}"


def _easy(rng: random.Random, today: date) -> str:
    return filled(rng, today, rng.choice(_EASY), 1.0)[0]


def _integer(low: int, high: int) -> Write:
    return lambda rng, today: str(rng.randint(low, high))


def _ordinal(low: int, high: int) -> Write:
    return lambda rng, today: ordinal(rng.randint(low, high))


def _small(low: int, high: int) -> Write:
    return lambda rng, today: SLOTS["n"].text(rng, rng.randint(low, high), 1.0)


WRITERS: dict[str, Write] = {
    "day": _easy,
    "t": lambda rng, today: draw(rng)[0],
    "h": _integer(1, 22),
    "n1": _integer(1, 18),
    "n2": _integer(19, 28),
    "th1": _ordinal(1, 15),
    "th2": _ordinal(16, 30),
    "k1": _small(2, 4),
    "k2": _small(5, 9),
    "weekday": lambda rng, today: rng.choice(WEEKDAYS),
    "badmd": _bad_month_day,
    "badtime": _bad_time,
    "badslash": _bad_slash,
    "baddot": _bad_dot,
    "badiso": _bad_iso,
    "bad": _integer(32, 45),
    "badth": _ordinal(32, 45),
    "feast": lambda rng, today: rng.choice(FEASTS),
    "nothing": lambda rng, today: rng.choice(NOTHING),
    "occasion": lambda rng, today: occasion(rng),
    "name": lambda rng, today: name(rng),
}
