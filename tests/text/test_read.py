"""Files of users: what is read, and what is said when they cannot be."""

import gzip

import pytest

from p2m.errors import InputError
from p2m.text.read import records_of, text_of


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def told(path, read=lambda path: list(records_of(path))):
    with pytest.raises(InputError) as error:
        read(path)
    return str(error.value).replace(str(path.parent) + "/", "")


def test_json_lines_are_read_with_their_line_and_blank_ones_passed_over(tmp_path):
    path = written(tmp_path, "a.jsonl", '{"input": "x"}\n\n  \n{"input": "y"}')
    assert list(records_of(path)) == [(1, {"input": "x"}), (4, {"input": "y"})]


def test_numbers_and_booleans_stay_as_they_are_written(tmp_path):
    path = written(
        tmp_path, "a.jsonl", '{"input": 1.50, "output": true, "n": 12345678901234567890123}'
    )
    assert list(records_of(path)) == [
        (1, {"input": "1.50", "output": "true", "n": "12345678901234567890123"})
    ]


def test_a_line_separator_inside_a_text_does_not_end_the_record(tmp_path):
    path = written(tmp_path, "a.jsonl", '{"input": "a\u2028b\x85c"}\n')
    assert list(records_of(path)) == [(1, {"input": "a\u2028b\x85c"})]


def test_a_byte_order_mark_and_crlf_do_not_show(tmp_path):
    assert text_of(written(tmp_path, "a.txt", b"\xef\xbb\xbfone\r\ntwo\r\n")) == "one\ntwo\n"
    assert list(records_of(written(tmp_path, "a.csv", b"\xef\xbb\xbfinput,output\r\nx,y\r\n"))) == [
        (2, {"input": "x", "output": "y"})
    ]


def test_csv_keeps_quoted_commas_quotes_and_line_breaks_and_the_line_where_each_row_begins(
    tmp_path,
):
    path = written(tmp_path, "a.csv", 'input,output\n"a, ""b""\nc",1\n\nd,2\n')
    assert list(records_of(path)) == [
        (2, {"input": 'a, "b"\nc', "output": "1"}),
        (5, {"input": "d", "output": "2"}),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "input;output\na, b;c\n",
        "sep=;\ninput;output\na, b;c\n",
        '"sep=;"\r\n"input";"output"\r\n"a, b";"c"\r\n',
        "input\toutput\na, b\tc\n",
        "input|output\na, b|c\n",
        'input,output,,\n"a, b",c,,\n,,,\n,,,\n',
        'input,output\n"a, b",c,,\n',
        "\n\ninput;output\n;\na, b;c\n",
        "input;output, as it was\na, b;c\n",
    ],
)
@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_spreadsheets_save_is_read(tmp_path, text, codec):
    rows = [record for _, record in records_of(written(tmp_path, "a.csv", text.encode(codec)))]
    assert [list(row.values()) for row in rows] == [["a, b", "c"]]


def test_a_row_after_the_line_sep_is_told_with_its_own_line(tmp_path):
    path = written(tmp_path, "a.csv", "sep=;\n\ninput;output\na;b\nc\n")
    assert told(path) == "a.csv:5: has 1 columns where the header has 2"


def test_a_cell_longer_than_pythons_own_limit_is_read(tmp_path):
    path = written(tmp_path, "a.csv", f"input,output\n{'a' * 200_000},b\n")
    assert [len(record["input"]) for _, record in records_of(path)] == [200_000]


def test_utf16_text_is_read_with_its_line_ends(tmp_path):
    content = b"\xfe\xff" + "Zähle Ċ 上.\r\n\nJa.".encode("utf-16-be")
    path = written(tmp_path, "a.md", content)
    assert text_of(path) == "Zähle Ċ 上.\n\nJa."


def test_a_text_that_is_far_too_long_for_a_prompt_is_told(tmp_path):
    path = written(tmp_path, "a.md", "a\n" * (3 << 20))
    assert told(path, text_of) == (
        "a.md: is longer than 4 MiB; a prompt says the task, and labelled examples go into"
        " prompt.train"
    )


def test_gzip_is_read_as_what_it_holds(tmp_path):
    path = written(tmp_path, "a.jsonl.gz", gzip.compress(b'{"input": "x"}\n'))
    assert list(records_of(path)) == [(1, {"input": "x"})]
    assert list(records_of(written(tmp_path, "a.CSV.gz", gzip.compress(b"input\nx\n")))) == [
        (2, {"input": "x"})
    ]


LINES = "a,b\n" * (3 << 20)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"a": 1}\n{"a": ', "a.jsonl:2: broken JSON: Expecting value at column 7"),
        (
            "a.jsonl",
            '[{"a": 1},',
            (
                "a.jsonl:1: broken JSON: Expecting value at column 11; one JSON object a line is "
                "wanted, and this looks like one long array"
            ),
        ),
        (
            "a.jsonl",
            '"a"',
            'a.jsonl:1: must be a JSON object such as {"input": ..., "output": ...}, got "a"',
        ),
        ("a.jsonl", '{"a": NaN}', "a.jsonl:1: broken JSON: NaN is not a JSON value"),
        ("a.jsonl", '{"a": 1, "a": 2}', "a.jsonl:1: broken JSON: the key 'a' stands twice"),
        ("a.jsonl", '{"a": ' + "[" * 100_000, "a.jsonl:1: broken JSON: nested too deep"),
        (
            "a.jsonl",
            '{"a": "\\ud800"}',
            "a.jsonl:1: broken text: half of a surrogate pair (\\ud800 to \\udfff) stands alone",
        ),
        (
            "a.jsonl",
            b'{"a": 1}\n{"a": "caf\xe9"}\n',
            (
                "a.jsonl: is not UTF-8 text: byte 19 cannot be read (perhaps an older "
                "encoding such "
                "as Latin-1); save the file as UTF-8"
            ),
        ),
        (
            "a.csv",
            b"\xff\xfei\x00\n\x00x",
            (
                "a.csv: is not UTF-16, which its first bytes announce, text: byte 6 cannot "
                "be read; "
                "save the file as UTF-8"
            ),
        ),
        (
            "a.jsonl",
            b"\xef\xbb\xbf\xff",
            (
                "a.jsonl: is not UTF-8 text: byte 3 cannot be read (perhaps an older encoding such "
                "as Latin-1); save the file as UTF-8"
            ),
        ),
        (
            "a.jsonl",
            b'{"a": 1}\n\0',
            "a.jsonl: byte 9 is NUL, so this is no text; is it the right file?",
        ),
        ("a.csv", "input,output\na,b\nc\n", "a.csv:3: has 1 columns where the header has 2"),
        ("a.csv", "input,output\na,b,c\n", "a.csv:2: has 3 columns where the header has 2"),
        ("a.csv", ",input,,output\n", "a.csv:1: columns have no name"),
        ("a.csv", f'input\n"{"a" * (9 << 20)}"\n', "a.csv: a line is longer than 8 MiB"),
        (
            "a.csv",
            f'input,output\n"{LINES}',
            "a.csv:2: a cell is longer than 8 MiB; perhaps its quote is not closed",
        ),
        (
            "a.jsonl.gz",
            gzip.compress(b"\n" * (70 << 20)),
            (
                "a.jsonl.gz: unpacks to more than 200 times its size, so it holds the same "
                "over and "
                "over; unpack it if it is what you mean"
            ),
        ),
        ("a.csv", "input,input\n", "a.csv:1: the column 'input' stands twice"),
        ("a.csv", 'input\n"a\n', "a.csv:2: broken CSV: unexpected end of data"),
        (
            "a.tsv",
            "",
            "a.tsv: cannot be read as examples; it must end in .jsonl, .jsonl.gz, .csv, .csv.gz",
        ),
        (
            "a.jsonl.gz",
            b"plain",
            "a.jsonl.gz: is not a whole gzip file (Not a gzipped file (b'pl'))",
        ),
    ],
)
def test_a_broken_file_is_told_with_its_place(tmp_path, name, content, message):
    assert told(written(tmp_path, name, content)) == message


def test_a_gzip_file_that_was_cut_off_is_told(tmp_path):
    path = written(tmp_path, "a.jsonl.gz", gzip.compress(b'{"input": "x"}\n' * 1000)[:40])
    assert told(path) == (
        "a.jsonl.gz: is not a whole gzip file (Compressed file ended before the "
        "end-of-stream marker was reached)"
    )


def test_a_file_that_is_not_there_is_told(tmp_path):
    assert (
        told(tmp_path / "none.txt", text_of)
        == "none.txt: cannot be read (No such file or directory)"
    )
