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
    after: tuple[str, ...]
    set_by: tuple[str, ...]
    charged: str
    is_call: bool = True
    is_owned: bool = False


STATES = {
    "out": State(
        "reserved, perhaps sent",
        ("open",),  # beside new ones: a batch outlives the process that submitted it
        ("account.begin",),
        "the most that it can cost",
        is_owned=True,
    ),
    "answered": State(
        "its raw body is on disk, and not yet parsed",
        ("out", "open", "void", "lost"),  # its owner was taken for dead, and was not
        ("account.record_body",),
        "the most that it can cost",
        is_owned=True,
    ),
    "paid": State(
        "parsed, and billed by its usage or by the provider's bill",
        ("answered", "open"),
        ("account.settle", "reconcile.settle_open"),
        "its bill",
    ),
    "void": State(
        "not billed: throttled, refused, never sent, or not on the provider's bill",
        ("out", "open"),
        ("account.close", "reconcile.settle_open"),
        "nothing",
        is_call=False,
    ),
    "open": State(
        "sent, and nobody knows its bill: no answer came, or one that does not tell its usage",
        ("out", "answered"),
        ("account.close", "account.settle", "owner.abandon"),
        "the most that it can cost",
    ),
    "lost": State(
        "on the provider's bill, and its answer never came",
        ("open",),
        ("reconcile.settle_open",),
        "its share of the provider's bill",
    ),
}
