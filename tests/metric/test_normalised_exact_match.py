from p2m.metric.normalised_exact_match import NormalisedExactMatch


def test_case_punctuation_articles_and_spaces_do_not_count():
    assert (
        NormalisedExactMatch().score(
            ["The  Denver Broncos.", "an apple"], [["denver broncos"], ["Apple!"]]
        )
        == 1.0
    )


def test_an_article_inside_a_word_counts():
    assert NormalisedExactMatch().score(["theatre"], [["tre"]]) == 0.0


def test_punctuation_goes_without_leaving_a_gap():
    assert NormalisedExactMatch().score(["U.S.A.", "well-known"], [["usa"], ["well known"]]) == 0.5


def test_the_best_accepted_answer_counts():
    assert NormalisedExactMatch().score(["the second"], [["first", "Second"]]) == 1.0
