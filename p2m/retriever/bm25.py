"""Data sets found by the words of the task: BM25 over the hub's catalogue and a local folder."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le
from pydantic import BeforeValidator, DirectoryPath

from p2m import hub
from p2m.artifacts import Candidate, Examples, TaskSpec
from p2m.errors import ServiceError
from p2m.retriever._harvest import Harvest
from p2m.retriever._sources import Source, of_folder, of_hub
from p2m.stages import Estimate, Work
from p2m.text.language import UNKNOWN, language_names
from p2m.text.ranking import Index, tokens
from p2m.text.read import expand_home

REMEDY = (
    "set retriever.hub=auto to go on without it, or retriever.hub=never to use local files alone"
)


@dataclass(frozen=True)
class BM25:
    """Examples from data sets whose cards share words with the task, and whose columns serve it."""

    VERSION: ClassVar = 2
    RUNTIME: ClassVar = frozenset({"revisions"})

    catalogue: bool
    folder: Annotated[DirectoryPath, BeforeValidator(expand_home)] | None
    hub: Literal["auto", "required", "never"]
    revisions: Path
    k1: Annotated[float, Ge(0)]
    b: Annotated[float, Ge(0), Le(1)]
    top_k: Annotated[int, Gt(0)]
    min_share: Annotated[float, Ge(0), Le(1)]
    max_set: Annotated[int, Gt(0)] | None
    sample_rows: Annotated[int, Gt(0)]
    max_examples: Annotated[int, Gt(0)]
    max_chars: Annotated[int, Gt(0)]
    teacher: Any
    seed: int

    def __post_init__(self) -> None:
        if not self.catalogue and self.folder is None:
            raise ValueError(
                "has nothing to search: set folder=..., or catalogue=true, or take retriever=none"
            )

    def run(self, task: TaskSpec, work: Work) -> Examples:
        """Raises InputError for a file of the folder that cannot be read.

        Raises ServiceError if the hub is required and does not answer.
        """
        harvest = Harvest(
            self.sample_rows,
            self.max_examples,
            self.max_chars,
            self.seed,
            self.teacher,
            self.revisions,
        )
        try:
            return self._search(task, work, harvest)
        finally:
            # what datasets made on the way; downloads stay in the hub's own cache
            shutil.rmtree(work.folder / "cache", ignore_errors=True)

    def estimate(self) -> Estimate:
        """At most one call for each data set that is looked at."""
        if self.teacher is None:
            return Estimate(calls=0, usd=0.0)
        return Estimate(calls=self.top_k)

    def _search(self, task: TaskSpec, work: Work, harvest: Harvest) -> Examples:
        # 1) a card for each data set
        sources = {source.name: source for source in self._sources()}
        cards = {name: self._card(source, harvest, work) for name, source in sources.items()}

        # 2) those that come near enough to the best; of these the first whose rows can be had
        ranking = self._rank(task, cards)
        first = {candidate.name for candidate in ranking[: self.top_k]}
        near = [sources[candidate.name] for candidate in ranking]
        tried = self._usable(near, first, harvest)[: self.top_k]

        # 3) their rows
        tables = list(filter(None, (harvest.load(source, work) for source in tried)))
        if not ranking:
            harvest.dropped["sets: share no word with the task"] += len(sources)
        rows = harvest.take(tables, task, work)
        listed = first.union(source.name for source in tried)
        candidates = tuple(candidate for candidate in ranking if candidate.name in listed)
        return Examples(rows, candidates, dict(sorted((+harvest.dropped).items())))

    def _sources(self) -> list[Source]:
        sources = of_folder(self.folder) if self.folder else []
        return sources + of_hub() if self.catalogue else sources

    def _card(self, source: Source, harvest: Harvest, work: Work) -> str:
        """A file without a card is searched by its name, its columns and some of its rows."""
        if source.card is not None:
            return source.card
        table = harvest.load(source, work)
        assert table is not None  # only sets of the hub are left out, and those all have cards
        return table.card(self.sample_rows)

    def _rank(self, task: TaskSpec, cards: dict[str, str]) -> list[Candidate]:
        """Those near enough to the best, best first; never one that shares no word with it."""
        ranking = Index(cards, self.k1, self.b).rank(_query(task))
        least = self.min_share * ranking[0].score
        return [candidate for candidate in ranking if 0 < candidate.score >= least]

    def _usable(self, near: list[Source], first: set[str], harvest: Harvest) -> list[Source]:
        """Those whose rows can be had.

        Of the others, the ones among the *first* are counted, as they would have been tried.
        """
        silent = self._why_silent(sum(source.file is None for source in near))
        usable = []
        for source in near:
            reason = self._why_unusable(source, silent)
            if not reason:
                usable.append(source)
            elif source.name in first:
                harvest.dropped[reason] += 1
        return usable

    def _why_silent(self, n_far: int) -> str:
        """Why none of the data sets of the hub, *n_far*, can be had, if so."""
        if self.hub == "never":
            return "sets: on the hub, which hub=never leaves out"
        if n_far == 0 or hub.reachable():
            return ""
        if self.hub == "required":
            raise ServiceError(
                f"retriever: the hub does not answer ({hub.endpoint()}), and {n_far} of the data"
                f" sets found lie there; {REMEDY}"
            )
        return "sets: hub unreachable"

    def _why_unusable(self, source: Source, silent: str) -> str:
        if source.file is not None:
            return ""
        if self.max_set is not None and (source.size or 0) > self.max_set:
            return "sets: larger than max_set"
        return silent


def _query(task: TaskSpec) -> str:
    """The instruction, its languages, and once each what further words the demonstrations have.

    Demonstrations tell of other things than the task: with their repeated words counted, a
    question on a bridge finds sets about bridges.
    """
    codes = [code for code in (task.input_language, task.output_language) if code != UNKNOWN]
    text = " ".join([task.instruction, *language_names(codes)])
    known = set(tokens(text))
    further: dict[str, None] = {}
    for d in task.demonstrations:
        further |= dict.fromkeys(tokens(f"{d.input} {d.output}"))
    return " ".join([text, *(word for word in further if word not in known)])
