"""Examples out of the data sets that a search found: load, choose columns, take rows, count."""

import contextlib
import errno
import logging
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from p2m.artifacts import Example, TaskSpec
from p2m.errors import InputError
from p2m.retriever._columns import (
    Columns,
    Row,
    UnusableAnswerError,
    make_question,
    read_answer,
)
from p2m.retriever._rule import fit_columns
from p2m.retriever._sources import Source
from p2m.retriever._table import Table, load_table
from p2m.stages import Session, Work
from p2m.text.same import LabelSet

JUDGED = 200  # rows that the rule looks at: enough to tell a share of 0.9 from one of 0.8
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Harvest:
    """How much is taken, and what has been left so far, by reason.

    sample_rows: shown to the teacher.
    max_examples: of one data set.  max_chars: of an input or an output.
    teacher: chooses columns; None: the rule does.
    revisions: file that remembers commits of the hub.
    """

    sample_rows: int
    max_examples: int
    max_chars: int
    seed: int
    teacher: Any
    revisions: Path
    dropped: Counter[str] = field(default_factory=Counter)
    _tables: dict[str, Table | None] = field(default_factory=dict)

    def load(self, source: Source, work: Work) -> Table | None:
        """None, counted, for a set of the hub that cannot be loaded.  Loads each once.

        Raises InputError for a broken file of the user's own.
        """
        if source.name not in self._tables:
            self._tables[source.name] = self._load(source, work)
        return self._tables[source.name]

    def _load(self, source: Source, work: Work) -> Table | None:
        try:
            return load_table(source, work.folder / "cache", self.revisions)
        except InputError:
            raise
        except Exception as error:
            if source.file or (isinstance(error, OSError) and error.errno in _FULL):
                raise
            reason = " ".join(str(error).split())[:300]
            _log.warning("%s: cannot be loaded (%s)", source.name, reason)
            self.dropped["sets: cannot be loaded"] += 1
            return None

    def take(self, tables: Sequence[Table], task: TaskSpec, work: Work) -> list[Example]:
        """Every row of the fitting tables that can be used, the tables in the order given."""
        examples: list[Example] = []
        with contextlib.ExitStack() as stack:
            bar = stack.enter_context(work.bar(len(tables), "data sets"))
            choices: Iterable[Columns | None] = (self._by_rule(table, task) for table in tables)
            if self.teacher is not None:
                session = stack.enter_context(self.teacher.session(work))
                choices = self._by_teacher(tables, task, session)
            for table, columns in zip(tables, choices, strict=True):
                bar.note(table.source.name)
                if columns:
                    examples += self._rows(table, columns, task)
                else:
                    self.dropped["sets: do not fit"] += 1
                bar.advance()
        return examples

    def _by_teacher(
        self, tables: Sequence[Table], task: TaskSpec, session: Session
    ) -> Iterator[Columns | None]:
        """All questions go out at once, as none depends on another's answer."""
        futures = []
        for table in tables:
            sample = self._sample(table, self.sample_rows)
            question = make_question(task, table.source.name, table.columns, sample)
            futures.append(session.submit(question))
        for table, future in zip(tables, futures, strict=True):
            try:
                yield read_answer(future.result(), table.columns)
            except UnusableAnswerError as error:
                _log.warning("%s: %s; the rule chooses its columns", table.source.name, error)
                self.dropped["answers: no usable choice of columns"] += 1
                yield self._by_rule(table, task)

    def _by_rule(self, table: Table, task: TaskSpec) -> Columns | None:
        return fit_columns(task, table.columns, self._sample(table, JUDGED))

    def _sample(self, table: Table, n: int) -> list[Row]:
        return [row for _, row in table.rows(self._draw(table)[:n])]

    def _draw(self, table: Table) -> list[int]:
        """Rows at random, since the first ones of a sorted set may all have one label."""
        chance = random.Random(f"{self.seed}:{table.source.name}")
        return chance.sample(range(len(table)), min(len(table), self.max_examples))

    def _rows(self, table: Table, columns: Columns, task: TaskSpec) -> Iterator[Example]:
        labels = LabelSet(task.labels)
        self.dropped["over max_examples"] += max(0, len(table) - self.max_examples)
        for index, row in table.rows(sorted(self._draw(table))):
            source, output = columns.input_of(row), row[columns.output]
            if source is None or output is None:
                self.dropped["not text"] += 1
            elif not source.strip() or not output.strip():
                self.dropped["empty value"] += 1
            elif max(len(source), len(output)) > self.max_chars:
                self.dropped["too long"] += 1
            elif labels and not labels.find(output):
                self.dropped["not one of the labels"] += 1
            else:
                origin = table.source.origin(table.revision, index)
                answer = labels.find(output) or output.strip()
                yield Example(source.strip(), answer, origin)
