import pytest

from p2m.metric.macro_f1 import MacroF1


def test_a_rare_label_counts_as_much_as_a_common_one():
    # common: 3 found, 4 answered, 3 right; rare: none found
    score = MacroF1().score(["a", "a", "a", "a"], [["a"], ["A "], ["a"], ["b"]])
    assert score == pytest.approx((6 / 7 + 0) / 2)


def test_a_label_that_is_only_answered_counts_too():
    assert MacroF1().score(["a", "c"], [["a"], ["a"]]) == pytest.approx((2 / 3 + 0) / 2)


def test_of_several_accepted_labels_the_answered_one_is_right():
    assert MacroF1().score(["b", "a"], [["a", "b"], ["a"]]) == 1.0


def test_a_resample_without_a_label_is_measured_by_the_others():
    tally = MacroF1().tally(["a", "b"], [["a"], ["a"]])
    assert tally.whole(tally.rows[:1]).tolist() == [1.0]
