"""A file and a folder are whole or absent."""

import hashlib
import os
import stat

import pytest

from p2m import disk


def test_what_is_written_takes_the_place_of_the_old_file_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "note.txt"
    disk.write_text(path, "old")
    disk.write_text(path, "naïve\n")
    assert path.read_bytes() == "naïve\n".encode()
    assert list(tmp_path.iterdir()) == [path]
    assert disk.digest(path) == hashlib.sha256("naïve\n".encode()).hexdigest()


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o644), (0o077, 0o600)])
def test_others_may_read_it_unless_the_umask_says_no(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        disk.write_bytes(tmp_path / "x", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == mode


def test_a_write_that_fails_keeps_the_old_file(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(OSError, match="x"):
        disk.write_bytes(tmp_path / "x", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_published_folder_is_found_whole_until_a_byte_changes(tmp_path):
    part, folder = tmp_path / "a.part", tmp_path / "a"
    (part / "inner").mkdir(parents=True)
    (part / "inner/data").write_text("data")
    disk.publish(part, folder)
    assert not part.exists()
    assert disk.find_damage(folder) == ""
    assert disk.find_damage(folder, ["value.json"]) == "manifest.json cannot be read"
    assert disk.read_digests(folder) == {"inner/data": hashlib.sha256(b"data").hexdigest()}
    (folder / "inner/data").write_text("dato")
    assert disk.find_damage(folder) == "inner/data is not what was written"
