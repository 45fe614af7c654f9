"""Files that are complete or absent."""

from pathlib import Path

import pytest

from mien.whole_files import replaced_folder, whole_file, whole_folder, write_whole_bytes, write_whole_text


def test_a_file_appears_only_when_it_is_complete(tmp_path: Path):
    target = tmp_path / "new" / "report.json"
    with whole_file(target) as scratch:
        scratch.write_text("half")
        assert not target.exists()
        assert scratch.suffix == ".json"
        scratch.write_text("whole")
    assert target.read_text() == "whole"
    assert [path.name for path in target.parent.iterdir()] == ["report.json"]


def test_a_failed_write_keeps_the_old_file_and_leaves_no_scratch(tmp_path: Path):
    target = tmp_path / "report.json"
    write_whole_text(target, "old")
    with pytest.raises(ValueError, match="stop"), whole_file(target) as scratch:
        scratch.write_text("half")
        raise ValueError("stop")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_text_keeps_its_line_ends_and_bytes_their_bytes(tmp_path: Path):
    write_whole_text(tmp_path / "a", "one\r\nhai ạ\n")
    assert (tmp_path / "a").read_bytes() == "one\r\nhai ạ\n".encode()
    write_whole_bytes(tmp_path / "b", b"\x00\xff\n")
    assert (tmp_path / "b").read_bytes() == b"\x00\xff\n"


def test_a_folder_appears_only_when_it_is_complete(tmp_path: Path):
    target = tmp_path / "model"
    with pytest.raises(ValueError, match="stop"), whole_folder(target) as scratch:
        (scratch / "card.toml").write_text("x")
        raise ValueError("stop")
    assert list(tmp_path.iterdir()) == []
    with whole_folder(target) as scratch:
        (scratch / "card.toml").write_text("x")
        assert not target.exists()
    assert (target / "card.toml").read_text() == "x"
    with pytest.raises(FileExistsError), whole_folder(target):
        pass
    assert (target / "card.toml").read_text() == "x"


def test_a_folder_is_replaced_as_a_whole_or_stays(tmp_path: Path):
    target = tmp_path / "model"
    for content in ("first", "second"):
        with replaced_folder(target) as scratch:
            (scratch / "card.toml").write_text(content)
    with pytest.raises(ValueError, match="stop"), replaced_folder(target) as scratch:
        (scratch / "card.toml").write_text("half")
        raise ValueError("stop")
    assert (target / "card.toml").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_two_who_make_one_folder_at_once_leave_one_of_theirs(tmp_path: Path):
    target = tmp_path / "model"
    with replaced_folder(target) as mine, replaced_folder(target) as other:
        assert mine != other
        for scratch, content in ((mine, "mine"), (other, "other")):
            (scratch / "card.toml").write_text(content)
    assert (target / "card.toml").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
