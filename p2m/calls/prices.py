"""What a model costs, in whole nano-dollars, so that sums are exact."""

import math
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

NANO = 10**9  # of a dollar


@dataclass(frozen=True)
class Price:
    """US dollars a million tokens."""

    input: Annotated[float, Ge(0)]
    output: Annotated[float, Ge(0)]

    def nano(self, input_tokens: int, output_tokens: int) -> int:
        """The cost, rounded up to a whole nano-dollar."""
        per_million = input_tokens * self.input + output_tokens * self.output
        return math.ceil(round(per_million * (NANO // 10**6), 6))


FREE = Price(0, 0)
