"""mien bench detectors, as a user calls it."""

import json
from pathlib import Path
from typing import Any

import pytest

from mien.cli import run
from mien.evaluate.detectors.identity import DetectorIdentity
from mien.evaluate.detectors.survey import Plan, Surveyed, measure


def test_the_survey_measures_in_a_process_of_its_own_and_names_what_it_could_not(
    hopper_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "hopper.jpg").write_bytes(hopper_path.read_bytes())
    assert run(["detect", str(folder), "--save", str(tmp_path / "truth.csv")]) == 0
    monkeypatch.setattr("mien.evaluate.detectors.survey.in_own_process", measure)
    monkeypatch.setattr("mien.evaluate.detectors.estimate.spoken_by", here)
    monkeypatch.setattr("mien.evaluate.detectors.timing.TIMED", 2)
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


def here(work: Any, arguments: tuple[Any, ...], seconds: float) -> list[Any]:
    """What work says, in this process."""
    said: list[Any] = []
    work(said.append, *arguments)
    return said


def test_an_interrupted_survey_keeps_what_it_measured_and_says_first_how_long_it_takes(
    hopper_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "hopper.jpg").write_bytes(hopper_path.read_bytes())
    speeds = {"slow": 4.0, "quick": 0.01}
    begun: list[str] = []

    def interrupted(name: str, plan: Plan) -> Surveyed:
        begun.append(name)
        if name == "slow":
            raise KeyboardInterrupt
        return Surveyed(name=name, identity=DetectorIdentity(weights="own", licence="MIT"), start=1.0)

    monkeypatch.setattr("mien.evaluate.detectors.survey.in_own_process", interrupted)
    monkeypatch.setattr("mien.evaluate.detectors.estimate.spoken_by", lambda *_: iter(speeds.items()))
    command = ["bench", "detectors", "--images", str(folder), "--quick", "--detectors", "slow,quick"]
    assert run([*command, "--out", str(tmp_path / "s")]) == 130
    shown = capsys.readouterr().err
    assert begun == ["quick", "slow"] and shown.startswith("2 detectors, about ") and "quick 5 s, slow" in shown
    assert "quick" in json.loads((tmp_path / "s" / "report.json").read_text())["about"]["model"]
    assert run([*command, "--out", str(tmp_path / "s")]) == 130, "its own report is replaced"
