"""mien data clean, as its users see it: first the angles, then a pack without what is wrong."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.cli import run
from mien.data.manifest import tabulate
from mien.data.pack import Pack
from mien.data.prepare import PackSettings, prepare
from mien.data.sample import Sample

pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")


@pytest.fixture
def pack(tmp_path: Path, collins_path: Path, hopper_path: Path) -> Path:
    """Six crops of two women each, one of them under the other's name; and a class of one crop."""
    samples = []
    for subject, path in (("collins", collins_path), ("hopper", hopper_path)):
        image = cv2.imread(str(path))
        centre = {"collins": (222, 117), "hopper": (266, 227)}[subject]
        half = {"collins": 70, "hopper": 150}[subject]
        for number in range(6):
            x, y = centre[0] + number - 3, centre[1] + 2 * (number % 3)
            crop = cv2.resize(image[max(0, y - half) : y + half, max(0, x - half) : x + half], (150, 150))
            file = tmp_path / "crops" / f"{subject}-{number}.png"
            file.parent.mkdir(exist_ok=True)
            cv2.imwrite(str(file), crop)
            wrong = subject == "hopper" and number == 5
            samples.append(Sample(file, "collins" if wrong else subject, aligned=True))
    cv2.imwrite(str(tmp_path / "crops" / "alone.png"), np.full((150, 150, 3), 90, np.uint8))
    samples.append(Sample(tmp_path / "crops" / "alone.png", "alone", aligned=True))
    prepare(tabulate(samples, tmp_path, "set"), tmp_path / "pack", PackSettings(size=150, template="dlib"))
    return tmp_path / "pack"


def test_the_angles_are_shown_first_and_a_pack_is_written_on_demand(
    pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # dlib's embeddings of different people are within 40 degrees: its limit is another than ArcFace's.
    words = ["data", "clean", str(pack), "--model", "dlib-resnet", "--max-angle", "20"]
    assert run(words) == 0
    shown = capsys.readouterr()
    assert "1 crop of 13 beyond 20 degrees" in shown.out and "degrees from their class" in shown.out
    assert "1 subject with one or two crops not judged" in shown.err
    assert run([*words, "--out", str(tmp_path / "clean"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["wrong"] == 1 and found["classes judged"] == 2 and found["out"] == str(tmp_path / "clean")
    left = [row["path"] for row in Pack(tmp_path / "clean").rejected()]
    assert [Path(path).name for path in left] == ["hopper-5.png"]
    assert run([*words, "--out", str(tmp_path / "clean")]) == 3
    assert "is there already" in capsys.readouterr().err


def test_a_limit_that_is_not_an_angle_is_refused(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "clean", str(pack), "--model", "dlib-resnet", "--max-angle", "0"]) == 2
    assert "--max-angle is between 0 and 180 degrees, not 0" in capsys.readouterr().err
    shutil.rmtree(pack)
    assert run(["data", "clean", str(pack), "--model", "dlib-resnet"]) == 3
    assert "is not a pack" in capsys.readouterr().err
