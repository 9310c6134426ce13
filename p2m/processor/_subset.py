"""Some of the examples of several sources, made when asked for: memory holds eight bytes each."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate

from p2m.artifacts import Example, ExampleView


class Subset(ExampleView):
    """The examples at *places* of *sources* laid end to end, each as *clean* gives it."""

    def __init__(
        self,
        sources: Sequence[Sequence[Example]],
        places: Sequence[int],
        clean: Callable[[Example], Example],
    ) -> None:
        self._sources, self._places, self._clean = sources, places, clean
        self._begins = [0, *accumulate(len(rows) for rows in sources)]

    def __len__(self) -> int:
        return len(self._places)

    def _example(self, i: int) -> Example:
        place = self._places[i]
        source = bisect_right(self._begins, place) - 1
        return self._clean(self._sources[source][place - self._begins[source]])
