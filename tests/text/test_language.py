"""The guess at a language: plain cases are met, the others are left alone."""

import pytest

from p2m.text.language import SURE, common_language, language_names, language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("[2024-03-14 Thu] the day after tomorrow", "en"),
        ("Wo ist der Bahnhof und wann fährt der Zug?", "de"),
        ("Où est la gare, et à quelle heure part le train pour Lyon ?", "fr"),
        ("¿Dónde está la estación y cuándo sale el tren para Madrid?", "es"),
        ("Dov'è la stazione e quando parte il treno per Milano, che non è in orario?", "it"),
        ("Onde fica a estação e quando sai o comboio para o Porto? Não sei.", "pt"),
        ("Waar is het station en wanneer vertrekt de trein naar Utrecht?", "nl"),
        ("Gdzie jest dworzec i czy pociąg do Krakowa już się nie spóźni?", "pl"),
        ("Istasyon nerede ve tren ne zaman kalkıyor, bu bir sorun değil", "tr"),
        ("スペースで区切られた入力`stdin`を変数に格納して表示する", "ja"),
        ("我想知道明天的天气怎么样", "zh"),
        ("내일 날씨가 어떤지 알고 싶어요", "ko"),
        ("Это не то, что я хотел", "ru"),
        ("Це не те, що я хотів їсти", "uk"),
        ("هذا هو البيت الذي كنت أبحث عنه", "ar"),
        ("नमस्ते, यह मेरा घर है और यह किताब", "hi"),
        ("Πού είναι ο σταθμός;", "el"),
        ("search = api.search(q=word)", "code"),
        ("for line in stdin: a = line.rstrip().split(' ') print(a)", "code"),
        ("SELECT name FROM users WHERE id = 3", "code"),
        ("def f(x):\n    return x + 1", "code"),
    ],
)
def test_a_plain_text_is_told(text, language):
    assert language_of(text) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-03-16",
        "N/A",
        "Santa Clara",
        "feature_request",
        "東京",
        "a cat (or dog)",
        "last year == 1997",
        "word(s)ly",
        "x",
    ],
)
def test_a_text_that_says_little_is_left_alone(text):
    assert language_of(text) == "und"


def test_being_sure_takes_more_words():
    assert language_of("Is it in the box?", SURE) == "en"
    assert language_of("in the box", SURE) == "und"
    assert language_of("in the box") == "en"


def test_texts_share_a_language_only_if_none_speaks_against_it():
    assert common_language(["Where is the parcel that I sent?", "N/A", "ok"]) == "en"
    assert (
        common_language(["Where is the parcel that I sent?", "Wo ist das Paket, und wie geht es?"])
        == "und"
    )
    assert common_language(["the parcel", "of mine"]) == "en"
    assert common_language([]) == "und"


def test_no_text_of_another_language_is_taken_for_english_or_the_reverse(shared):
    """On real data: the answers of a model to English tasks, and Japanese questions."""
    import gzip
    import json

    def inputs(name):
        with gzip.open(shared / "paper" / "generated" / name, "rt") as file:
            return [json.loads(line)["input"] for line in file]

    english = [language_of(text, SURE) for text in inputs("temporal.t1.4.raw.jsonl.gz")]
    assert set(english) <= {"en", "und"}
    japanese = [language_of(text, SURE) for text in inputs("mconala_ja.jsonl.gz")]
    assert sum(guess == "ja" for guess in japanese) / len(japanese) > 0.9
    assert sum(guess not in {"ja", "und", "code"} for guess in japanese) / len(japanese) < 0.01


def test_language_codes_are_told_by_name_and_long_lists_as_multilingual():
    assert language_names(["de", "en", "xyz"]) == ["German", "English", "xyz"]
    assert language_names(["de"] * 12) == ["German"] * 12
    assert language_names(["de"] * 13) == ["multilingual"]
