"""The training example nearest to each query: cosine of tf-idf over character trigrams, in blocks that bound the memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from p2m.artifacts import Example

BUCKETS = 1 << 20  # trigrams are hashed; of 100,000 different ones a tenth share a bucket
GOLDEN = np.uint64(
    0x9E3779B97F4A7C15
)  # 2^64 over the golden ratio: Knuth's multiplicative hash, whose top 20 bits are the bucket
BLOCK_CHARS = 4_000_000  # of training text at a time: about 300 MB of arrays
TERMS = (
    64  # of a query, the heaviest: all of a short one, and a bound on the work for a page of text
)


def nearest(queries: Sequence[str], train: Sequence[Example]) -> list[int | None]:
    """For each query the index of the nearest example, the first of equals; None where no trigram is shared.

    train is read twice from end to end and may lie on disk.
    """
    idf = _idf(train)
    asked = [_query(text, idf) for text in queries]
    best, found = np.zeros(len(queries)), np.full(len(queries), -1)
    first = 0
    for texts in _blocks(train):
        block = _index(texts, idf)
        for q, (terms, weights) in enumerate(asked):
            score, row = block.best(terms, weights)
            if score > best[q]:
                best[q], found[q] = score, first + row
        first += len(texts)
    return [int(i) if i >= 0 else None for i in found]


@dataclass(frozen=True)
class _Index:
    """Postings of one block: term t stands in rows[starts[t]:starts[t + 1]] with these weights, which are unit length by row."""

    terms: Any
    starts: Any
    rows: Any
    weights: Any
    size: int

    def best(self, terms: Any, weights: Any) -> tuple[float, int]:
        """Score and row of the block's nearest; score 0 if nothing is shared."""
        at = np.searchsorted(self.terms, terms)
        at_safe = np.minimum(at, len(self.terms) - 1)
        known = self.terms[at_safe] == terms
        spans = [
            (self.starts[t], self.starts[t + 1], w)
            for t, w in zip(at_safe[known], weights[known], strict=True)
        ]
        if not spans:
            return 0.0, 0
        rows = np.concatenate([self.rows[a:b] for a, b, _ in spans])
        products = np.concatenate([self.weights[a:b] * w for a, b, w in spans])
        scores = np.bincount(rows, products, self.size).round(
            9
        )  # rounded: equals must be equal whatever order they were added in
        row = int(scores.argmax())
        return float(scores[row]), row


def _idf(train: Sequence[Example]) -> Any:
    """(BUCKETS,) inverse document frequency, smoothed so that a trigram of every input still weighs a little."""
    counts, n = np.zeros(BUCKETS, dtype=np.int64), 0
    for texts in _blocks(train):
        counts += np.bincount(_counted(texts)[1], minlength=BUCKETS)
        n += len(texts)
    return np.log((1 + n) / (1 + counts)) + 1


def _index(texts: list[str], idf: Any) -> _Index:
    rows, terms, times = _counted(texts)
    weights = (1 + np.log(times)) * idf[terms]
    weights /= np.sqrt(np.bincount(rows, weights**2, len(texts)))[rows]
    order = np.argsort(terms, kind="stable")
    distinct, starts = np.unique(terms[order], return_index=True)
    return _Index(distinct, np.append(starts, len(terms)), rows[order], weights[order], len(texts))


def _query(text: str, idf: Any) -> tuple[Any, Any]:
    """The query's heaviest terms, in rising order, with their weights."""
    _, terms, times = _counted([text])
    weights = (1 + np.log(times)) * idf[terms]
    kept = np.sort(np.argsort(-weights, kind="stable")[:TERMS])
    return terms[kept], weights[kept]


def _counted(texts: list[str]) -> tuple[Any, Any, Any]:
    """(row, term, times) of every trigram of every text, sorted by row and then term; a space is put on both sides of a text."""
    joined = "\0".join(f" {text.lower().replace(chr(0), ' ')} " for text in texts)
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(
        np.uint64
    )
    row = np.cumsum(points == 0)
    whole = (points[:-2] != 0) & (points[1:-1] != 0) & (points[2:] != 0)
    packed = (
        points[:-2] << np.uint64(42) | points[1:-1] << np.uint64(21) | points[2:]
    )  # a code point has 21 bits
    term = (packed * GOLDEN >> np.uint64(44)).astype(np.int64)
    pairs, times = np.unique(row[:-2][whole] * BUCKETS + term[whole], return_counts=True)
    return pairs // BUCKETS, pairs % BUCKETS, times


def _blocks(train: Sequence[Example]) -> Iterator[list[str]]:
    """The inputs of *train*, some at a time."""
    texts: list[str] = []
    chars = 0
    for example in train:
        texts.append(example.input)
        chars += len(example.input) + 3
        if chars >= BLOCK_CHARS:
            yield texts
            texts, chars = [], 0
    if texts:
        yield texts
