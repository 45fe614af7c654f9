"""The page of checked photographs: faults are marked in place, in both languages, and names are shown, not run."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien import portrait
from mien.cli import run
from mien.errors import OutputError
from mien.image import read_image
from mien.output_names import OutputGuard, output_names
from mien.portrait.report.check_page import FACE, FAULT, PAGE, mark, output_paths, write_check
from mien.types import Image


@pytest.fixture
def folder(tmp_path: Path, collins_path: Path, hopper: Image) -> Path:
    """A portrait, one on its side, a file that cannot be read, and a name that is markup, in two folders."""
    photographs = tmp_path / "photographs"
    for name in ("a/x.jpg", "b/x.jpg"):
        (photographs / name).parent.mkdir(parents=True)
    (photographs / "a/x.jpg").write_bytes(collins_path.read_bytes())
    Pillow.fromarray(np.rot90(hopper)).save(photographs / "b/x.jpg", quality=95)
    (photographs / "cut.jpg").write_bytes(collins_path.read_bytes()[:9000])
    (photographs / "<b>& name.png").write_bytes(collins_path.read_bytes())
    return photographs


@pytest.mark.parametrize(("language", "said"), [("en", "The photograph is turned"), ("vi", "Ảnh bị xoay")])
def test_check_out_writes_marked_pictures_and_one_page(
    folder: Path, tmp_path: Path, language: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["check", str(folder), "--out", str(out), "--language", language]) == 4
    assert capsys.readouterr().out.splitlines()[-1] == str(out / PAGE)
    assert {str(path.relative_to(out)) for path in out.rglob("*.jpg")} == {"a/x.jpg", "b/x.jpg", "<b>& name.jpg"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in out.rglob("*"))
    page = (out / PAGE).read_text("utf-8")
    assert said in page and "cut.jpg" in page and page.count("data:image/jpeg") == 3
    assert 'href="a/x.jpg"' in page and 'href="%3Cb%3E%26%20name.jpg"' in page
    assert "<b>&" not in page and "&lt;b&gt;&amp; name.png" in page and "script" not in page


def test_the_face_and_the_place_of_each_fault_are_drawn(collins: Image) -> None:
    """A dark patch over the mouth is a covered mouth; its region has a number."""
    masked = collins.copy()
    checked = portrait.check(masked)
    faults = [verdict for verdict in checked.verdicts if verdict.state == "fail"]
    drawn = mark(masked, checked)
    assert drawn.shape == masked.shape and checked.box is not None and faults
    x1, y1, _, y2 = (round(side) for side in checked.box.corners)
    assert (np.abs(drawn[(y1 + y2) // 2, x1].astype(int) - FACE) < 3).all()
    changed = (drawn != masked).any(axis=2)
    allowed = (drawn == FACE).all(axis=2) | (drawn == FAULT).all(axis=2) | (drawn > 200).all(axis=2)
    assert (changed & ~allowed).sum() < 0.2 * changed.sum() and (masked == collins).all(), "nothing else is changed"


def test_the_photographs_themselves_are_not_replaced(folder: Path) -> None:
    before = (folder / "a/x.jpg").read_bytes()
    assert run(["check", str(folder), "--out", str(folder)]) == 3
    assert (folder / "a/x.jpg").read_bytes() == before and not (folder / PAGE).exists()


def test_a_page_of_somebody_else_is_in_the_way(folder: Path, tmp_path: Path) -> None:
    (tmp_path / PAGE).write_text("mine", encoding="utf-8")
    paths = [folder / "a/x.jpg"]
    names = output_names(paths)
    assert output_paths(tmp_path, names)[0] == tmp_path / PAGE
    with pytest.raises(OutputError, match="was not made by mien"):
        write_check(portrait.check_files(paths), names, tmp_path, OutputGuard(paths), "en")
    assert (tmp_path / PAGE).read_text("utf-8") == "mine"


def test_a_turned_photograph_is_marked_as_it_is_in_the_file(folder: Path, tmp_path: Path) -> None:
    paths = [folder / "b/x.jpg"]
    (file,) = portrait.check_files(paths)
    assert file.checked is not None and file.checked.box is not None
    height, width = read_image(paths[0]).shape[:2]
    assert (file.checked.width, file.checked.height) == (width, height)
    x1, y1, x2, y2 = file.checked.box.corners
    assert 0 < x1 < x2 < width and 0 < y1 < y2 < height
    page = write_check([file], output_names(paths), tmp_path / "out", OutputGuard(paths), "en").read_text("utf-8")
    assert len(re.findall("turn it clockwise by 90 degrees", page)) == 1
