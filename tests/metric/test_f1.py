import pytest

from p2m.metric.f1 import F1


def test_shared_words_give_the_harmonic_mean_of_precision_and_recall():
    # 2 of 3 words said are right, 2 of 4 wanted are said: 2 * 2 / (3 + 4)
    assert F1().score(["red green blue"], [["red blue black white"]]) == pytest.approx(4 / 7)


def test_a_word_said_twice_is_right_only_as_often_as_it_is_wanted():
    assert F1().score(["red red"], [["red"]]) == pytest.approx(2 / 3)


def test_the_best_accepted_answer_counts():
    assert F1().score(["the Broncos"], [["Denver Broncos", "Broncos"]]) == 1.0


def test_an_empty_answer_agrees_with_an_empty_one_only():
    assert F1().score(["", "the", "x"], [[""], ["a"], [""]]) == pytest.approx(2 / 3)


def test_it_is_the_mean_over_examples():
    assert F1().score(["a b", "c"], [["b"], ["d"]]) == 0.5
