"""The caps on what teachers may cost, and what is said where one is reached."""

import math
import time
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from p2m.calls.prices import NANO
from p2m.errors import BudgetError

STARTED = time.monotonic()  # of this command: the configuration, which holds a Budget, comes first


@dataclass(frozen=True)
class Budget:
    """Caps on what teachers may cost; None is no cap.

    Dollars and calls count for ever, on this prompt; minutes for this command.
    pilot: real calls that a plan may make to estimate from.
    """

    max_usd: Annotated[float, Ge(0)] | None
    max_calls: Annotated[int, Ge(0)] | None
    max_minutes: Annotated[float, Ge(0)] | None
    pilot: Annotated[int, Ge(0)]

    def max_nano(self) -> int | None:
        """max_usd in whole nano-dollars, as the ledger counts."""
        if self.max_usd is None:
            return None
        return math.floor(round(self.max_usd * NANO, 3))

    def is_late(self) -> bool:
        """Whether the minutes of this command are over."""
        if self.max_minutes is None:
            return False
        return time.monotonic() - STARTED > self.max_minutes * 60

    def explain_lateness(self) -> BudgetError:
        return BudgetError(
            f"budget.max_minutes={self.max_minutes} is reached. All answers are kept;"
            " the same command goes on from here, for as long again."
        )

    def explain_excess(self, nano: int, calls: int, open_nano: int, worst: int) -> BudgetError:
        """What was reached after *nano* and *calls*, and what it would take to go on.

        open_nano: of it, for calls of unknown fate.  worst: the most that the next call can cost.
        """
        spent = f"${nano / NANO:.6f} in {calls} calls on this prompt"
        if open_nano:
            unknown = f"${open_nano / NANO:.6f} of it for calls of unknown fate"
            spent += f" ({unknown}: see p2m calls reconcile)"
        again = "All answers are kept. To go on, start the same command with"
        if self.max_calls is not None and calls >= self.max_calls:
            enough = calls + max(1, calls // 2)
            return BudgetError(
                f"budget.max_calls={self.max_calls} is reached: {spent}."
                f" {again} budget.max_calls={enough} or more."
            )
        enough_usd = math.ceil((nano + worst) / NANO * 1e4) / 1e4
        return BudgetError(
            f"budget.max_usd={self.max_usd} leaves no room for the next call,"
            f" at most ${worst / NANO:.6f}: {spent}."
            f" {again} budget.max_usd={enough_usd} or more;"
            f" a call has cost ${nano / NANO / max(1, calls):.6f} on average."
        )
