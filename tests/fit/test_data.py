from itertools import groupby
from types import SimpleNamespace

import numpy as np
import pytest

from p2m.artifacts import Example
from p2m.fit.data import Data, Order, Pairs, tokenize
from p2m.fit.place import Place
from p2m.fit.plan import Sampling
from p2m.fit.sampling import sampling_weights
from p2m.fit.votes import SoftLabels
from p2m.student._forward import IGNORED
from p2m.student.build import LoadedModel
from p2m.student.byte_tokenizer import ByteTokenizer
from tests.fit.conftest import examples

BYTES = LoadedModel(None, ByteTokenizer())
HERE = Place("cpu", False, 1, 1, 1, "auto")


def pairs(tmp_path, rows, max_input=64, max_output=64) -> Pairs:
    return Pairs(
        *tokenize(rows, ("", ""), BYTES, tmp_path / "train"),
        max_input,
        max_output,
        ByteTokenizer(),
        [1],
        False,
    )


def order(sizes, batch_size=32, seed=0) -> Order:
    return Order(np.array(sizes), batch_size, seed)


def test_tokens_are_read_back_from_disk(tmp_path):
    inputs, outputs = tokenize(examples(5000), ("n: ", ""), BYTES, tmp_path / "train")
    tokenizer = ByteTokenizer()
    assert tokenizer.decode([inputs[i].tolist() for i in (0, 4096, 4999)]) == [
        "n: 0",
        "n: 4096",
        "n: 4999",
    ]
    assert tokenizer.decode([outputs[12].tolist()]) == ["two three"]
    assert isinstance(inputs.flat, np.memmap)


def test_no_text_gives_no_tokens(tmp_path):
    inputs, _ = tokenize([], ("", ""), BYTES, tmp_path / "valid")
    assert len(inputs) == 0


def test_a_pass_shows_every_example_once():
    rng = np.random.default_rng(1)
    batches = order(rng.integers(1, 99, 1001)).one_pass(0)
    assert sorted(np.concatenate(batches).tolist()) == list(range(1001))
    assert {len(b) for b in batches} <= {31, 32}


def test_examples_of_a_batch_are_of_similar_length():
    sizes = np.random.default_rng(1).integers(1, 100, 20_000)
    padded = sum(len(b) * sizes[b].max() for b in order(sizes).one_pass(0))
    assert padded / sizes.sum() < 1.05


def test_the_seed_and_the_step_alone_decide_a_batch():
    sizes = np.arange(100)
    stream = order(sizes, 8, 3).from_step(0)
    first = [next(stream).tolist() for _ in range(40)]
    assert next(order(sizes, 8, 3).from_step(29)).tolist() == first[29]
    assert next(order(sizes, 8, 4).from_step(29)).tolist() != first[29]


def test_passes_differ_in_their_order():
    made = order(np.arange(100), 8)
    assert [b.tolist() for b in made.one_pass(0)] != [b.tolist() for b in made.one_pass(1)]


def test_a_batch_beyond_max_tokens_comes_in_parts_that_each_fit(tmp_path):
    made = pairs(tmp_path, examples(30))
    parts = made.parts(range(30), 60)
    assert len(parts) > 1
    assert all(
        ids.shape[0] * (ids.shape[1] + labels.shape[1]) <= 60 or len(ids) == 1
        for ids, labels in parts
    )
    assert sum(len(ids) for ids, _ in parts) == 30


def test_the_widest_input_and_the_widest_output_of_a_part_count_together(tmp_path):
    rows = [Example("i" * 60, "o", "x"), Example("i", "o" * 60, "x")] * 4
    parts = pairs(tmp_path, rows).parts(range(8), 160)
    assert all(ids.shape[0] * (ids.shape[1] + labels.shape[1]) <= 160 for ids, labels in parts)


@pytest.mark.parametrize("n", [6, 7, 1])
def test_examples_come_two_by_two_with_a_mark_between_and_none_twice(tmp_path, n):
    rows, made = examples(9), pairs(tmp_path, examples(9))
    both = made.two_by_two(np.arange(n), np.random.default_rng(3))
    assert len(both) == -(-n // 2)
    texts = [
        [bytes(i - 3 for i in one).decode() for one in split(tokens[k])]
        for k in range(len(both))
        for tokens in (both.inputs, both.outputs)
    ]
    assert sorted(
        pair
        for read, said in zip(texts[::2], texts[1::2], strict=True)
        for pair in zip(read, said, strict=True)
    ) == sorted((row.input, row.output) for row in rows[:n])
    assert sorted(map(len, texts[::2])) == sorted([2] * (n // 2) + [1] * (n % 2))


def test_what_is_cut_is_cut_in_pairs_too(tmp_path):
    long, short = Example("a" * 40, "b" * 30, "x"), Example("c", "d", "x")
    both = pairs(tmp_path, [long, short], max_input=16, max_output=8).two_by_two(
        np.arange(2), np.random.default_rng(0)
    )
    ((ids, labels),) = both.batch([0], 9999, 0, 1).parts
    assert sorted(map(len, split(ids[0][ids[0] != 0].numpy()))) == [1, 15]
    assert sorted(map(len, split(labels[0][labels[0] != IGNORED].numpy()))) == [1, 7]


@pytest.mark.parametrize("share", [0.0, 0.5])
@pytest.mark.parametrize("max_tokens", [200, 9999])
def test_no_part_of_a_batch_is_larger_than_the_largest(tmp_path, share, max_tokens):
    rng = np.random.default_rng(0)
    rows = [
        Example("a" * int(rng.integers(60)), "b" * int(rng.integers(60)), "x") for _ in range(100)
    ]
    made = pairs(tmp_path, rows)
    plan = SimpleNamespace(seed=0, batch_size=16, max_tokens=max_tokens, concatenate=share)
    data = Data(made, made, plan, HERE)

    def costs(parts):
        """Tokens, cells of attention, places of answers."""
        return np.max(
            [
                (len(ids) * (ids.shape[1] + t.shape[1]), ids.shape[1] * ids.numel(), t.numel())
                for ids, t in parts
            ],
            0,
        )

    seen = [
        costs(data.batch(step, data.rows_of(step), rank, 2).parts)
        for step in range(40)
        for rank in (0, 1)
    ]
    most = costs(data.largest(2))
    assert (np.max(seen, 0) <= most).all()
    assert most[0] < max_tokens + 2 * (64 + 64), "and it is no larger than need be"


def split(ids) -> list[list[int]]:
    """What stands before and between the marks of a pair, which ends in the end token."""
    *before, last = ids.tolist()
    assert last == 1
    assert 1 not in before
    return [list(some) for is_mark, some in groupby(before, lambda i: i == 2) if not is_mark]


def test_a_share_of_the_steps_has_pairs_and_the_seed_and_the_step_alone_decide_which(tmp_path):
    made = pairs(tmp_path, examples(9))

    def data(share, seed=0):
        plan = SimpleNamespace(seed=seed, batch_size=8, max_tokens=9999, concatenate=share)
        return Data(made, made, plan, HERE)

    def wide(share, seed=0):
        batches = [data(share, seed).batch(step, np.arange(8), 0, 1) for step in range(200)]
        assert {(batch.examples, batch.labels) for batch in batches} == {
            (8, int(made.outputs.lengths[:8].sum()))
        }
        return [sum(len(ids) for ids, _ in batch.parts) == 4 for batch in batches]

    assert sum(wide(0.0)) == 0
    assert sum(wide(1.0)) == 200
    assert 60 < sum(wide(0.5)) < 140
    assert wide(0.5) == wide(0.5) != wide(0.5, seed=1)
    few = [data(1.0).batch(5, np.arange(2), rank, 2) for rank in (0, 1)]
    assert [len(batch.parts[0][0]) for batch in few] == [1, 1], (
        "one pair would leave a process without work"
    )
    whole, shared = (
        data(1.0).batch(5, np.arange(8), 0, 1),
        [data(1.0).batch(5, np.arange(8), rank, 2) for rank in (0, 1)],
    )
    assert (
        sum(int((labels != IGNORED).sum()) for half in shared for _, labels in half.parts)
        == whole.labels
    )
    assert [half.labels for half in shared] == [whole.labels] * 2


def test_padding_is_pad_in_inputs_and_carries_no_label(tmp_path):
    ((ids, labels),) = pairs(tmp_path, examples(12)).parts([0, 11], 999)
    assert ids.tolist() == [[51, 1, 0, 0, 0, 0, 0, 0], [52, 52, 1, 0, 0, 0, 0, 0]], (
        "a width is a multiple of eight"
    )
    assert labels[0].tolist() == [*(b + 3 for b in b"one"), 1, *[IGNORED] * 4]
    assert labels[1].tolist() == [*(b + 3 for b in b"two two"), 1]


def test_few_widths_make_few_shapes_and_never_more_than_the_most_that_is_used(tmp_path):
    made = pairs(tmp_path, examples(300), max_input=64, max_output=20)
    shapes = {
        (ids.shape[1], labels.shape[1]) for i in range(300) for ids, labels in made.parts([i], 999)
    }
    assert shapes <= {(8, 8), (8, 16), (8, 20)}


def test_pairs_that_are_cut_are_counted(tmp_path):
    made = pairs(tmp_path, examples(12), max_input=8, max_output=6)
    assert made.cut == 2  # `two one` and `two two`; the end token counts, and `three` just fits
    assert (made.input_widths + made.output_widths).max() <= 14


@pytest.mark.parametrize("n", [1, 7, 8, 33])
def test_few_examples_make_few_batches(n):
    assert [len(b) for b in order(np.ones(n), 32).one_pass(0)] == {
        1: [1],
        7: [7],
        8: [8],
        33: [17, 16],
    }[n] or n == 33


def test_the_examples_of_so_many_steps_are_counted():
    made = order(np.arange(100), 8)
    stream = made.from_step(0)
    assert made.examples(31) == sum(len(next(stream)) for _ in range(31))


def test_origins_are_mixed_by_the_power_of_their_numbers():
    rows = [Example(str(i), "a", "teacher:x") for i in range(900)] + [
        Example(str(i), "b", "hub:y@1#2") for i in range(100)
    ]
    for mix, share in ((1.0, None), (0.5, 0.25), (0.0, 0.5)):
        weights = sampling_weights(rows, Sampling(mix, 1.0, False))
        if share is None:
            assert weights is None
            continue
        drawn = np.concatenate(Order(np.ones(1000, int), 50, 0, weights).one_pass(0))
        assert len(drawn) == 1000
        assert (drawn >= 900).mean() == pytest.approx(share, abs=0.002)


def test_origins_and_answers_have_both_the_shares_asked_for():
    rows = [
        Example(str(i), "yes" if i % 10 else "no", "user:train" if i % 7 else "teacher:x")
        for i in range(700)
    ]
    rows += [Example(str(i), "no", "teacher:x") for i in range(300)]
    weights = sampling_weights(rows, Sampling(0.0, 0.0, False))
    for share_of in (lambda row: row.origin == "teacher:x", lambda row: row.output == "no"):
        assert weights[[share_of(row) for row in rows]].sum() / weights.sum() == pytest.approx(
            0.5, abs=1e-4
        )


def test_origins_count_inputs_however_many_answers_each_has():
    rows = [Example(str(i), "a", "user:train") for i in range(100)]
    rows += [
        Example(str(i), "a", "teacher:x", votes=(("a", 2), ("b", 1), ("c", 1))) for i in range(100)
    ]
    voted = SoftLabels(rows)
    weights = sampling_weights(voted, Sampling(0.0, 1.0, True))
    assert weights[
        [row.origin == "teacher:x" for row in voted]
    ].sum() / weights.sum() == pytest.approx(0.5)


def test_answers_that_are_rare_come_as_often_as_the_label_prior_says():
    rows = [Example(str(i), "yes" if i % 10 else "no", "user:train") for i in range(1000)]
    drawn = np.concatenate(
        Order(
            np.ones(1000, int), 50, 0, sampling_weights(rows, Sampling(1.0, 0.0, False))
        ).one_pass(0)
    )
    assert np.mean([rows[i].output == "no" for i in drawn]) == pytest.approx(0.5, abs=0.002)
    assert len(set(drawn.tolist())) > 500, "the frequent ones should still differ"
