import datetime
import json
import re

import pytest

from p2m.errors import InputError
from p2m.retriever._sources import of_folder
from p2m.retriever._table import cell_of, load_table


@pytest.fixture
def table(tmp_path):
    def of(name, content):
        folder = tmp_path / "data"
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_table(of_folder(folder)[0], tmp_path / "cache", tmp_path / "met.json")

    return of


def read(table):
    return [row for _, row in table.rows(range(len(table)))]


def test_jsonl_values_stay_as_they_are_written(table):
    found = table(
        "a.jsonl",
        (
            '{"day": "2024-07-16", "n": 1.50, "ok": true, "x": null}\n{"day": "2024-07-17", "n": '
            '7, "late": "N/A"}\n'
        ),
    )
    assert found.columns == ("day", "n", "ok", "x", "late")
    assert read(found) == [
        {"day": "2024-07-16", "n": "1.50", "ok": "true", "x": "", "late": ""},
        {"day": "2024-07-17", "n": "7", "ok": "", "x": "", "late": "N/A"},
    ]


def test_csv_values_stay_as_they_are_written(table):
    assert read(table("a.csv", 'code,word,when\n007,N/A,2024-01-01\n1.50,"a, b",\n')) == [
        {"code": "007", "word": "N/A", "when": "2024-01-01"},
        {"code": "1.50", "word": "a, b", "when": ""},
    ]


def test_nested_values_lie_flat_and_lists_give_their_first_text(table):
    found = table(
        "a.jsonl",
        (
            '{"t": {"de": "ja", "en": "yes"}, "answers": {"text": ["x", "y"], "at": [3]}, '
            '"none": []}\n'
        ),
    )
    assert read(found) == [
        {"t.de": "ja", "t.en": "yes", "answers.text": "x", "answers.at": "3", "none": ""}
    ]


def test_parquet_gives_class_names_dates_and_flat_fields(tmp_path):
    import datasets

    features = datasets.Features(
        {
            "label": datasets.ClassLabel(names=["bad", "good"]),
            "t": {"en": datasets.Value("string")},
            "at": datasets.List(datasets.Value("int32")),
        }
    )
    (tmp_path / "data").mkdir()
    rows = [{"label": 1, "t": {"en": "yes"}, "at": [1]}, {"label": -1, "t": {"en": None}, "at": []}]
    datasets.Dataset.from_list(rows, features).to_parquet(tmp_path / "data" / "a.parquet")
    found = load_table(of_folder(tmp_path / "data")[0], tmp_path / "cache", tmp_path / "met.json")
    assert read(found) == [
        {"label": "good", "t.en": "yes", "at": None},
        {"label": "", "t.en": "", "at": ""},
    ]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("a", "a"),
        (None, ""),
        ([], ""),
        (["x"], "x"),
        ([1], None),
        (b"x", None),
        ({}, None),
        (3, "3"),
        (2.5, "2.5"),
        (float("nan"), ""),
        (True, "true"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
    ],
)
def test_cell_is_text_or_empty_or_no_text(value, cell):
    assert cell_of(value) == cell


def test_broken_json_is_told_with_its_line(table):
    with pytest.raises(InputError, match=r"a\.jsonl:2: broken JSON"):
        table("a.jsonl", '{"a": "x"}\n{"a": \n')


def test_empty_file_is_refused(table):
    with pytest.raises(InputError, match=r"a\.jsonl: holds no rows$"):
        table("a.jsonl", "\n")


def test_broken_parquet_is_refused(table):
    with pytest.raises(
        InputError, match=re.escape("a.parquet: is not a parquet file that can be read (")
    ):
        table("a.parquet", b"PAR1 nothing of the kind")


def test_card_made_of_rows_holds_name_columns_and_values(table):
    assert (
        table("a.csv", "q,answer\none,1\ntwo,2\nthree,3\n").card(2)
        == "a.csv\nq answer\none 1\ntwo 2"
    )


def test_parquet_of_a_type_that_is_not_known_is_refused_in_one_line(table, tmp_path):
    import pyarrow
    import pyarrow.parquet

    features = {"info": {"features": {"a": {"_type": "Alien"}}}}
    rows = pyarrow.table({"a": ["x"]})
    rows = rows.replace_schema_metadata({"huggingface": json.dumps(features)})
    pyarrow.parquet.write_table(rows, tmp_path / "x.parquet")
    content = (tmp_path / "x.parquet").read_bytes()
    for broken in (content, b"PAR1" + bytes(100) + b"PAR1"):
        with pytest.raises(InputError, match=r"is not a parquet file that can be read \([^\n]+\)$"):
            table("b.parquet", broken)
