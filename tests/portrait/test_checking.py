"""One photograph: what is measured, judged and said, on portraits and on rubbish."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien import portrait
from mien.cli import run
from mien.errors import ImageError, RuleError
from mien.pipeline import Item, array_item
from mien.portrait.examine import Examined, Examiner, jpeg_quality
from mien.portrait.measures.catalogue import MEASURES
from mien.portrait.measures.quality import WEIGHTS, overall
from mien.portrait.rules.files import parse_rules, shipped_text
from mien.types import Image


def lids_of(height: float) -> np.ndarray:
    """The answer of a network of irises that sees eyes of a height in shares of their width."""
    points = np.zeros((71, 3))
    points[0, :2], points[8, :2] = (18, 32), (46, 32)
    for upper, lower in ((11, 3), (12, 4), (13, 5)):
        points[upper, :2], points[lower, :2] = (32, 32 - 14 * height), (32, 32 + 14 * height)
    return points.reshape(-1)


@pytest.fixture
def sees_eyes(tmp_path: Path, network: Callable[..., bytes]) -> Callable[[float], str]:
    """Adds a network of irises for which eyes are so high; gives its name."""

    def make(height: float) -> str:
        (tmp_path / "net.onnx").write_bytes(network(lids_of(height), np.zeros(15)))
        name = f"iris-{round(100 * height)}"
        words = ["--name", name, "--expert", "iris", "--colour", "RGB"]
        assert run(["models", "add", str(tmp_path / "net.onnx"), *words]) == 0
        return name

    return make


TURNED = {
    90: ("it is on its side): turn it clockwise by 90 degrees", "90 độ theo chiều kim đồng hồ"),
    180: ("it is upside down): turn it by 180 degrees", "lộn ngược"),
    270: ("it is on its side): turn it counterclockwise by 90 degrees", "90 độ ngược chiều kim đồng hồ"),
}


@pytest.mark.parametrize("turn", TURNED)
def test_of_a_photograph_on_its_side_the_picture_is_turned_not_the_head(hopper: Image, turn: int) -> None:
    """Without EXIF: the person was asked to tilt their head, or to look into the camera."""
    checked = portrait.check(np.ascontiguousarray(np.rot90(hopper, turn // 90)))
    states = {verdict.rule.id: verdict.state for verdict in checked.verdicts}
    upright = {verdict.rule.id: verdict.state for verdict in portrait.check(hopper).verdicts}
    pose = ("yaw", "pitch", "roll")
    assert checked.turn == turn and checked.outcome == "failed"
    assert states == upright | {"upright": "fail"} | dict.fromkeys(pose, "not assessed")
    first, *rest = checked.instructions()
    assert first == f"The photograph is turned ({TURNED[turn][0]}"
    assert not any(word in line for line in rest for word in ("Tilt", "Turn your head", "camera", "turned"))
    assert TURNED[turn][1] in checked.instructions("vi")[0]


def test_where_no_rule_asks_for_an_upright_picture_it_is_said_all_the_same(hopper: Image) -> None:
    text = 'name = "own"\nversion = 1\n[[rule]]\nid = "roll"\nmeasure = "roll"\nunit = "degrees"\nmax = 9\n'
    rules = parse_rules(text + 'severity = "error"\n', "own")
    checked = portrait.check(np.ascontiguousarray(np.rot90(hopper)), rules)
    assert checked.outcome == "not judged"
    assert checked.instructions() == ["The photograph is turned (it is on its side): turn it clockwise by 90 degrees"]


def test_a_missing_face_is_one_line_not_a_line_for_each_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nobody.png"
    Pillow.fromarray(np.full((900, 700, 3), 120, np.uint8)).save(path)
    assert run(["check", str(path)]) == 1
    title, *lines = capsys.readouterr().out.splitlines()
    assert title.endswith("The portrait does not pass the rules.")
    assert [line for line in lines if "face" in line.lower()] == [
        next(line for line in lines if line.startswith("There is a face")),
        "- Look into the camera with your whole face in the image",
    ]
    assert len(lines) <= 6
    assert run(["check", str(path), "--all"]) == 1
    assert capsys.readouterr().out.count("no face was found") > 25


def test_rules_without_one_for_a_face_still_say_that_there_is_none() -> None:
    rules = parse_rules(
        'name = "own"\nversion = 1\n[[rule]]\nid = "glare"\nmeasure = "glare"\nmax = 1\nseverity = "error"\n', "own"
    )
    checked = portrait.check(np.full((900, 700, 3), 120, np.uint8), rules)
    assert checked.instructions() == ["no face was found"] and checked.outcome == "not judged"


def test_a_good_portrait_keeps_the_rules(hopper_path: Path, sees_eyes: Callable[[float], str]) -> None:
    checked = portrait.check(hopper_path, portrait_models=[sees_eyes(0.3)])
    assert (checked.outcome, checked.passed) == ("passed", True)
    assert checked
    assert checked.quality > 80
    assert checked.instructions() == ["Take off your glasses"]
    assert checked.instructions("vi") == ["Bỏ kính ra"]


def test_what_cannot_be_judged_does_not_pass_and_says_what_is_missing(hopper_path: Path) -> None:
    checked = portrait.check(hopper_path)
    assert (checked.outcome, checked.passed) == ("not judged", False)
    (eyes,) = [verdict for verdict in checked.verdicts if verdict.is_unjudged]
    assert eyes.rule.id == "eyes-open"
    missing, glasses = checked.instructions()
    assert missing == (
        "The eyes are open: cannot be judged without a model for iris: `mien models pull recommended` brings one"
    )
    assert glasses == "Take off your glasses", "errors that are not judged come before warnings"
    assert checked.instructions("vi")[0].startswith("Mắt mở: chưa đánh giá được khi thiếu mô hình iris")


@pytest.mark.parametrize(
    ("height", "outcome", "says"),
    [
        (0.1, "failed", "Open both eyes"),
        (0.149, "failed", "Open both eyes"),
        (0.18, "not judged", "0.18 is too close"),
    ],
)
def test_closed_and_narrow_eyes(
    height: float, outcome: str, says: str, hopper_path: Path, sees_eyes: Callable[[float], str]
) -> None:
    checked = portrait.check(hopper_path, portrait_models=[sees_eyes(height)])
    assert (checked.outcome, checked.passed) == (outcome, False)
    assert says in checked.instructions()[0]
    assert checked.measures["eye_ratio"].value == pytest.approx(height, abs=1e-3)


def test_a_small_face_is_asked_to_come_closer(collins: Image) -> None:
    checked = portrait.check(collins)
    assert not checked.passed
    assert not checked
    closer, *others = checked.instructions()
    assert closer == "Move closer", "first, and once, although three rules ask for it"
    assert len(others) == 1 and others[0].startswith("The eyes are open: cannot be judged")


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
    assert checked.outcome == "failed"
    assert len(checked.instructions()) == 1, "what cannot be judged follows from that"
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
    verdicts = [next(v for v in checked.verdicts if v.advice("en") == one) for one in words]
    kinds = [
        ("error", "unjudged", "warning").index("unjudged" if v.is_unjudged else v.rule.severity) for v in verdicts
    ]
    assert kinds == sorted(kinds), "error comes before what is not judged, and that before warning"
    assert set(kinds) == {0, 1, 2}


def test_many_files_are_checked_and_a_broken_one_is_a_result(hopper_path: Path, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"no image")
    points: list[tuple[int, int | None]] = []
    found = portrait.check_files(
        [hopper_path, tmp_path / "x.jpg"], on_progress=lambda p: points.append((p.done, p.total))
    )
    assert [file.path for file in found] == [hopper_path, tmp_path / "x.jpg"]
    assert found[0].checked.outcome == "not judged" and found[0].error == ""
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


def test_a_photograph_that_fails_for_an_odd_reason_harms_no_other(
    collins_path: Path, hopper_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def odd(self: Examiner, item: Item) -> Examined:
        if item.name == str(collins_path):
            raise KeyError("x")
        return Examined(name=item.name, error="stop here")

    monkeypatch.setattr(Examiner, "item", odd)
    bad, good = portrait.check_files([collins_path, hopper_path])
    assert bad.error.startswith(f"{collins_path} could not be processed: mien did not expect this")
    assert good.error == "stop here"
