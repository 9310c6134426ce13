from p2m.metric.accuracy import Accuracy


def test_case_and_outer_blanks_of_a_label_do_not_count():
    assert Accuracy().score([" Refund\n", "bug", "bug"], [["refund"], ["Bug"], ["login"]]) == 2 / 3


def test_any_accepted_label_is_right():
    assert Accuracy().score(["bug"], [["login", "bug"]]) == 1.0
