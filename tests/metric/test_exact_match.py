from p2m.metric.exact_match import ExactMatch


def test_answers_equal_once_stripped_count():
    assert (
        ExactMatch().score([" 2024-05-01\n", "x", "Paris"], [["2024-05-01"], ["y"], ["paris"]])
        == 1 / 3
    )


def test_answers_that_look_the_same_are_the_same():
    assert ExactMatch().score(["cafe\u0301 noir"], [["café\u00a0noir"]]) == 1.0


def test_any_accepted_answer_will_do():
    assert ExactMatch().score(["b", "c"], [["a", "b"], ["a", "b"]]) == 0.5


def test_an_empty_answer_is_right_only_where_none_is_wanted():
    assert ExactMatch().score(["", " "], [[""], ["a"]]) == 0.5


def test_the_lines_and_indents_of_an_answer_count():
    right = "for line in stdin:\n    print(line)"
    assert ExactMatch().score(["for line in stdin: print(line)"], [[right]]) == 0
    assert ExactMatch().score(["for line in stdin:\nprint(line)"], [[right]]) == 0
    assert ExactMatch().score(["\nfor line in stdin:  \r\n    print(line)\n"], [[right]]) == 1
