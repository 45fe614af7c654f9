"""A folder for results is never in the data set, by whatever name it is called."""

from pathlib import Path

import pytest

from mien.errors import AuditError
from mien.portrait.dataset.accept import check_outside, is_inside


@pytest.mark.parametrize(
    ("target", "inside"),
    [
        ("set", True),
        ("set/good", True),
        ("other/../set/good", True),
        ("link/good", True),
        ("set-2", False),
        (".", False),
    ],
)
def test_a_folder_is_inside_however_it_is_written(target: str, inside: bool, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "set")
    assert is_inside(tmp_path / target, tmp_path / "set") is inside


def test_a_folder_inside_is_refused_with_its_option(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="good is in the data set, which must not change: choose a different --out"):
        check_outside(tmp_path / "good", tmp_path, "--out")
    check_outside(tmp_path.parent / "good", tmp_path, "--out")
