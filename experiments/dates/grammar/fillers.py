"""Words beside a date that do not change it: occasions, verbs, names, courtesies."""

import random

from experiments._grammar.style import listed, weighted

_OCCASIONS = listed(
    """
    meeting; lunch; dinner; dentist; breakfast; call; party; flight; train; exam; appointment; \
interview; doctor; birthday;
    wedding; concert; haircut; gym; yoga; class; training; review; demo; workshop; delivery; \
pickup; checkup; rehearsal; visit;
    holiday; trip; picnic; barbecue; brunch; coffee; drinks; game; match; test; quiz; essay; \
report; homework; invoice; rent;
    payment; tax; bill; insurance; passport; visa; renewal; subscription; deadline; launch; \
release; sprint; standup; meetup;
    conference; seminar; lecture; sync; kickoff; handover; inspection; repair; plumber; \
electrician; vet; physio; therapy;
    swimming; football; choir; piano; lesson; movie; cinema; theatre; opera; museum; bbq; move; \
move-in; checkout; checkin;
    boarding; arrival; departure; return; parcel; order; shipment; contract; lease; warranty; \
election; vaccination; surgery; bus;
    ferry; audit; sale; reunion
    """
)
_NAMES = listed(
    """
    anna; ben; tom; lea; max; nina; paul; sara; omar; lucy; jack; mia; ali; eva; jon; rosa; kim; \
leo; amy; sam; zoe; ivan; ravi; noah;
    emma; luis; ana; bob; jill; pete; mum; dad; mom; grandma; grandpa; the boss; the team; the \
kids; my sister; my brother; dr. lee;
    mrs. hall; mr. king; aunt meg; john; mary; lisa; carl; ines; hugo; ella; oscar; ruth; ian; \
kate; steve; the client; our landlord
    """
)
_ROOMS = listed(
    """
    the office; the station; home; work; school; the airport; the gym; the park; the cafe; the \
usual place; room 4; the bank;
    our place
    """
)
_VERBS = listed(
    """
    call; email; text; visit; meet; see; pay; remind; ask; phone; write to; pick up; drop off; \
invite; thank; help; ring; go see;
    talk to; chat with; message
    """
)
_TASKS = listed(
    """
    buy milk; pay rent; water the plants; send the report; book flights; feed the cat; clean the \
house; fix the bike;
    submit the essay; renew passport; return the books; back up files; take out the trash; wash \
the car; order pizza; change tyres;
    sign the form; finish the slides; hand in homework; do the taxes; file the claim; pack bags; \
get groceries; mow the lawn;
    ship the box; post the letter; check the oven; update the site; cut the hedge
    """
)
_DUES = weighted(
    """
    due^10; due by^5; due on^3; deadline^3; deadline is^2; deadline:^2; deliver by^3; submit by^2; \
pay by^2; finish by^2; done by;
    ready by^2; needed by^2; expires^3; expires on; ends^2; starts^3; started^2; began; begins; \
opens; closes; arrived^2;
    arrives^2; arriving; left; leaving; leaves; valid until; valid till; good until; open until; \
closed until; free until;
    away until; back^2; back on; sent; sent on; received; ordered; bought; paid; posted; born; \
signed; dated; shipped;
    scheduled for^2; booked for^2; moved to^2; postponed to; pushed to; rescheduled to; set for; \
planned for^2; returns;
    no later than; by eod; eod; by cob; first thing; by end of day;
    cob; by close of business; not later than; latest; at the latest; target:; eta^2; eta:; \
date:^2; when:; due date^2; due date:^2;
    start date; start:; end:; from; happened; it was; was; it's; its; that's; that was; i'll be \
there; i arrive; i leave; we leave;
    we meet; see you^3; see u; c u; until^4; till^3; by^6; around^3; about^2; approx; roughly; \
probably^2; maybe^2; perhaps;
    likely; possibly; for^3; as late as; only; valid thru; best before; use by; opened; closed; \
bought it; it broke;
    goes out; go out; changes; change; is on^2; are on; was on^2; where were you on; what did you \
do;
    what are you doing^2; what's on; what is on; subject:; due_date:; date_due:; on or about; \
clocks change; ends on; runs out
    """
)
_ASKS = weighted(
    """
    how about^5; what about^4; shall we say^3; let's say^3; lets say; let's do^3; lets do^2; can \
we do^3; can we meet^3;
    could we meet; can you do^2; say^2; is (it|that|this)^1; are you free^3; r u free; you free; \
free^2; let's meet^3; meet me^2;
    meet^2; come over^2; come by; see me; i can do^2; i could do; i mean^2; i meant; ok^3; okay^2; \
um^2; uh; hmm^2; hm; well^2;
    so^2; yes^2; yeah; yep; sure^2; no,; sorry,^2; hi,^2; hello,; hey^2; please^2; pls^2; then^2; \
remind me^5; remind me on;
    wake me^2; set it for^2; set an alarm for; put it in for; book it for^2; book^2; reserve; \
plan^2; move it to^2; make it^2;
    i think^2; i guess; i'd say; it has to be; must be; should be^2; will be; works:; or rather; \
actually^2; just; ideally;
    preferably^2; better; my answer is; the answer is; not sure but; if possible; i want it; i \
need it^2; i need it by^2; get it;
    get it done^2; schedule^2; schedule for^2; calendar:; note:^2; todo:; to do; re:; fyi; \
reminder^3; reminder:^2; new date:;
    date is; time:; next appointment:; first try
    """
)
_TAILS = weighted(
    """
    pls^7; please^8; plz^2; thanks^5; thx^3; ty; thank you^2; ok^2; ok?^5; okay?^2; if possible^3; \
works for me^2; works^2;
    is fine^3; is good^2; is ok^2; would be great^2; at the latest^4; latest^2; then^3; for \
sure^2; i think^4; hopefully^2;
    maybe^2; right?^2; for me^2; sharp^2; or so^2; i guess^2; instead^2; again; it is; is best; \
would work; suits me; suits us;
    good?; alright?; yes?; for now; in person; online; on zoom; by phone; as agreed; as planned; \
as usual; for lunch^2; for dinner;
    for a coffee; i hope; or thereabouts; approx; (tbc); (confirmed); (final); see you; see you \
there; cheers^2; bye; deadline^2;
    :); !!; x; lol
    """
)
_MARKS = weighted(".^5; !^5; ?^5; ...^2; ,; !!; ??; ;-)")


def name(rng: random.Random) -> str:
    """A known name, or one made of syllables: what stands beside a date is mostly a word never met
    before."""
    if rng.random() < 0.5:
        return rng.choice(_NAMES)
    return "".join(
        rng.choice("bcdfghjklmnprstvwz") + rng.choice("aeiou") for _ in range(rng.randint(1, 3))
    ) + rng.choice(("", "n", "l", "s", "r"))


def occasion(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.5:
        return rng.choice(_OCCASIONS)
    if kind < 0.68:
        return f"{rng.choice(_OCCASIONS)} with {name(rng)}"
    if kind < 0.78:
        return f"{rng.choice(_VERBS)} {name(rng)}"
    if kind < 0.9:
        return rng.choice(_TASKS)
    return f"{rng.choice(_OCCASIONS)} {rng.choice(('at', 'in', 'near'))} {rng.choice(_ROOMS)}"


def head(rng: random.Random) -> str:
    """Words before a date."""
    kind = rng.random()
    if kind < 0.45:
        return rng.choices(*_DUES)[0]
    if kind < 0.72:
        return rng.choices(*_ASKS)[0]
    return (
        occasion(rng)
        + rng.choices(("", " is", ":", " due", ",", " by", " -"), (60, 8, 8, 6, 4, 6, 4))[0]
    )


def tail(rng: random.Random) -> str:
    """Words after a date."""
    kind = rng.random()
    if kind < 0.72:
        return rng.choices(*_TAILS)[0]
    if kind < 0.9:
        return rng.choice(("for ", "- ", "", "for ")) + occasion(rng)
    return f"{rng.choice(('with', 'for', 'at'))} {name(rng)}"


def mark(rng: random.Random) -> str:
    return rng.choices(*_MARKS)[0]
