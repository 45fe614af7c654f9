"""mien bench detectors, as a user calls it."""

import json
from pathlib import Path

import pytest

from mien.cli import run


def test_the_survey_measures_in_a_process_of_its_own_and_names_what_it_could_not(
    hopper_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "hopper.jpg").write_bytes(hopper_path.read_bytes())
    assert run(["detect", str(folder), "--save", str(tmp_path / "truth.csv")]) == 0
    monkeypatch.setattr("mien.evaluate.detectors.survey.ProcessPoolExecutor", _Here)
    monkeypatch.setattr("mien.evaluate.detectors.timing.SECONDS", 0.05)
    monkeypatch.setattr("mien.evaluate.detectors.survey.SIZES", ((160, 120), (640, 480)))
    command = ["bench", "detectors", str(tmp_path / "truth.csv"), "--portraits", str(folder), "--images", str(folder)]
    capsys.readouterr()
    assert run([*command, "--detectors", "haar,mtcnn,nothere", "--out", str(tmp_path / "s"), "--json"]) == 4
    shown = json.loads(capsys.readouterr().out)
    numbers = shown["numbers"]
    assert numbers["mtcnn/truth.csv/ap"]["value"] == 1 and numbers["haar/central face found"]["value"] == 1
    assert numbers["mtcnn/ms 640x480 batch 1"]["value"] > 0 and numbers["mtcnn/parameters"]["value"] > 400_000
    assert numbers["mtcnn/truth.csv/portraits that fill the frame"]["comparisons"] == 3
    assert any("nothere could not be measured" in line for line in shown["warnings"])
    page = (tmp_path / "s" / "report.html").read_text()
    assert "RetinaFace ResNet-50" in page and page.count("data:image/jpeg") >= 2


class _Here:
    """A pool that works in this process."""

    def __init__(self, *arguments: object, **named: object) -> None:
        pass

    def __enter__(self) -> "_Here":
        return self

    def __exit__(self, *reason: object) -> None:
        pass

    def submit(self, function, *arguments):  # type: ignore[no-untyped-def]
        result = function(*arguments)
        return type("Done", (), {"result": staticmethod(lambda: result)})
