"""Find data sets by the words of the task: BM25 over the bundled catalogue of the hub and over a local folder."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le
from pydantic import DirectoryPath

from p2m import hub
from p2m.artifacts import Candidate, Examples, TaskSpec
from p2m.errors import ServiceError
from p2m.retriever._harvest import Harvest
from p2m.retriever._sources import Source, of_folder, of_hub
from p2m.retriever._table import Table
from p2m.stages import Estimate, Work
from p2m.text.language import language_names
from p2m.text.ranking import Index, tokens

REMEDY = (
    "set retriever.hub=auto to go on without it, or retriever.hub=never to use local files alone"
)


@dataclass(frozen=True)
class BM25:
    """Examples from the data sets whose cards share most words with the task, and whose columns serve it."""

    VERSION: ClassVar = 1
    RUNTIME: ClassVar = frozenset({"revisions"})

    catalogue: bool
    folder: DirectoryPath | None
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
        """Raises InputError for a file of the folder that cannot be read, ServiceError if the hub is required and does not answer."""
        harvest = Harvest(
            self.sample_rows,
            self.max_examples,
            self.max_chars,
            self.seed,
            self.teacher,
            self.revisions,
        )
        sources = [
            *(of_folder(self.folder) if self.folder else ()),
            *(of_hub() if self.catalogue else ()),
        ]
        tables: dict[str, Table] = {}
        try:
            ranked = self._ranked(
                task, {source.name: self._card(source, harvest, tables, work) for source in sources}
            )
            usable = self._usable(
                [s for s in sources if s.name in ranked], list(ranked)[: self.top_k], harvest
            )
            tried = [name for name in ranked if name in usable][: self.top_k]
            found = [
                table
                for name in tried
                if (table := tables.get(name) or harvest.load(usable[name], work))
            ]
            rows = harvest.take(found, task, work)
        finally:
            shutil.rmtree(
                work.folder / "cache", ignore_errors=True
            )  # what datasets made on the way; downloads stay in the hub's own cache
        listed = tuple(
            c
            for place, (name, c) in enumerate(ranked.items())
            if place < self.top_k or name in tried
        )
        return Examples(
            rows, listed, {reason: n for reason, n in sorted(harvest.dropped.items()) if n}
        )

    def estimate(self) -> Estimate:
        """At most one call for each data set that is looked at."""
        return Estimate(
            calls=self.top_k if self.teacher is not None else 0,
            usd=None if self.teacher is not None else 0.0,
        )

    def _ranked(self, task: TaskSpec, cards: dict[str, str]) -> dict[str, Candidate]:
        """Those that come near enough to the best, best first; those that share no word with the task never do."""
        found = Index(cards, self.k1, self.b).rank(_query(task))
        return {
            c.name: c for c in found if c.score > 0 and c.score >= self.min_share * found[0].score
        }

    def _card(self, source: Source, harvest: Harvest, tables: dict[str, Table], work: Work) -> str:
        """A file without a card is searched by its name, its columns and some of its rows."""
        if source.card is not None:
            return source.card
        table = harvest.load(source, work)
        assert table is not None  # only a set of the hub can be left out, and those all have cards
        tables[source.name] = table
        return table.card(self.sample_rows)

    def _usable(
        self, sources: Sequence[Source], first: Sequence[str], harvest: Harvest
    ) -> dict[str, Source]:
        """Those whose rows can be had; of the others the ones among the *first* are counted, as they would have been tried."""
        far = [s for s in sources if s.file is None]
        large = {s.name for s in far if self.max_set and (s.size or 0) > self.max_set}
        silent = not far or self.hub == "never" or not hub.reachable()
        if self.hub == "required" and far and silent:
            raise ServiceError(
                f"retriever: the hub does not answer ({hub.endpoint()}), and {len(far)} of the data sets found lie there; {REMEDY}"
            )
        harvest.dropped["sets: larger than max_set"] += len(large & set(first))
        out = {s.name for s in far} if silent else large
        harvest.dropped[
            "sets: hub unreachable"
            if self.hub != "never"
            else "sets: on the hub, which hub=never leaves out"
        ] += len((out - large) & set(first))
        return {s.name: s for s in sources if s.name not in out | large}


def _query(task: TaskSpec) -> str:
    """The instruction, its languages, and once each what further words the demonstrations have.

    Demonstrations tell of other things than the task: with their repeated words counted, a question on a bridge finds sets about bridges.
    """
    told = [
        task.instruction,
        *language_names(
            [code for code in (task.input_language, task.output_language) if code != "und"]
        ),
    ]
    known = set(tokens(" ".join(told)))
    shown = dict.fromkeys(
        word for d in task.demonstrations for word in tokens(f"{d.input} {d.output}")
    )
    return " ".join([*told, *(word for word in shown if word not in known)])
