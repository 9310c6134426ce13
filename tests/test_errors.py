"""The words that every room shares."""

from p2m.errors import near


def test_the_nearest_name_is_offered_whatever_its_case_and_a_far_one_is_not():
    assert near("topk", ["k1", "b", "top_k"]) == " (did you mean 'top_k'?)"
    assert near("Inputs", ["input", "label"]) == " (did you mean 'input'?)"
    assert near("bm52", ["BM25"]) == " (did you mean 'BM25'?)"
    assert near("zebra", ["k1", "b"]) == ""
    assert near("zebra", []) == ""
