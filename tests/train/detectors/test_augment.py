"""Augmentation of scenes: boxes and landmarks move with the pixels."""

import math
from dataclasses import replace

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
        # What is beyond the picture has any colour.
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


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
def test_boxes_that_are_not_cut_keep_the_proportions_of_the_face(mosaic: float) -> None:
    outside = {True: 0, False: 0}
    for clip in (True, False):
        plan = ScenePlan(192, Squares(near=0.0, clip=clip), mosaic, {"mirror": 0.5})
        for seed in range(60):
            read = lambda: marked_scene(seed)  # noqa: E731, B023
            scene = augmenting.augment(read, read, plan, np.random.default_rng([3, seed]))
            boxes = scene.boxes[~scene.ignore]
            outside[clip] += int(((boxes < 0) | (boxes > 192)).any(axis=1).sum())
            if not clip:
                size = boxes[:, 2:] - boxes[:, :2]
                assert size[:, 0] == pytest.approx(size[:, 1], rel=1e-3), "every face is a square"
    assert outside[True] == 0 and outside[False] > 5


def small_face(width: int, height: int) -> Scene:
    """A face of four pixels in the middle of a grey image."""
    x, y = width / 2, height / 2
    box = np.array([[x - 2, y - 2, x + 2, y + 2]], np.float32)
    return Scene(
        np.full((height, width, 3), 90, np.uint8), box, np.zeros((1, 5, 2), np.float32), np.zeros(1, np.bool_)
    )


def test_squares_are_0_3_to_2_times_the_shorter_side_half_of_them_smaller_than_the_image() -> None:
    shares, inside = [], 0
    for seed in range(1500):
        scene = augmenting.square(small_face(300, 200), 192, Squares(near=1.0), np.random.default_rng(seed))
        assert scene.image.shape == (192, 192, 3)
        shares.append(192 / (float(scene.boxes[0, 2] - scene.boxes[0, 0]) / 4) / 200)
        inside += scene.boxes[0, 0] >= 0 and scene.boxes[0, 2] <= 192
    assert 0.3 - 1e-4 < min(shares) < 0.31 and 1.98 < max(shares) < 2.0001
    assert np.mean(np.array(shares) < 1) == pytest.approx(0.5, abs=0.04)
    assert inside == 1500


def test_a_face_is_in_the_square_as_often_as_the_recipe_says() -> None:
    def found(near: float) -> float:
        squares = Squares(smallest=0.3, largest=0.3, near=near)
        scenes = (augmenting.square(small_face(400, 400), 64, squares, np.random.default_rng(s)) for s in range(500))
        return float(np.mean([bool(len(scene.boxes)) and not scene.ignore[0] for scene in scenes]))

    anywhere = found(0.0)
    assert found(1.0) == 1 and anywhere < 0.4
    assert found(0.5) == pytest.approx((1 + anywhere) / 2, abs=0.07)


def test_the_quarters_of_a_mosaic_meet_at_30_to_70_percent() -> None:
    plain = [replace(small_face(64, 64), image=np.full((64, 64, 3), shade, np.uint8)) for shade in (10, 80, 150, 220)]
    places = []
    for seed in range(600):
        image = augmenting.mosaic(plain, 200, np.random.default_rng(seed)).image[..., 0]
        places.append([int((image[0] == 10).sum()) / 200, int((image[:, 0] == 10).sum()) / 200])
    for axis in np.array(places).T:
        assert 0.295 <= axis.min() <= 0.31 and 0.69 <= axis.max() <= 0.705


def test_blur_is_a_gaussian_of_half_a_pixel_to_two_and_a_half(monkeypatch: pytest.MonkeyPatch) -> None:
    sigmas: list[float] = []
    spy = lambda image, size, sigma: sigmas.append(sigma) or image  # noqa: E731
    monkeypatch.setattr(augmenting.cv2, "GaussianBlur", spy)
    for seed in range(600):
        augmenting.blur(small_face(32, 32), np.random.default_rng(seed))
    assert 0.5 <= min(sigmas) < 0.52 and 2.48 < max(sigmas) <= 2.5


class Extreme:
    """A generator whose every draw is one end of its range."""

    def __init__(self, end: int, saturate: bool) -> None:
        self.end, self.chance = end, 0.0 if saturate else 1.0

    def uniform(self, low: float, high: float, size: int | None = None) -> object:
        value = (low, high)[self.end]
        return value if size is None else np.full(size, value)

    def random(self) -> float:
        return self.chance


@pytest.mark.parametrize(("end", "sign"), [(0, -1), (1, 1)])
def test_colours_change_as_far_as_the_docstring_says(end: int, sign: int) -> None:
    shades = np.arange(256, dtype=np.uint8)
    scene = replace(small_face(16, 16), image=np.repeat(shades.reshape(16, 16, 1), 3, axis=2))
    found = augmenting.colour(scene, Extreme(end, saturate=False)).image.reshape(256, 3)  # type: ignore[arg-type]
    for shade in range(0, 256, 15):
        value = (shade / 255) ** math.exp(0.7 * sign)
        value = ((value - 0.5) * (1 + 0.3 * sign) + 0.5 + 0.15 * sign) * (1 + 0.1 * sign) * 255
        assert found[shade].tolist() == pytest.approx([min(255, max(0, value))] * 3, abs=0.51)


@pytest.mark.parametrize(("end", "kept"), [(0, 0.5), (1, 1.0)])
def test_at_least_half_of_the_saturation_stays(end: int, kept: float) -> None:
    image = np.zeros((16, 16, 3), np.uint8)
    image[:] = (200, 100, 50)
    scene = replace(small_face(16, 16), image=image)
    full, less = (
        augmenting.colour(scene, Extreme(end, saturate)).image[0, 0].astype(float)  # type: ignore[arg-type]
        for saturate in (False, True)
    )
    assert (less.max() - less.min()) / (full.max() - full.min()) == pytest.approx(kept, abs=0.02)


def test_squares_are_drawn_from_a_list_of_shares_each_equally_often() -> None:
    """SCRFD's authors draw one of ten sides, of which four are below the whole image; half of mien's are."""
    shares = (0.3, 0.6, 1.0, 2.0)
    squares, generator = Squares(shares=shares), np.random.default_rng(2)
    drawn = [augmenting._share(squares, generator) for _ in range(4000)]
    assert set(drawn) == set(shares)
    assert all(drawn.count(share) / 4000 == pytest.approx(0.25, abs=0.03) for share in shares)
