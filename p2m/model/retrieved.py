"""A pretrained model found by the words of the task: BM25 over model cards times downloads."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le

from p2m import hub
from p2m.artifacts import Choice, TaskSpec
from p2m.errors import ConfigError, IncompleteError
from p2m.model._cards import eligible_cards, rank
from p2m.model._hub_model import REMEDY, choose_from_hub, is_cached
from p2m.stages import Estimate, Request, Work
from p2m.student.build import ARCHITECTURES
from p2m.text.json_answer import tolerant_json

SCHEMA = {
    "title": "card",
    "type": "object",
    "properties": {"card": {"type": "string", "minLength": 1}},
    "required": ["card"],
    "additionalProperties": False,
}
_SYSTEM = "You know the models that people publish and how their cards describe them."
_QUESTION = (
    "Write the description, about 60 words, that would stand on the card of a small pretrained"
    " text-to-text model that suits fine-tuning for this task: what it was trained on, which"
    " languages, which tasks. Name no real model."
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Retrieved:
    """The best bundled model card: BM25 score times log10(downloads + 2), as in Prompt2Model.

    hyde: search with a card that the teacher imagines for the task (Gao et al. 2023), not with the
    instruction itself.
    """

    VERSION: ClassVar = 1
    RUNTIME: ClassVar = frozenset({"revisions"})

    k1: Annotated[float, Ge(0)]
    b: Annotated[float, Ge(0), Le(1)]
    top_k: Annotated[int, Gt(0)]
    max_bytes: Annotated[int, Gt(0)] | None
    kind: Literal["encoder-decoder"]
    hyde: bool
    teacher: Any
    revisions: Path

    def __post_init__(self) -> None:
        if self.hyde and self.teacher is None:
            raise ValueError(
                "hyde=true needs a teacher to imagine the card: set teacher=${teacher}, or"
                " hyde=false"
            )

    def run(self, task: TaskSpec, work: Work) -> Choice:
        """The best that p2m can train.

        Raises IncompleteError where no card has a word of the query, or none is small enough.
        """
        cards = eligible_cards(self.kind, self.max_bytes)
        if not cards:
            raise IncompleteError(
                f"model: none of the bundled cards is {self.kind}, of"
                f" {', '.join(ARCHITECTURES[self.kind])}, and at most {self.max_bytes} bytes; raise"
                " model.max_bytes"
            )
        query = self._imagine_card(task, work) if self.hyde else task.instruction
        best = rank(cards, query, self.k1, self.b)[: self.top_k]
        if best[0].score <= 0:
            raise IncompleteError(
                "model: no bundled model card shares a word with the task; name a model, such as"
                " model=flan_t5_base"
            )
        for candidate in best:
            card = cards[candidate.name]
            try:
                return choose_from_hub(
                    card.name, card.revision, self.kind, self.revisions, tuple(best)
                )
            except ConfigError as error:
                _log.warning("%s; the next best is tried", error)
        raise IncompleteError(
            f"model: p2m can train none of the {len(best)} best cards; name a model, such as"
            " model=flan_t5_base"
        )

    def ready(self) -> Iterator[str]:
        """Which model it will be is not known yet: a line only where none at all can be had."""
        cards = eligible_cards(self.kind, self.max_bytes).values()
        if not cards or any(is_cached(c.name, c.revision, self.revisions) for c in cards):
            return
        if not hub.reachable():
            yield (
                "no model that could be found is in the local cache, and the hub does not answer"
                f" ({hub.endpoint()}); {REMEDY}"
            )

    def estimate(self) -> Estimate:
        return Estimate(calls=1) if self.hyde else Estimate(calls=0, usd=0.0)

    def _imagine_card(self, task: TaskSpec, work: Work) -> str:
        """The teacher's card, or the instruction where its answer cannot be used."""
        user = f"The task:\n{task.instruction}\n\n{_QUESTION}"
        messages = ({"role": "system", "content": _SYSTEM}, {"role": "user", "content": user})
        request = Request(messages=messages, temperature=0.0, max_tokens=400, schema=SCHEMA)
        with self.teacher.session(work) as session:
            answer = session.submit(request).result()
        value = tolerant_json(answer.text) if answer.outcome == "ok" else None
        card = value.get("card") if isinstance(value, dict) else None
        if isinstance(card, str) and card.strip():
            return card
        _log.warning(
            "model: the teacher wrote no card (%s); the instruction itself is searched for",
            answer.outcome,
        )
        return task.instruction
