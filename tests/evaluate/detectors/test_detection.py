"""The detection protocol on annotated images."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.cli import run
from mien.data.annotated import read_annotated
from mien.data.manifest import tabulate
from mien.data.manifest_io import write_manifest
from mien.data.sample import Sample
from mien.errors import ManifestError
from mien.types import Box


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two portraits of packages, annotated by what the default detector finds, and rows that cannot be used."""
    import matplotlib

    from mien.detect.families import open_detector
    from mien.image import read_image

    folder = tmp_path_factory.mktemp("annotated")
    hopper = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    blank, broken = folder / "blank.png", folder / "broken.jpg"
    cv2.imwrite(str(blank), np.full((200, 300, 3), 80, np.uint8))
    broken.write_bytes(hopper.read_bytes()[:20_000])
    own = open_detector().detect([read_image(hopper)])[0][0]
    rows = [
        Sample(hopper, "", box=own.box, landmarks=own.landmarks, known={"blur": 0}),
        Sample(hopper, "", box=Box(5, 5, 5, 30), known={"blur": 1}),
        Sample(hopper, "", box=Box(float("nan"), 5, 9, 30), known={"blur": 1}),
        Sample(blank, ""),
        Sample(broken, "", box=Box(5, 5, 50, 60), known={"blur": 1}),
        Sample(folder / "missing.jpg", "", box=Box(5, 5, 50, 60)),
        Sample(blank, "", box=Box(-90, 5, -5, 60)),
        Sample(blank, "", box=Box(310, 5, 350, 60)),
    ]
    write_manifest(tabulate(rows, folder, "x"), folder / "manifest.parquet")
    return folder / "manifest.parquet"


def test_rows_that_cannot_be_used_are_counted_and_lose_nothing_else(annotated: Path) -> None:
    found = read_annotated(annotated)
    assert [p.path.name for p in found.images] == [
        "grace_hopper.jpg",
        "blank.png",
        "broken.jpg",
    ] and found.faces == 2
    reasons = " ".join(problem.reason for problem in found.problems)
    assert len(found.problems) == 5
    for words in ("is empty", "a number that is not finite", "does not exist", "outside the image"):
        assert words in reasons
    with pytest.raises(ManifestError, match="no annotated image of the split val"):
        read_annotated(annotated, "val")


def test_the_command_writes_a_report_with_galleries(
    annotated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "detection", str(annotated), "--out", str(tmp_path / "r"), "--json"]) == 4
    printed = capsys.readouterr()
    numbers = json.loads(printed.out)["numbers"]
    assert numbers["ap"]["value"] == 1 and numbers["ap"]["low"] < 1
    assert numbers["landmark error"]["value"] < 0.01
    assert "missing.jpg does not exist" in printed.err and "broken.jpg" in printed.err
    page = (tmp_path / "r" / "report.html").read_text()
    assert "By size" in page and "Could not be used" in page
    assert (tmp_path / "r" / "precision-recall.png").stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("name a SET", []),
        ("either --predictions or --images", ["--wider", "x"]),
        ("--iou must be between", ["x", "--iou", "2"]),
    ],
)
def test_wrong_commands_say_what_is_wanted(
    words: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["evaluate", "detection", *arguments]) == 2
    assert words in capsys.readouterr().err
