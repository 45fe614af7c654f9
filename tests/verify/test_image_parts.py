"""Images are measured once, in parts that a killed run leaves whole; nothing is written between a user's files."""

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.data.work_folder import FOLDER
from mien.errors import ResumeError
from mien.verify.image_parts import Kept, open_kept, require_unchanged, strip
from mien.verify.image_parts import _write as write

PLAN = {"false match rate": 0.001, "scope": "warn", "gallery": ""}


def test_what_was_written_is_there_again_and_private(tmp_path: Path, made_image: Callable) -> None:
    out = tmp_path / "out"
    kept = open_kept(out, PLAN)
    write(kept.parts, [made_image("a.jpg", 10), made_image("b\udcff.jpg", 20)])
    write(kept.parts, [made_image("c.jpg", problem="broken", embedding=None)])
    again = open_kept(out, PLAN)
    assert list(again.images) == ["a.jpg", "b\udcff.jpg", "c.jpg"] and again.scores == {}
    assert stat.S_IMODE(out.stat().st_mode) == stat.S_IMODE((out / FOLDER).stat().st_mode) == 0o700


def test_embeddings_go_and_scores_stay(tmp_path: Path, made_image: Callable) -> None:
    kept = open_kept(tmp_path / "out", PLAN)
    images = [made_image("a.jpg", 10), made_image("b.jpg", 20)]
    write(kept.parts, images)
    strip(kept, images, {2: 0.1234567890123})
    again = open_kept(tmp_path / "out", PLAN)
    assert again.scores == {2: 0.1234567890123} and [one.embedding for one in again.images.values()] == [None, None]
    assert len(again.parts.files()) == 1


def test_other_settings_are_refused_with_what_differs(tmp_path: Path) -> None:
    open_kept(tmp_path / "out", PLAN)
    with pytest.raises(ResumeError) as refused:
        open_kept(tmp_path / "out", PLAN | {"false match rate": 0.0001, "gallery": "staff.gallery"})
    said = str(refused.value)
    assert "false match rate was 0.001 and is now 0.0001" in said and "gallery was not set and is now staff" in said
    assert "scope" not in said and "--overwrite" in said


def test_a_folder_with_files_of_a_user_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo.jpg").write_bytes(b"abc")
    with pytest.raises(ResumeError, match="nothing in it is from"):
        open_kept(tmp_path / "mine", PLAN)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["photo.jpg"]
    with pytest.raises(ResumeError, match="is a file"):
        open_kept(tmp_path / "mine" / "photo.jpg", PLAN)


def test_a_changed_image_is_refused_by_name(tmp_path: Path, made_image: Callable) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"abc")
    known = path.stat().st_size, path.stat().st_mtime_ns
    kept = open_kept(tmp_path / "out", PLAN)
    failed = made_image("gone.jpg", problem="broken")
    kept = Kept(kept.parts, {str(path): made_image(str(path), stamp=known), "gone.jpg": failed}, {})
    require_unchanged(kept, [str(path), "gone.jpg", "new.jpg"], tmp_path)
    path.write_bytes(b"abcd")
    with pytest.raises(ResumeError, match=r"a\.jpg changed or went away"):
        require_unchanged(kept, [str(path)], tmp_path)


@pytest.mark.parametrize("name", ["part-000000.parquet", "scores.json"])
def test_damaged_parts_are_named_with_the_remedy(name: str, tmp_path: Path, made_image: Callable) -> None:
    kept = open_kept(tmp_path / "out", PLAN)
    write(kept.parts, [made_image("a.jpg")])
    (tmp_path / "out" / FOLDER / name).write_bytes(b"rubbish")
    with pytest.raises(ResumeError, match=f"{name} is damaged; begin again with --overwrite"):
        open_kept(tmp_path / "out", PLAN)


def test_the_plan_is_readable(tmp_path: Path) -> None:
    open_kept(tmp_path / "out", PLAN)
    assert json.loads((tmp_path / "out" / FOLDER / "plan.json").read_text()) == PLAN
