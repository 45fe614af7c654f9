"""Landmarks land on the template, for both poses and every size; large faces are averaged, not sampled."""

import cv2
import numpy as np
import pytest

from mien.align import align, align_face, cut_out, magnification, typical_box
from mien.detect.families import open_detector
from mien.errors import DegenerateLandmarksError
from mien.geometry import iou, similarity
from mien.templates import ARCFACE_112, TEMPLATES, BoxTemplate, arcface_template
from mien.types import Box, Face, floats

POSES = [("arcface", 112), ("arcface", 224), ("arcface", 128), ("dlib", 150)]


def picture_with_dots(landmarks: np.ndarray, width: int, height: int, radius: int) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    for index, (x, y) in enumerate(landmarks):
        colour = (255, 40 * index, 255 - 40 * index)
        cv2.circle(image, (round(float(x)), round(float(y))), radius, colour, -1)
    return image


@pytest.mark.parametrize(("name", "size"), POSES)
@pytest.mark.parametrize(("scale", "angle"), [(1.0, 0.3), (2.5, -0.5), (7.0, 0.2)])
def test_landmarks_land_on_the_template(name: str, size: int, scale: float, angle: float) -> None:
    """A face that is the template itself, turned and scaled, comes back to it: dots are found where they belong."""
    template = TEMPLATES[name](size)
    five = arcface_template(112).points
    aimed = similarity(template.mixing @ five, template.points)
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    landmarks = floats(five @ turn.T)
    landmarks += floats([30, 20]) - landmarks.min(axis=0)
    width, height = (landmarks.max(axis=0) + 60).astype(int)
    image = picture_with_dots(landmarks, int(width), int(height) + 17, max(1, round(3 * scale)))
    crop = align(image, landmarks, template, size)
    assert crop.shape == (size, size, 3) and crop.dtype == np.uint8
    for x, y in five @ aimed[:, :2].T + aimed[:, 2]:
        if 4 < x < size - 4 and 4 < y < size - 4:
            patch = crop[round(y) - 4 : round(y) + 5, round(x) - 4 : round(x) + 5, 0].astype(float)
            weights = patch / patch.sum()
            rows, columns = np.mgrid[-4:5, -4:5]
            assert abs((weights * rows).sum() + round(y) - y) < 0.6
            assert abs((weights * columns).sum() + round(x) - x) < 0.6


def test_magnification_is_the_scale_of_the_warp() -> None:
    template = arcface_template(112)
    for scale in (0.5, 1.0, 3.0):
        assert magnification(_face(template.points * floats(scale)), template) == pytest.approx(1 / scale, rel=1e-4)
    assert magnification(_face(np.zeros((5, 2), np.float32)), template) == 0


def _face(landmarks: np.ndarray, box: Box | None = None) -> Face:
    return Face(box or Box(10, 20, 50, 100), 1.0, floats(landmarks))


@pytest.mark.parametrize("margin", [1.0, 1.3, 2.0])
def test_a_box_template_cuts_the_square_around_the_middle_of_the_box(margin: float) -> None:
    """Compared with pixels that are averaged by hand: four of the image are one of the crop."""
    rough = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    image = np.asarray(cv2.resize(rough, (300, 300), interpolation=cv2.INTER_CUBIC), np.uint8)
    side, size = 160, 40
    box = Box(150 - side / margin / 4, 140 - side / margin / 2, 150 + side / margin / 4, 140 + side / margin / 2)
    face = _face(np.zeros((5, 2)), box)
    crop = align_face(image, face, BoxTemplate(size, margin), size)
    window = image[60:220, 70:230].astype(float)
    averaged = window.reshape(size, 4, size, 4, 3).mean(axis=(1, 3))
    assert np.abs(crop.astype(float) - averaged).mean() < 1
    assert magnification(face, BoxTemplate(size, margin)) == pytest.approx(size / side)


def test_an_empty_box_fixes_no_crop() -> None:
    face = _face(ARCFACE_112, Box(5, 5, 5, 5))
    assert magnification(face, BoxTemplate(112, 1.0)) == 0
    with pytest.raises(DegenerateLandmarksError, match="empty box"):
        align_face(np.zeros((9, 9, 3), np.uint8), face, BoxTemplate(112, 1.0), 112)


@pytest.mark.parametrize("angle", [0.0, 0.4])
def test_the_typical_box_moves_with_the_face(angle: float) -> None:
    """Twice as large, shifted and turned: the middle follows the landmarks, the size their scale."""
    turn = 2 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    box = typical_box(floats(ARCFACE_112 @ turn.T + np.array([30, 40])))
    middle = turn @ np.array([55.5, 63.2]) + np.array([30, 40])
    assert [(box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2] == pytest.approx(middle, abs=1e-2)
    assert [box.width, box.height] == pytest.approx([2 * 77.8, 2 * 105.1], rel=1e-3)


def test_the_typical_box_is_near_the_detector_s(collins: np.ndarray) -> None:
    face = open_detector().detect([collins])[0][0]
    overlap = iou(floats([typical_box(face.landmarks).corners]), floats([face.box.corners]))[0, 0]
    assert overlap > 0.75


def test_a_large_face_does_not_alias() -> None:
    """Stripes finer than the crop can show become grey; sampled, they would become a pattern."""
    template = arcface_template(112)
    stripes = np.zeros((1400, 1400, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = align(stripes, template.points * floats(12.2), template, 112)
    inner = crop[10:100, 10:100].astype(float)
    assert inner.std() < 8 and abs(inner.mean() - 127) < 6


def test_outside_of_the_image_is_black() -> None:
    template = arcface_template(112)
    crop = align(np.full((50, 50, 3), 200, np.uint8), template.points - floats([60, 60]), template, 112)
    assert crop[:20, :20].max() == 0


def test_degenerate_landmarks_are_refused() -> None:
    with pytest.raises(DegenerateLandmarksError):
        align(np.zeros((9, 9, 3), np.uint8), floats(np.full((5, 2), 4.0)), arcface_template(112), 112)


@pytest.mark.parametrize("side", [60, 300, 900])
def test_a_cutout_gives_the_same_crop_as_its_picture(side: int) -> None:
    generator = np.random.default_rng(0)
    rough = generator.integers(0, 256, (12, 15, 3), np.uint8)
    image = np.asarray(cv2.resize(rough, (1500, 1200), interpolation=cv2.INTER_CUBIC), np.uint8)
    template = arcface_template(112)
    left, top = 700 - side / 2, 600 - side / 2
    landmarks = floats(template.points / 112 * side + [left, top])
    face = Face(Box(left, top, left + side, top + side), 1.0, landmarks)
    cutout = cut_out(image, face)
    assert max(cutout.image.shape[:2]) <= 360
    whole = align(image, landmarks, template, 112).astype(float)
    part = align(cutout.image, cutout.landmarks, template, 112).astype(float)
    assert np.abs(whole - part)[4:-4, 4:-4].mean() < 2.5


def test_a_cutout_reaches_six_tenths_of_the_box_beyond_it_and_is_at_most_360_pixels_long() -> None:
    """Every template's crop of the face is inside; nothing that is larger than two crops is kept."""
    image = np.random.default_rng(0).integers(0, 256, (1000, 1200, 3), np.uint8)
    points = floats([[0, 0]] * 5) + floats([520, 530])
    cutout = cut_out(image, Face(Box(500, 500, 540, 560), 1.0, points))
    assert np.array_equal(cutout.image, image[464:597, 464:577])
    assert cutout.landmarks[0].tolist() == [56, 66]
    large = cut_out(image, Face(Box(300, 300, 700, 600), 1.0, points))
    assert large.image.shape == (round(781 * 360 / 881), 360, 3)
    scale = 360 / 881
    assert large.landmarks[0] == pytest.approx([(460.5) * scale - 0.5, (470.5) * scale - 0.5], abs=0.2)


@pytest.mark.parametrize(("name", "size"), POSES)
def test_the_crop_of_every_pose_is_inside_the_cutout(name: str, size: int, collins: np.ndarray) -> None:
    from mien.detect.families import open_detector

    template = TEMPLATES[name](size)
    face = open_detector().detect([collins])[0][0]
    cutout = cut_out(collins, face)
    whole = align(collins, face.landmarks, template, size)
    part = align(cutout.image, cutout.landmarks, template, size)
    assert np.abs(whole.astype(int) - part).mean() < 1


@pytest.mark.parametrize("tall", [False, True])
def test_a_face_at_the_far_end_of_a_picture_of_40000_pixels_is_aligned(tall: bool) -> None:
    """OpenCV warps no image of more than 32,766 pixels along a side."""
    five = arcface_template(112).points
    near = picture_with_dots(five + 30, 200, 200, 3)
    far = np.zeros((40_000, 200, 3) if tall else (200, 40_000, 3), np.uint8)
    shift = floats([0, 39_000] if tall else [39_000, 0])
    far[int(shift[1]) :, int(shift[0]) :][:200, :200] = near
    expected = align(near, floats(five + 30), arcface_template(112), 112)
    assert expected.any() and (align(far, floats(five + 30 + shift), arcface_template(112), 112) == expected).all()
    outside = align(far, floats(five - 9000), arcface_template(112), 112)
    assert not outside.any()
