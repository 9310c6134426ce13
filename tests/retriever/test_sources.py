import hashlib
import os
import re

import pytest

from p2m.errors import InputError
from p2m.retriever._sources import of_folder, of_hub


def test_catalogue_gives_a_card_for_each_set_and_the_training_split_first():
    sources = {source.name: source for source in of_hub()}
    squad = sources["squad"]
    assert len(sources) >= 160
    assert (squad.file, squad.revision, squad.config, squad.split, squad.size) == (
        None,
        None,
        None,
        "train",
        87599,
    )
    assert {"squad", "extractive question answering", "English", "context", "question"} <= set(
        squad.card.split("\n")
    )


def test_files_of_a_folder_come_by_name_with_the_card_beside_them(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("b.csv", "a.JSONL", "sub/c.parquet", "notes.txt", "a.md"):
        (tmp_path / name).write_text(name, encoding="utf-8")
    found = of_folder(tmp_path)
    assert [(s.name, s.card) for s in found] == [
        ("a.JSONL", "a.md"),
        ("b.csv", None),
        ("sub/c.parquet", None),
    ]
    sha = hashlib.sha256(b"b.csv").hexdigest()
    assert found[1].revision == sha
    assert found[1].origin(sha, 7) == f"folder:b.csv@{sha}#7"


def test_folder_without_a_data_set_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(
        InputError,
        match=re.escape(
            f"retriever.folder: {tmp_path} holds no data set; files must end in .jsonl, "
            f".csv, .parquet"
        ),
    ):
        of_folder(tmp_path)


def test_card_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("x")
    (tmp_path / "a.md").write_bytes(b"caf\xe9")
    with pytest.raises(
        InputError,
        match=re.escape(f"{tmp_path}/a.md: is not UTF-8 text: byte 3 cannot be read ("),
    ):
        of_folder(tmp_path)


def test_what_systems_leave_behind_and_empty_files_are_passed_over(tmp_path, caplog):
    for name in ("__MACOSX/._b.csv", "._b.csv", ".hidden.csv", ".git/c.csv", "b.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"\0\5\x16\7" if name != "b.csv" else b"x,y\n1,2\n")
    (tmp_path / "empty.csv").touch()
    assert [source.name for source in of_folder(tmp_path)] == ["b.csv"]
    assert caplog.messages == [f"{tmp_path}/empty.csv: is empty and passed over"]


def test_a_name_that_is_not_utf8_is_told(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.csv")).write_text("x,y\n1,2\n")
    with pytest.raises(
        InputError, match=r"caf\\udce9.csv' has a name that is not UTF-8; rename it"
    ):
        of_folder(tmp_path)
