"""The folder for enrolment: named by groups, private, and never removed when somebody has worked in it."""

import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mien.cluster.grouping import Grouping, group_faces
from mien.cluster.people_folder import PEOPLE, remove_people, write_people
from mien.cluster.strictness import Strictness
from mien.data.work_folder import FOLDER
from mien.errors import ResumeError


@pytest.fixture
def written(tmp_path: Path, crowd: Callable, strict: Strictness) -> tuple[Path, Grouping]:
    people = crowd([4, 3, 1])
    grouping = group_faces(people.faces, people.images, "l2", strict, doubts=[()] * 8)
    out = tmp_path / "out"
    (out / FOLDER).mkdir(parents=True)
    faces = people.faces
    faces[0] = replace(faces[0], image="/album/" + "ả" * 90 + "\udcff.jpg")
    write_people(out, grouping, reversed(list(enumerate(faces))))
    return out, grouping


def test_each_group_has_a_folder_and_its_surest_face_comes_first(written: tuple[Path, Grouping]) -> None:
    out, grouping = written
    folders = sorted(path.name for path in (out / PEOPLE).iterdir())
    assert folders == [group.name for group in grouping.groups] == ["person-001", "person-002"]
    for group in grouping.groups:
        files = sorted((out / PEOPLE / group.name).iterdir())
        assert [path.name[:4] for path in files] == [f"{rank:04d}" for rank in range(1, len(group.faces) + 1)]
        assert {path.read_bytes() for path in files} == {b"\xff\xd8jpeg"}
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (out / PEOPLE).rglob("*.jpg")}
    assert modes == {0o600} and stat.S_IMODE((out / PEOPLE).stat().st_mode) == 0o700


def test_what_was_written_can_be_removed(written: tuple[Path, Grouping]) -> None:
    remove_people(written[0])
    assert not (written[0] / PEOPLE).exists()
    remove_people(written[0])


@pytest.mark.parametrize("change", ["rename", "add", "delete", "edit"])
def test_a_folder_that_somebody_has_changed_is_not_removed(change: str, written: tuple[Path, Grouping]) -> None:
    first = written[0] / PEOPLE / "person-001"
    file = sorted(first.iterdir())[0]
    if change == "rename":
        first.rename(first.with_name("Nguyễn Văn An"))
    elif change == "add":
        (first / "mine.jpg").write_bytes(b"x")
    elif change == "delete":
        file.unlink()
    else:
        file.write_bytes(b"other")
    with pytest.raises(ResumeError, match="move it away, so that nothing of yours is lost"):
        remove_people(written[0])
    assert (written[0] / PEOPLE).is_dir()
