"""Examples out of the data sets that a search found: load, choose columns, take rows, count what is left."""

import contextlib
import errno
import logging
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from p2m.artifacts import Example, TaskSpec
from p2m.errors import InputError
from p2m.retriever import _rule
from p2m.retriever._columns import Columns, answered, question
from p2m.retriever._sources import Source
from p2m.retriever._table import Table, loaded
from p2m.stages import Session, Work

JUDGED = 200  # rows that the rule looks at: enough to tell a share of 0.9 from one of 0.8
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Harvest:
    """How much is taken, and what has been left so far, by reason.

    sample_rows: shown to the teacher.  max_examples: of one data set.  max_chars: of an input or an output.
    teacher: chooses columns; None: the rule does.  revisions: file that remembers commits of the hub.
    """

    sample_rows: int
    max_examples: int
    max_chars: int
    seed: int
    teacher: Any
    revisions: Path
    dropped: Counter[str] = field(default_factory=Counter)

    def load(self, source: Source, work: Work) -> Table | None:
        """None, counted, for a set of the hub that cannot be loaded; a broken file of the user's own raises InputError."""
        try:
            return loaded(source, work.folder / "cache", self.revisions)
        except InputError:
            raise
        except Exception as error:
            if source.file or (isinstance(error, OSError) and error.errno in _FULL):
                raise
            _log.warning(
                "%s: cannot be loaded (%s)", source.name, " ".join(str(error).split())[:300]
            )
            self.dropped["sets: cannot be loaded"] += 1
            return None

    def take(self, tables: Sequence[Table], task: TaskSpec, work: Work) -> list[Example]:
        """Every row of the fitting tables that can be used, the tables in the order given."""
        found: list[Example] = []
        with work.bar(len(tables), "data sets") as bar, self._columns(tables, task, work) as chosen:
            for table, columns in zip(tables, chosen, strict=True):
                bar.note(table.source.name)
                self.dropped["sets: do not fit"] += columns is None
                found += self._rows(table, columns, task) if columns else []
                bar.advance()
        return found

    @contextlib.contextmanager
    def _columns(
        self, tables: Sequence[Table], task: TaskSpec, work: Work
    ) -> Iterator[Iterator[Columns | None]]:
        if self.teacher is None:
            yield (self._by_rule(table, task) for table in tables)
            return
        with self.teacher.session(work) as session:
            yield self._by_teacher(tables, task, session)

    def _by_teacher(
        self, tables: Sequence[Table], task: TaskSpec, session: Session
    ) -> Iterator[Columns | None]:
        """All questions go out at once, as none depends on another's answer."""
        asked = [
            session.submit(
                question(task, t.source.name, t.columns, self._sample(t, self.sample_rows))
            )
            for t in tables
        ]
        for table, future in zip(tables, asked, strict=True):
            said = answered(future.result(), table.columns)
            if isinstance(said, str):
                _log.warning("%s: %s; the rule chooses its columns", table.source.name, said)
                self.dropped["answers: no usable choice of columns"] += 1
                said = self._by_rule(table, task)
            yield said

    def _by_rule(self, table: Table, task: TaskSpec) -> Columns | None:
        return _rule.fitting(task, table.columns, self._sample(table, JUDGED))

    def _drawn(self, table: Table) -> list[int]:
        """Rows at random, since the first ones of a sorted set may all have one label."""
        return random.Random(f"{self.seed}:{table.source.name}").sample(
            range(len(table)), min(len(table), self.max_examples)
        )

    def _sample(self, table: Table, n: int) -> list[Mapping[str, str | None]]:
        return [row for _, row in table.rows(self._drawn(table)[:n])]

    def _rows(self, table: Table, columns: Columns, task: TaskSpec) -> Iterator[Example]:
        labels = {label.casefold(): label for label in task.labels}
        self.dropped["over max_examples"] += max(0, len(table) - self.max_examples)
        for index, row in table.rows(sorted(self._drawn(table))):
            given, wanted = columns.input_of(row), row[columns.output]
            wanted = labels.get(wanted.strip().casefold(), wanted) if wanted else wanted
            if fault := self._fault(given, wanted, task):
                self.dropped[fault] += 1
            elif given and wanted:
                yield Example(
                    given.strip(), wanted.strip(), table.source.origin(table.revision, index)
                )

    def _fault(self, given: str | None, wanted: str | None, task: TaskSpec) -> str | None:
        if given is None or wanted is None:
            return "not text"
        if not given.strip() or not wanted.strip():
            return "empty value"
        if max(len(given), len(wanted)) > self.max_chars:
            return "too long"
        return "not one of the labels" if task.labels and wanted not in task.labels else None
