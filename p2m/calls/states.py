"""The states of an attempt: one try to have one request answered, from its reservation on.

(new) -> out -> answered -> paid
          |        '------> open -> paid, lost or void    by `p2m calls reconcile`
          |-> void           ^
          '------------------'
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class State:
    """after: the states from which an attempt may come here.  set_by: functions of this package.

    charged: what it counts against the cap in dollars.  is_call: whether it counts as a call.
    is_owned: whether a living process answers for it; what a dead one had `out` becomes `open`.
    """

    meaning: str
    charged: str
    after: tuple[str, ...]
    set_by: tuple[str, ...]
    is_call: bool = True
    is_owned: bool = False


MOST = "the most that it can cost"
RECONCILE = "reconcile.settle_open"
STATES = {
    # after `open`: a batch outlives the process that submitted it
    "out": State("reserved, perhaps sent", MOST, ("open",), ("account.begin",), is_owned=True),
    # after `open` and on: its owner was taken for dead, and was not
    "answered": State(
        "its raw body is on disk, and not yet parsed", MOST,
        ("out", "open", "void", "lost"), ("account.record_body",), is_owned=True,
    ),
    "paid": State(
        "parsed, and billed by its usage or by the provider's bill", "its bill",
        ("answered", "open"), ("account.settle", RECONCILE),
    ),
    "void": State(
        "not billed: throttled, refused, not sent, or not on the provider's bill", "nothing",
        ("out", "open"), ("account.close", RECONCILE), is_call=False,
    ),
    "open": State(
        "sent, and its bill is unknown: no answer came, or one that does not tell its usage", MOST,
        ("out", "answered"), ("account.close", "account.settle", "owner.abandon"),
    ),
    "lost": State(
        "on the provider's bill, and its answer never came", "its share of that bill",
        ("open",), (RECONCILE,),
    ),
}  # fmt: skip
