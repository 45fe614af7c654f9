"""The one table of measures: complete in texts and zones, taken in order, and placed around a face."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from mien.messages import has_message
from mien.portrait.examine import Examined
from mien.portrait.measures.catalogue import MEASURES, ZONES, measure, place, with_deviation
from mien.portrait.measures.face_chip import CHIP, FaceChip, PortraitImage
from mien.portrait.measures.measure import NO_FACE, Measure
from mien.types import Image

WALL = PortraitImage(image=np.full((60, 80, 3), 90, np.uint8), width=160, height=120)


@pytest.mark.parametrize("name", MEASURES)
def test_every_measure_is_of_the_image_or_of_the_face_and_has_a_name(name: str) -> None:
    one = MEASURES[name]
    assert (one.of_image is None) is not (one.of_face is None)
    assert one.zone in ZONES or not one.zone
    assert has_message(f"measure.{name}.name"), f"add [measure.{name}] name to src/mien/messages/en.toml and vi.toml"
    assert has_message(one.absent.code)


@pytest.mark.parametrize("name", ZONES)
def test_zones_are_in_the_chip(name: str) -> None:
    x1, y1, x2, y2 = ZONES[name]
    assert 0 <= x1 < x2 <= CHIP and 0 <= y1 < y2 <= CHIP


def test_without_a_face_the_measures_of_the_image_are_taken_and_the_others_say_why() -> None:
    found = measure(WALL, None)
    assert list(found) == list(MEASURES)
    assert (found["width"].value, found["height"].value, found["aspect"].value) == (160, 120, 160 / 120)
    assert found["faces"].value == 0
    for name, one in MEASURES.items():
        if one.of_face is not None:
            assert found[name].value is None and found[name].reason == NO_FACE


def test_of_a_real_face_each_measure_has_a_value_or_a_reason(hopper_examined: Examined) -> None:
    assert hopper_examined.portrait is not None
    found = measure(hopper_examined.portrait, hopper_examined.chip)
    assert all((one.value is None) is not (one.reason is None) for one in found.values())
    assert {name for name, one in found.items() if one.value is None} == {
        "eyes_open", "eye_ratio", "eyes_seen_open", "gaze", "mouth_open", "head_covering", "background",
        "surroundings",
        "mesh_yaw", "mesh_pitch", "mesh_roll", "liveness", "model_quality", "jpeg_quality",
    }, "those that need a portrait model or a JPEG"  # fmt: skip
    assert all(0 <= one.quality <= 100 for one in found.values() if one.quality is not None)


def test_angles_have_a_deviation_and_nothing_else_has(hopper_examined: Examined) -> None:
    assert with_deviation() == ("yaw", "pitch", "roll", "mesh_yaw", "mesh_pitch", "mesh_roll")
    assert hopper_examined.portrait is not None
    found = measure(hopper_examined.portrait, hopper_examined.chip)
    assert {name for name, one in found.items() if one.sd} == {"yaw", "pitch", "roll"}, "the mesh was not run"


def test_a_made_up_measure_is_one_entry(
    monkeypatch: pytest.MonkeyPatch, seen: Callable[[Image], FaceChip], grain: Image
) -> None:
    chip = seen(grain)
    monkeypatch.setitem(MEASURES, "redness", Measure(of_face=lambda face: float(face.pixels[..., 0].mean())))
    found = measure(chip.portrait, chip)["redness"].value
    assert found == pytest.approx(float(grain[..., 0].mean()), abs=1)


def test_a_measures_place_is_its_zone_in_a_chip(seen: Callable[[Image], FaceChip], grain: Image) -> None:
    points = seen(grain).portrait.face.landmarks
    for name in ("glasses", "mask", "illumination", "face_side"):
        box = place(points, name)
        assert box is not None
        assert box.corners == pytest.approx(ZONES[MEASURES[name].zone], abs=0.01)


def test_reasons_survive_json() -> None:
    for one in MEASURES.values():
        assert type(one.absent).from_json(json.loads(json.dumps(one.absent.as_json()))) == one.absent
