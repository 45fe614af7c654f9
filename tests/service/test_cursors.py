"""A cursor works for its list and nowhere else."""

import stat
from pathlib import Path

import pytest

from mien.service.cursors import FILE, Cursors
from mien.service.errors import ServiceError


def test_a_cursor_is_read_again_also_after_a_restart(tmp_path: Path) -> None:
    text = Cursors(tmp_path).write(["An", 7], gallery="g", caller="c", search=None)
    assert Cursors(tmp_path).read(text, gallery="g", caller="c", search=None) == ["An", 7]
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "bound", [{"gallery": "h", "caller": "c"}, {"gallery": "g", "caller": "d"}, {"gallery": "g"}]
)
def test_a_cursor_of_another_list_is_refused(tmp_path: Path, bound: dict[str, str]) -> None:
    cursors = Cursors(tmp_path)
    with pytest.raises(ServiceError, match="begin without a cursor"):
        cursors.read(cursors.write(1, gallery="g", caller="c"), **bound)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t[:-4],
        lambda t: ("A" if t[0] != "A" else "B") + t[1:],
        lambda t: "",
        lambda t: "é",
        lambda t: t + "!",
    ],
)
def test_a_changed_cursor_is_refused(tmp_path: Path, change) -> None:
    cursors = Cursors(tmp_path)
    with pytest.raises(ServiceError) as caught:
        cursors.read(change(cursors.write(100, gallery="g")), gallery="g")
    assert caught.value.code == "invalid_cursor"
