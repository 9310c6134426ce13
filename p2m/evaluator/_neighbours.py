"""The training example nearest to each query: cosine of tf-idf over character trigrams.

In blocks that bound the memory.  A trigram stands for the bucket that it is hashed to.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from p2m.artifacts import Example

BUCKETS = 1 << 20  # of 100,000 different trigrams a tenth share a bucket
# 2^64 over the golden ratio: Knuth's multiplicative hash, whose top 20 bits are the bucket
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
BLOCK_CHARS = 4_000_000  # of training text at a time: about 300 MB of arrays
# of a query, the heaviest: all of a short one, and a bound on the work for a page of text
MAX_TERMS = 64


def nearest(queries: Sequence[str], train: Sequence[Example]) -> list[int | None]:
    """For each query the index of the nearest example, the first of equals.

    None where no trigram is shared.  train is read twice from end to end and may lie on disk.
    """
    idf = _idf(train)
    weighed = [_weigh_query(query, idf) for query in queries]
    best_scores = [0.0] * len(queries)
    best: list[int | None] = [None] * len(queries)
    first = 0
    for texts in _blocks(train):
        block = _Block(texts, idf)
        for i, (buckets, weights) in enumerate(weighed):
            score, row = block.nearest(buckets, weights)
            if score > best_scores[i]:
                best_scores[i], best[i] = score, first + row
        first += len(texts)
    return best


class _Block:
    """Postings: bucket b stands in rows[starts[b]:starts[b + 1]] with these weights.

    The weights of a row make a vector of unit length.
    """

    def __init__(self, texts: list[str], idf: Any) -> None:
        rows, buckets, times = _count_trigrams(texts)
        weights = (1 + np.log(times)) * idf[buckets]
        weights /= np.sqrt(np.bincount(rows, weights**2, len(texts)))[rows]
        order = np.argsort(buckets, kind="stable")
        self.rows, self.weights = rows[order], weights[order]
        self.starts = np.append(0, np.cumsum(np.bincount(buckets, minlength=BUCKETS)))
        self.size = len(texts)

    def nearest(self, buckets: Any, weights: Any) -> tuple[float, int]:
        """Score and row of the block's nearest; score 0 if nothing is shared."""
        scores = np.zeros(self.size)
        for bucket, weight in zip(buckets, weights, strict=True):
            span = slice(self.starts[bucket], self.starts[bucket + 1])
            scores[self.rows[span]] += weight * self.weights[span]
        scores = scores.round(9)  # equals must be equal whatever order they were added in
        row = int(scores.argmax())
        return float(scores[row]), row


def _idf(train: Sequence[Example]) -> Any:
    """(BUCKETS,) inverse document frequency, smoothed: a trigram of every input weighs a little."""
    counts = np.zeros(BUCKETS, dtype=np.int64)
    for texts in _blocks(train):
        _, buckets, _ = _count_trigrams(texts)
        counts += np.bincount(buckets, minlength=BUCKETS)
    return np.log((1 + len(train)) / (1 + counts)) + 1


def _weigh_query(text: str, idf: Any) -> tuple[Any, Any]:
    """The query's heaviest buckets, in rising order, with their weights."""
    _, buckets, times = _count_trigrams([text])
    weights = (1 + np.log(times)) * idf[buckets]
    heaviest = np.sort(np.argsort(-weights, kind="stable")[:MAX_TERMS])
    return buckets[heaviest], weights[heaviest]


def _count_trigrams(texts: list[str]) -> tuple[Any, Any, Any]:
    """(row, bucket, times) of every trigram of every text, sorted by row and then bucket.

    A space is put on both sides of a text.
    """
    # 1) all texts as one array of code points, 0 between two texts
    joined = "\0".join(f" {text.lower().replace(chr(0), ' ')} " for text in texts)
    encoded = joined.encode("utf-32-le", "surrogatepass")
    points = np.frombuffer(encoded, dtype=np.uint32).astype(np.uint64)
    row = np.cumsum(points == 0)[:-2]
    # 2) each trigram as one number, as a code point has 21 bits, and that as a bucket
    first, second, third = points[:-2], points[1:-1], points[2:]
    packed = first << np.uint64(42) | second << np.uint64(21) | third
    bucket = (packed * GOLDEN >> np.uint64(44)).astype(np.int64)
    # 3) those inside one text, equal ones counted
    inside = (first != 0) & (second != 0) & (third != 0)
    pairs, times = np.unique(row[inside] * BUCKETS + bucket[inside], return_counts=True)
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
