"""What a terminal is given of text that others wrote."""

import json

import pytest

from p2m.text.printable import printable, shorten


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, é 日本 👍\tand\nlines", "plain, é 日本 👍\tand\nlines"),
        ("\x1b]0;title\x07", r"\u001b]0;title\u0007"),
        ("\x9b31mred", r"\u009b31mred"),
        ("over\rwritten\x7f", r"over\u000dwritten\u007f"),
        ("gpj\u202e.exe\u2066", r"gpj\u202e.exe\u2066"),
        ("half \ud800", r"half \ud800"),
        ("a\u2028b", r"a\u2028b"),
    ],
)
def test_a_terminal_is_shown_what_it_would_obey(text, shown):
    assert printable(text) == shown


def test_json_means_the_same_as_before():
    record = {"output": "\x1b[2J \u202e \x85 \\"}
    assert json.loads(printable(json.dumps(record, ensure_ascii=False))) == record


def test_long_text_is_cut_to_one_line():
    assert shorten("a\n b  c", 10) == "a b c"
    assert shorten("a" * 11, 10) == "aaaaaaa..."
