"""What an example must keep to before it is compared with others."""

from dataclasses import dataclass, field

from p2m.artifacts import Example
from p2m.text.same import LabelSet


@dataclass(frozen=True)
class Bounds:
    """input, output: the longest in characters.  labels: if answers come from a closed set."""

    input: int
    output: int
    labels: tuple[str, ...]
    _known: LabelSet = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", LabelSet(self.labels))

    def clean(self, row: Example) -> Example:
        """As the student gets it: no white space around, labels as the list has them."""
        also = tuple(map(self._answer, row.also))
        return Example(row.input.strip(), self._answer(row.output), row.origin, also, row.votes)

    def fault(self, row: Example) -> str | None:
        """Why the clean *row* cannot be used."""
        if not row.input or not row.output:
            return "empty"
        if len(row.input) > self.input:
            return "input too long"
        if len(row.output) > self.output:
            return "output too long"
        if self.labels and row.output not in self.labels:
            return "not a label"
        return None

    def _answer(self, text: str) -> str:
        return self._known.find(text) or text.strip()
