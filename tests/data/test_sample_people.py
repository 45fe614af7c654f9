"""The two sample people: a folder for each, images that differ in their light, and no file of others replaced."""

from pathlib import Path

import pytest

from mien.data.sample_people import LIGHTS, PORTRAITS, write_sample_people
from mien.errors import MissingExtraError, OutputError
from mien.image import read_image


def test_each_person_has_a_folder_with_one_portrait_in_three_lights(tmp_path: Path) -> None:
    assert write_sample_people(tmp_path / "people") == tmp_path / "people"
    for name in PORTRAITS:
        images = [read_image(tmp_path / "people" / name / f"{number}.png") for number in range(3)]
        for image, light in zip(images, LIGHTS, strict=True):
            assert (image == (images[0] * light).astype("uint8")).all()
        assert images[0].mean() > images[1].mean() > images[2].mean() > 20


def test_a_second_call_replaces_what_the_first_one_wrote(tmp_path: Path) -> None:
    write_sample_people(tmp_path)
    write_sample_people(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*.png")) == [
        "0.png",
        "0.png",
        "1.png",
        "1.png",
        "2.png",
        "2.png",
    ]


def test_a_photograph_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    own = tmp_path / "Grace Hopper" / "2.png"
    own.parent.mkdir()
    own.write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"2\.png"):
        write_sample_people(tmp_path)
    assert own.read_bytes() == b"mine" and not (tmp_path / "Eileen Collins").exists()
    write_sample_people(tmp_path, overwrite=True)
    assert own.read_bytes() != b"mine"


def test_missing_portraits_are_named_with_the_command_that_installs_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PORTRAITS, "Nobody", ("no-such-package", "nobody.png"))
    with pytest.raises(MissingExtraError, match="pip install"):
        write_sample_people(tmp_path)
    assert list(tmp_path.iterdir()) == []
