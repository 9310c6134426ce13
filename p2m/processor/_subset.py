"""Examples picked from others by their places, made when asked for: memory holds eight bytes each."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

from p2m.artifacts import Example, ExampleView


class Subset(ExampleView):
    """Those at *places* of *sources*, taken as one sequence after another, each as *settle* gives it."""

    def __init__(
        self,
        sources: Sequence[Sequence[Example]],
        places: Sequence[int],
        settle: Callable[[Example], Example],
    ) -> None:
        self._sources, self._places, self._settle = sources, places, settle
        self._begins = [0, *accumulate(len(rows) for rows in sources)]

    def __len__(self) -> int:
        return len(self._places)

    def _example(self, i: int) -> Example:
        place = self._places[i]
        source = bisect_right(self._begins, place) - 1
        return self._settle(self._sources[source][place - self._begins[source]])
