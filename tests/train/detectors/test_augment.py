"""Augmentation of scenes: boxes and landmarks move with the pixels."""

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")


from mien.train.detectors import augment as augmenting  # noqa: E402
from mien.train.detectors.augment import ScenePlan, Squares  # noqa: E402
from mien.train.detectors.scene import Scene  # noqa: E402

MARKS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255))


def marked_scene(seed: int) -> Scene:
    """A grey picture with a white face whose five points are squares of five colours."""
    generator = np.random.default_rng(seed)
    width, height = (int(v) for v in generator.integers(150, 260, 2))
    image = np.full((height, width, 3), 90, np.uint8)
    size = int(generator.integers(60, 90))
    x, y = int(generator.integers(5, width - size - 5)), int(generator.integers(5, height - size - 5))
    image[y : y + size, x : x + size] = 255
    points = np.array([(0.3, 0.35), (0.7, 0.35), (0.5, 0.55), (0.35, 0.8), (0.65, 0.8)]) * size + (x, y)
    for (px, py), colour in zip(points, MARKS, strict=True):
        cv2.circle(image, (round(px), round(py)), size // 12, colour, -1)
    box = np.array([[x, y, x + size, y + size]], np.float32)
    return Scene(image, box, points[None].astype(np.float32), np.zeros(1, np.bool_))


def where(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray | None:
    near = np.abs(image.astype(int) - colour).max(axis=2) < 70
    rows, columns = np.nonzero(near)
    return np.array([columns.mean() + 0.5, rows.mean() + 0.5]) if len(rows) > 12 else None


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
def test_boxes_and_landmarks_stay_on_the_pixels_that_they_mark(mosaic: float) -> None:
    plan = ScenePlan(192, Squares(near=0.8), mosaic, {"mirror": 0.5})
    order = (1, 0, 2, 4, 3)
    seen = mirrored = 0
    for seed in range(60):
        generator = np.random.default_rng([9, seed])
        read = lambda: marked_scene(seed)  # noqa: E731, B023
        scene = augmenting.augment(read, read, plan, generator)
        assert scene.image.shape == (192, 192, 3)
        assert (scene.boxes >= 0).all() and (scene.boxes <= 192).all()
        if mosaic:
            # Four copies of one face: every box that counts is mostly white.
            for box in scene.boxes[~scene.ignore]:
                x1, y1, x2, y2 = (int(v) for v in box)
                part = scene.image[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1]
                if part.size and min(part.shape[:2]) > 12:
                    assert (part.min(axis=2) > 150).mean() > 0.4
                    seen += 1
            continue
        if not len(scene.boxes) or scene.ignore[0]:
            continue
        # What lies beyond the picture has any colour.
        x1, y1, x2, y2 = (int(v) for v in scene.boxes[0])
        face = np.full_like(scene.image, 90)
        face[y1:y2, x1:x2] = scene.image[y1:y2, x1:x2]
        places = [where(face, colour) for colour in MARKS]
        size = float((scene.boxes[0, 2:] - scene.boxes[0, :2]).max())
        inside = ((scene.landmarks[0] > 8) & (scene.landmarks[0] < 184)).all()
        if any(place is None for place in places) or not inside or size < 40:
            continue
        flipped = places[0][0] > places[1][0]  # type: ignore[index]
        mirrored += flipped
        for number, place in enumerate(places):
            wanted = scene.landmarks[0, order.index(number) if flipped else number]
            assert np.abs(place - wanted).max() < 0.06 * size + 2
        assert scene.landmarks[0, 0, 0] < scene.landmarks[0, 1, 0], "the viewer's left eye comes first"
        seen += 1
    assert seen > 15 and (mosaic or 3 < mirrored < seen)
