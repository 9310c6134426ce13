"""What counts as the same text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2m.text.same import LabelSet, contradiction, exact, loosen, near, normalize_space


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Where is my parcel?", "where is my parcel"),
        ("the day  after\ttomorrow", "The day after tomorrow."),
        ("well-known, too", "Well known too"),
        ("Don't stop!", "dont stop"),
        ("due 12.", "due 12"),
        ("ＡＢＣ １２", "abc 12"),
        ("Straße", "STRASSE"),
        ("東京は、晴れ。", "東京は 晴れ"),
        ("cafe\u0301", "café"),
    ],
)
def test_case_space_and_punctuation_make_near_duplicates(one, other):
    assert near(one) == near(other)
    assert exact(one) != exact(other) or normalize_space(one) == normalize_space(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the 12th", "the 13th"),
        ("3/4/2024", "3.4.2024"),
        ("3.4", "34"),
        ("-5", "5"),
        ("12 - 5", "12 5"),
        ("12 - 5", "12 / 5"),
        ("a = b", "a == b"),
        ("50%", "50"),
        ("now here", "nowhere"),
        ("(()", "())"),
        ("दिन", "दन"),
        ("résumé", "resume"),
        ("", "x"),
    ],
)
def test_digits_letters_marks_and_signs_always_count(one, other):
    assert near(one) != near(other)


def test_white_space_alone_is_never_a_difference():
    assert exact(" a\n b ") == exact("a b") != exact("A b")


def test_what_is_left_of_a_text_reads_as_words():
    assert (
        loosen("[2024-03-14 Thu] Due March, at 3:00 - please!")
        == "[2024-03-14 thu due march at 3:00 please"
    )


@given(st.text())
def test_loosening_twice_changes_nothing_for_exact_duplicates(text):
    assert near(text) == near(f" {text}\n")
    assert exact(text) == exact(f"\t{text} ")


@given(
    st.text(alphabet="0123456789abcxyz ", max_size=20),
    st.text(alphabet="0123456789abcxyz ", max_size=20),
)
def test_words_and_numbers_differ_unless_their_spacing_alone_does(one, other):
    assert (near(one) == near(other)) == (one.split() == other.split())


def test_a_contradiction_names_both_places_and_both_outputs():
    assert contradiction([("f:1", "a", "x"), ("f:2", "b", "y"), ("f:3", " a", "y")]) == (
        "f:3 contradicts f:1: the input ' a' has the outputs 'x' and 'y'; keep the right one"
    )
    assert contradiction([("f:1", "a", "x"), ("f:2", "a", "x ")]) is None


@pytest.mark.parametrize(
    "other", ["cafe\u0301 noir", "café\u00a0noir", "café  noir", "\ufeffcafé\u200b noir"]
)
def test_texts_that_look_the_same_are_the_same(other):
    assert normalize_space(other) == "café noir"


def test_a_label_is_found_whatever_its_case_and_space_and_given_as_the_set_writes_it():
    labels = LabelSet(["Not sure", "café"])
    assert labels.find(" not  SURE\n") == "Not sure"
    assert labels.find("cafe\u0301") == "café"
    assert labels.find("sure") is None


@pytest.mark.parametrize(
    "labels", [("US", "us", "IT", "it"), ("Maße", "Masse", "Busse", "Buße"), ("Yes", "yes", "no")]
)
def test_labels_that_differ_in_case_alone_stay_apart(labels):
    known = LabelSet(labels)
    assert [known.find(label) for label in labels] == list(labels)


def test_a_text_that_may_mean_two_labels_means_none():
    assert LabelSet(["US", "us", "it"]).find("Us") is None
    assert LabelSet(["US", "us", "it"]).find("IT") == "it"
