"""One photograph: what is measured, judged and said, on portraits and on rubbish."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien import portrait
from mien.errors import ImageError, RuleError
from mien.pipeline import array_item
from mien.portrait.examine import Examined, Examiner, jpeg_quality
from mien.portrait.measures.catalogue import MEASURES
from mien.portrait.measures.quality import WEIGHTS, overall
from mien.portrait.rules.files import shipped_text
from mien.types import Image


def test_a_good_portrait_keeps_the_rules(hopper_path: Path) -> None:
    checked = portrait.check(hopper_path)
    assert checked.passed
    assert checked
    assert checked.quality > 80
    assert checked.instructions() == ["Take off your glasses"]
    assert checked.instructions("vi") == ["Bỏ kính ra"]


def test_a_small_face_is_asked_to_come_closer(collins: Image) -> None:
    checked = portrait.check(collins)
    assert not checked.passed
    assert not checked
    assert checked.instructions() == ["Move closer"], "once, although three rules ask for it"


def test_path_bytes_and_image_give_the_same_verdict(hopper_path: Path, hopper: Image) -> None:
    one, two, three = (portrait.check(given) for given in (hopper_path, hopper_path.read_bytes(), hopper))
    for a, b, c in zip(one.verdicts, two.verdicts, three.verdicts, strict=True):
        assert a.state == b.state == c.state
        assert a.measured.value == pytest.approx(b.measured.value) == pytest.approx(c.measured.value)


def test_every_rule_looks_at_a_place_in_the_picture(hopper_path: Path) -> None:
    checked = portrait.check(hopper_path)
    places = {v.rule.id: checked.place(v) for v in checked.verdicts}
    assert places["min-width"] is None
    eyes, points = places["no-glasses"], checked.landmarks
    assert eyes.x1 < points[0, 0] < eyes.x2
    assert eyes.y1 < points[0, 1] < eyes.y2


def test_a_tilted_head_is_asked_to_tilt_back(examiner: Examiner, hopper: Image) -> None:
    tilted = np.asarray(
        Pillow.fromarray(hopper).rotate(-40, resample=Pillow.Resampling.BILINEAR, fillcolor=(90, 90, 90))
    )
    assert examiner.item(array_item("image", tilted)).measures["roll"].value == pytest.approx(37, abs=5)
    assert "Tilt your head a little to the right" in portrait.check(tilted).instructions()


def test_no_face_is_not_assessed_and_fails_one_rule(tmp_path: Path) -> None:
    checked = portrait.check(np.full((400, 300, 3), 120, np.uint8))
    assert not checked.passed
    assert checked.quality is None
    failed = [v.rule.id for v in checked.verdicts if v.state == "fail"]
    assert failed == ["a-face"]
    assert {v.reason.text("en") for v in checked.verdicts if v.state == "not assessed"} == {"no face was found"}


@pytest.mark.parametrize("data", [b"", b"rubbish", b"\xff\xd8\xff\xe0 cut off"])
def test_rubbish_is_one_sentence(data: bytes) -> None:
    with pytest.raises(ImageError, match="the portrait"):
        portrait.check(data)


def test_rules_that_do_not_exist(hopper: Image) -> None:
    with pytest.raises(RuleError, match="vn-portrait, icao"):
        portrait.check(hopper, "passport")


def test_everything_that_is_measured_has_a_value_or_a_reason_and_a_quality_between_0_and_100(
    hopper_examined: Examined,
) -> None:
    assert hopper_examined.measures.keys() == MEASURES.keys()
    for name, one in hopper_examined.measures.items():
        assert (one.value is None) == (one.reason is not None), name
        assert one.quality is None or 0 <= one.quality <= 100, name


def test_the_overall_quality_is_the_weighted_mean_of_what_was_taken(hopper_examined: Examined) -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1, abs=0.01)
    measures = hopper_examined.measures
    exact = sum(w * measures[n].quality for n, w in WEIGHTS.items()) / sum(WEIGHTS.values())
    assert overall(measures) == pytest.approx(exact) == pytest.approx(hopper_examined.overall)


def test_a_worse_picture_has_a_lower_quality(examiner: Examiner, collins: Image, collins_examined: Examined) -> None:
    import cv2

    assert (
        examiner.item(array_item("image", cv2.GaussianBlur(collins, (0, 0), 4))).overall
        < collins_examined.overall - 5
    )


@pytest.mark.parametrize("quality", [30, 50, 75, 90, 95])
def test_the_quality_setting_of_a_jpeg_is_read_from_its_table(collins: Image, quality: int) -> None:
    stream = io.BytesIO()
    Pillow.fromarray(collins).save(stream, "JPEG", quality=quality)
    assert jpeg_quality(stream.getvalue()) == pytest.approx(quality, abs=1)
    assert jpeg_quality(b"\x89PNG") is None
    assert jpeg_quality(b"\xff\xd8\xff\xe0rubbish") is None


def test_a_verdict_hardly_changes_when_the_picture_is_mirrored_saved_or_sized(
    examiner: Examiner, hopper: Image
) -> None:
    import cv2
    import simplejpeg

    base = examiner.item(array_item("image", hopper)).measures
    saved = simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(hopper, 95, "RGB"), "RGB")
    larger = cv2.resize(hopper, None, fx=1.3, fy=1.3, interpolation=cv2.INTER_CUBIC)
    for image in (np.ascontiguousarray(hopper[:, ::-1]), saved, larger):
        other = examiner.item(array_item("image", image)).measures
        for name, near in {
            "sharpness": 1.0,
            "mask": 0.05,
            "luminance": 0.02,
            "cheek_balance": 0.06,
            "glasses": 1.5,
        }.items():
            assert other[name].value == pytest.approx(base[name].value, abs=near), name


def test_instructions_about_errors_come_before_those_about_warnings(hopper: Image) -> None:
    import cv2

    blurred = cv2.GaussianBlur(hopper, (0, 0), 8)
    checked = portrait.check(np.ascontiguousarray(blurred))
    failed = {v.rule.severity: v.advice("en") for v in checked.verdicts if v.state == "fail"}
    assert failed.keys() == {"error", "warning"}
    words = checked.instructions()
    severities = [
        next(v.rule.severity for v in checked.verdicts if v.state == "fail" and v.advice("en") == one)
        for one in words
    ]
    assert severities == sorted(severities), "error comes before warning"


def test_many_files_are_checked_and_a_broken_one_is_a_result(hopper_path: Path, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"no image")
    points: list[tuple[int, int | None]] = []
    found = portrait.check_files(
        [hopper_path, tmp_path / "x.jpg"], on_progress=lambda p: points.append((p.done, p.total))
    )
    assert [file.path for file in found] == [hopper_path, tmp_path / "x.jpg"]
    assert found[0].checked.passed and found[0].error == ""
    assert found[1].checked is None and "x.jpg" in found[1].error
    assert points == [(1, 2), (2, 2)]
    with pytest.raises(RuleError):
        portrait.check_files([hopper_path], "passport")


def test_a_rule_file_that_was_edited_is_read_again(collins: Image, tmp_path: Path) -> None:
    """A notebook and a service live long; rules by the name of a file are those that the file holds now."""
    path = tmp_path / "rules.toml"
    text = shipped_text("icao")
    head = text[: text.index("[[rule]]")]
    rules = '[[rule]]\nid = "width"\nmeasure = "width"\nunit = "px"\nmin = {}\nseverity = "error"\n'
    path.write_text(head + rules.format(10), encoding="utf-8")
    assert portrait.check(collins, str(path)).passed
    path.write_text(head + rules.format(10_000), encoding="utf-8")
    assert not portrait.check(collins, str(path)).passed
