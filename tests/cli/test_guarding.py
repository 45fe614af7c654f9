"""No verb replaces a file that mien did not make, or that it reads."""

import inspect
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import get_args

import numpy as np
import pytest

from mien import cli
from mien.cli import output_trial, run
from mien.cli.guarding import guarded
from mien.errors import OutputError
from mien.output_names import OutputGuard
from mien.save_image import encode_to
from mien.types import Image

WRITES = {output_trial.output_file, output_trial.output_folder, output_trial.output_place}
REFUSE_ON_THEIR_OWN = {
    "prepare_pack": "a folder that is not empty and was not begun by it",
    "export": "a folder that is not empty",
    "clean": "a folder that is not empty",
    "train": "a folder with another run, or with a recipe that a run did not write",
}
"""Verbs that write a folder of their own as a whole, and what they refuse."""


def verbs_that_write() -> dict[str, set[str]]:
    """The parameters of each verb that has an option for a place to write."""
    found = {}
    for module in walk_packages(cli.__path__, "mien.cli."):
        for name, function in inspect.getmembers(import_module(module.name), inspect.isfunction):
            if function.__module__ != module.name:
                continue
            parameters = inspect.signature(function).parameters
            details = [one for each in parameters.values() for one in get_args(each.annotation)[1:]]
            if any(getattr(one, "callback", None) in WRITES for one in details):
                found[name] = set(parameters)
    return found


def test_every_verb_that_writes_asks_before_it_replaces() -> None:
    found = verbs_that_write()
    assert {"detect", "identify", "import_", "split", "overlap", "embed", "audit", "attacks", "bundle"} <= set(found)
    without = {name for name, parameters in found.items() if "overwrite" not in parameters}
    assert without == set(REFUSE_ON_THEIR_OWN)


@pytest.fixture
def place(tmp_path: Path, hopper: Image) -> Path:
    """A folder with two people, a manifest, and files of the user's own where outputs would be."""
    for person in ("A", "B"):
        (tmp_path / "people" / person).mkdir(parents=True)
        encode_to(tmp_path / "people" / person / "x.jpg", np.ascontiguousarray(hopper[100:200, 100:200]))
    (tmp_path / "manifest.csv").write_text("path,subject\npeople/A/x.jpg,A\npeople/B/x.jpg,B\n")
    (tmp_path / "out").mkdir()
    for name in OWN:
        (tmp_path / "out" / name).write_text("my own")
    return tmp_path


OWN = (
    *("set.csv", "train.parquet", "overlap.csv", "embedded.parquet", "scores.csv", "models.zip", "people.gallery"),
    *("report.html", "images.csv", "x.jpg", "faces.json"),
)
COMMANDS = {
    "data import": "data import people --out out/set.csv",
    "data split": "data split manifest.csv --out out",
    "data overlap": "data overlap manifest.csv people --out out",
    "embed": "embed manifest.csv --out out/embedded.parquet",
    "evaluate impostor": "evaluate impostor manifest.csv --out out",
    "evaluate detection": "evaluate detection manifest.csv --out out",
    "evaluate attacks": "evaluate attacks people --scores out/scores.csv",
    "bench detectors": "bench detectors --images people --out out",
    "models bundle": "models bundle out/models.zip mtcnn",
    "audit": "audit people --flat --out out",
    "detect": "detect people/A/x.jpg --out out",
    "detect --save": "detect people/A/x.jpg --save out/faces.json --as coco",
    "tour": "tour --out out",
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_of_the_users_own_is_kept(
    name: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    assert run(COMMANDS[name].split()) == 3
    assert "was not made by mien, or was changed since" in capsys.readouterr().err
    assert {(place / "out" / file).read_text() for file in OWN} == {"my own"}
    assert {path.name for path in (place / "out").iterdir()} == set(OWN)


@pytest.mark.parametrize(
    "command",
    [
        "data import manifest.csv --out manifest.csv",
        "data split manifest.csv --out . --part manifest=0.5 --part b=0.5",
        "embed manifest.parquet --out manifest.parquet",
    ],
)
def test_a_manifest_is_not_replaced_by_what_is_made_of_it(
    command: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    (place / "manifest.parquet").write_bytes((place / "manifest.csv").read_bytes())
    before = (place / "manifest.csv").read_bytes()
    if "split" in command:
        (place / "manifest.csv").rename(place / "manifest.parquet")
        command = command.replace("manifest.csv", "manifest.parquet")
    assert run(command.split()) == 3
    assert "would be replaced" in capsys.readouterr().err or "split" in command
    assert before in [path.read_bytes() for path in place.glob("manifest.*")]


def test_what_a_verb_wrote_is_replaced_by_the_next_try_also_after_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with pytest.raises(ValueError, match="stop"), guarded([path]):
        path.write_text("written, and then something else failed")
        raise ValueError("stop")
    with guarded([path]):
        path.write_text("again")
    OutputGuard().check([path])
    path.write_text("by hand")
    with pytest.raises(OutputError), guarded([path]):
        pass
    with pytest.raises(ValueError, match="stop"), guarded([path], overwrite=True):
        raise ValueError("stop")
    with pytest.raises(OutputError), guarded([path]):
        pass
