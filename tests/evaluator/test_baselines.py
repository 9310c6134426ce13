import random

import pytest

from p2m.artifacts import Example, Splits, load, save
from p2m.evaluator import _neighbours
from p2m.evaluator._baselines import most_frequent, nearest_neighbour
from p2m.evaluator._neighbours import nearest


def examples(*pairs: tuple[str, str]) -> list[Example]:
    return [Example(said, answer, "user:train") for said, answer in pairs]


TRAIN = examples(
    ("the printer is on fire", "hardware"),
    ("my invoice is wrong", "billing"),
    ("I was charged twice", "billing "),
    ("reset my password", "account"),
)


def naive(queries: list[str], train: list[Example]) -> list[int]:
    """The definition, by dictionaries: tf-idf over trigrams, cosine, the first of equals."""
    from collections import Counter
    from math import log, sqrt

    def grams(text):
        padded = f" {text.lower()} "
        return Counter(padded[i : i + 3] for i in range(len(padded) - 2))

    df = Counter(g for e in train for g in grams(e.input))

    def vector(text):
        weights = {
            g: (1 + log(n)) * (log((1 + len(train)) / (1 + df[g])) + 1)
            for g, n in grams(text).items()
        }
        length = sqrt(sum(w * w for w in weights.values()))
        return {g: w / length for g, w in weights.items()}

    vectors = [vector(e.input) for e in train]

    def best(query):
        asked = vector(query)
        return max(
            range(len(train)),
            key=lambda i: (round(sum(w * vectors[i].get(g, 0) for g, w in asked.items()), 8), -i),
        )

    return [best(q) for q in queries]


def test_the_commonest_answer_goes_to_every_input():
    assert most_frequent(["x", "y"], TRAIN) == ["billing", "billing"]


def test_of_equally_common_answers_the_first_is_given():
    assert most_frequent(["x"], examples(("1", "b"), ("2", "a"))) == ["b"]


def test_the_answer_of_the_nearest_training_example_is_given():
    asked = ["Why was I charged two times?", "password reset", "PRINTER burning, fire!"]
    assert nearest_neighbour(asked, TRAIN) == ["billing ", "account", "hardware"]


def test_an_input_that_shares_nothing_gets_the_commonest_answer():
    assert nearest(["字字字"], TRAIN) == [None]
    assert nearest_neighbour(["字字字"], TRAIN) == ["billing"]


def test_of_equally_near_examples_the_first_is_taken():
    assert nearest(
        ["same text"], examples(("other", "0"), ("same text", "1"), ("same text", "2"))
    ) == [1]


def test_neighbours_are_those_of_the_definition():
    draw, words = (
        random.Random(0),
        [
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ],
    )
    phrases = [" ".join(draw.choices(words, k=draw.randint(1, 7))) for _ in range(360)]
    train = [Example(p, "", "") for p in phrases[:300]]
    assert nearest(phrases[300:], train) == naive(phrases[300:], train)


def test_blocks_do_not_change_the_neighbours(monkeypatch):
    draw = random.Random(1)
    phrases = ["".join(draw.choices("abcde ", k=12)) for _ in range(250)]
    train = [Example(p, "", "") for p in phrases[:200]]
    whole = nearest(phrases[200:], train)
    monkeypatch.setattr(_neighbours, "BLOCK_CHARS", 100)
    assert nearest(phrases[200:], train) == whole


@pytest.mark.parametrize("text", ["", "a", "\0\0", "\ud800 lone", "👩‍👩‍👧", "İstanbul"])
def test_any_text_can_be_asked_and_stand_in_the_training_set(text):
    assert nearest([text, "reset my pass"], [*TRAIN, *examples((text, "odd"))])[1] == 3


def test_examples_on_disk_serve_as_well(tmp_path):
    save(Splits(train=TRAIN), tmp_path)
    assert nearest(["an invoice"], load(Splits, tmp_path).train) == [1]
