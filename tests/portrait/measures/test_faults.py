"""Detail, coverings and reproductions on two real portraits: each measure follows its own fault."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import simplejpeg

from mien.portrait.examine import Examined, Examiner
from mien.portrait.measures import detail, occlusion, recapture
from mien.portrait.measures.face_chip import PortraitImage
from mien.types import Image

Apply = Callable[[Image, np.ndarray, float], Image]


def blurred(image: Image, points: np.ndarray, much: float) -> Image:
    return cv2.GaussianBlur(image, (0, 0), 0.02 * much * ied(points))


def moved(image: Image, points: np.ndarray, much: float) -> Image:
    side = 2 * round(0.05 * much * ied(points)) + 1
    kernel = np.zeros((side, side), np.float32)
    kernel[side // 2] = 1 / side
    return cv2.filter2D(image, -1, kernel)


def noisy(image: Image, points: np.ndarray, much: float) -> Image:
    draw = np.random.default_rng(0).normal(0, 6 * much, image.shape)
    return np.clip(image + draw, 0, 255).astype(np.uint8)


def compressed(image: Image, points: np.ndarray, much: float) -> Image:
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(image), round(45 - 10 * much), "RGB")
    return simplejpeg.decode_jpeg(data, "RGB")


def enlarged(image: Image, points: np.ndarray, much: float) -> Image:
    height, width = image.shape[:2]
    small = cv2.resize(image, (round(width / (1 + much)), round(height / (1 + much))), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def screened(image: Image, points: np.ndarray, much: float) -> Image:
    rows = np.arange(image.shape[0])[:, None, None] + 0.05 * np.arange(image.shape[1])[None, :, None]
    return np.clip(image * (1 - 0.08 * much * (0.5 + 0.5 * np.cos(2 * np.pi * rows / 4.3))), 0, 255).astype(np.uint8)


def printed(image: Image, points: np.ndarray, much: float) -> Image:
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    dots = np.cos(2 * np.pi * (rows + columns) / 6.2) + np.cos(2 * np.pi * (rows - columns) / 6.2)
    return np.clip(image + 6 * much * dots[..., None], 0, 255).astype(np.uint8)


def spectacled(image: Image, points: np.ndarray, much: float) -> Image:
    drawn, far = image.copy(), ied(points)
    for x, y in points[:2]:
        cv2.ellipse(
            drawn,
            (round(x), round(y)),
            (round(0.4 * far), round(0.3 * far)),
            0,
            0,
            360,
            (30, 30, 30),
            round(far / 25),
        )
    (a, b), (c, d) = points[:2]
    cv2.line(drawn, (round(a + 0.4 * far), round(b)), (round(c - 0.4 * far), round(d)), (30, 30, 30), round(far / 25))
    return cv2.addWeighted(image, 1 - much / 4, drawn, much / 4, 0)


def shaded(image: Image, points: np.ndarray, much: float) -> Image:
    drawn, far = image.copy(), ied(points)
    for x, y in points[:2]:
        cv2.ellipse(drawn, (round(x), round(y)), (round(0.42 * far), round(0.34 * far)), 0, 0, 360, (8, 8, 10), -1)
    return cv2.addWeighted(image, 1 - much / 4, drawn, much / 4, 0)


def masked(image: Image, points: np.ndarray, much: float) -> Image:
    drawn, far = image.copy(), ied(points)
    mouth, nose = points[3:].mean(axis=0), points[2]
    top = round(float(mouth[1] + (nose[1] - mouth[1]) * (much - 1) / 3))
    left, right = round(float(mouth[0] - far)), round(float(mouth[0] + far))
    drawn[top : round(float(mouth[1] + 1.2 * far)), left:right] = (120, 165, 215)
    return drawn


def ied(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[1] - points[0]))


FAULTS: dict[str, tuple[Apply, Callable, int]] = {
    "blur": (blurred, detail.sharpness, -1),
    "movement": (moved, detail.motion, 1),
    "noise": (noisy, detail.noise, 1),
    "compression": (compressed, detail.blocks, 1),
    "enlarging": (enlarged, recapture.enlargement, 1),
    "a screen": (screened, lambda chip: recapture.patterns(chip)[1], 1),
    "a print": (printed, lambda chip: recapture.patterns(chip)[0], 1),
    "glasses": (spectacled, occlusion.glasses, 1),
    "dark lenses": (shaded, occlusion.dark_lenses, 1),
    "a mask": (masked, occlusion.mask, 1),
}


@pytest.fixture(scope="module")
def climb(examiner: Examiner) -> Callable[..., list[float]]:
    """What a measure gives for four severities, the face's place being known."""

    def take(one: Examined, apply: Apply, measure: Callable) -> list[float]:
        from mien.portrait.measures.face_chip import make_face_chip

        portrait = one.portrait
        found = []
        for much in (0, 1, 2, 3, 4):
            image = apply(portrait.image, portrait.face.landmarks, much) if much else portrait.image
            made = PortraitImage(np.asarray(image), portrait.width, portrait.height, portrait.faces, portrait.chosen)
            found.append(measure(make_face_chip(made)))
        return found

    return take


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("who", ["hopper_examined", "collins_examined"])
def test_a_measure_follows_its_fault(request, climb, who: str, fault: str) -> None:
    apply, measure, sign = FAULTS[fault]
    values = np.array(climb(request.getfixturevalue(who), apply, measure)) * sign
    assert (np.diff(values[1:]) > -1e-3 * np.ptp(values)).all(), values
    assert values[-1] > values[0], values


def test_blur_and_movement_are_told_apart(climb, collins_examined) -> None:
    still = climb(collins_examined, blurred, detail.motion)
    moving = climb(collins_examined, moved, detail.motion)
    assert moving[-1] > 8 > still[-1]


def test_noise_is_no_sharpness(climb, collins_examined) -> None:
    values = climb(collins_examined, noisy, detail.sharpness)
    assert max(values) - values[0] < 0.8


def test_hopper_wears_glasses_and_collins_does_not(hopper_examined, collins_examined) -> None:
    assert hopper_examined.measures["glasses"].value > 7 > collins_examined.measures["glasses"].value


def test_good_portraits_have_no_coverings_or_reproductions(hopper_examined, collins_examined) -> None:
    for one in (hopper_examined, collins_examined):
        found = {name: m.value for name, m in one.measures.items()}
        assert found["mask"] < 0.1
        assert found["dark_lenses"] < 0.4
        assert found["glare"] < 0.02
        assert max(found["halftone"], found["screen"]) < 9
        assert found["enlargement"] < 1.5
        assert found["paper_border"] == 0
        assert found["stamp"] < 0.4


def bordered(image: Image, wide: int) -> PortraitImage:
    made = cv2.copyMakeBorder(image, wide, wide, wide, wide, cv2.BORDER_CONSTANT, value=(248, 246, 240))
    return PortraitImage(made, made.shape[1], made.shape[0])


def test_a_paper_border_is_measured(collins: Image) -> None:
    for wide in (16, 40, 80):
        made = bordered(collins, wide)
        inner = 512 * 512 / made.image.shape[0] / made.image.shape[1]
        assert recapture.border(made) == pytest.approx(1 - inner, abs=0.04)


def test_a_white_wall_is_no_paper_border(collins: Image) -> None:
    walled = collins.copy()
    walled[:300, :150] = walled[:300, 380:] = walled[:40] = 245
    assert recapture.border(PortraitImage(walled, 512, 512)) == 0


def test_a_stamp_is_a_ring_of_ink_and_red_clothes_are_none(hopper: Image) -> None:
    stamped, dressed = hopper.copy(), hopper.copy()
    for radius in (80, 55):
        cv2.circle(stamped, (380, 460), radius, (205, 35, 45), 7)
    cv2.circle(dressed, (256, 560), 150, (205, 35, 45), -1)
    size = hopper.shape[1], hopper.shape[0]
    assert recapture.stamp(PortraitImage(stamped, *size)) > 0.5
    assert recapture.stamp(PortraitImage(dressed, *size)) < 0.5
    blue = stamped[..., ::-1].copy()
    assert recapture.stamp(PortraitImage(blue, *size)) > 0.5


def test_traces_of_compression_cannot_be_measured_in_reduced_pictures(seen, grain) -> None:
    one = seen(grain).portrait
    reduced = PortraitImage(one.image, one.width * 2, one.height * 2, one.faces, 0)
    from mien.portrait.measures.face_chip import make_face_chip

    assert detail.blocks(make_face_chip(reduced)) is None
    assert detail.blocks(make_face_chip(one)) is not None


def test_patterns_need_a_spectrum_of_some_size(hopper_examined) -> None:
    portrait = hopper_examined.portrait
    small = cv2.resize(portrait.image, None, fx=0.15, fy=0.15, interpolation=cv2.INTER_AREA)
    from dataclasses import replace

    from mien.portrait.measures.face_chip import make_face_chip

    face = replace(portrait.face, landmarks=portrait.face.landmarks * np.float32(0.15))
    assert (
        recapture.patterns(make_face_chip(PortraitImage(small, small.shape[1], small.shape[0], (face,), 0))) is None
    )
