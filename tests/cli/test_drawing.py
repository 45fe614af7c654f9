"""Drawn images: sized for their labels, marked where the faces are, and labels that stay inside."""

import numpy as np
import pytest

from mien.cli.drawing import KNOWN, LONGEST, NEUTRAL, SHORTEST, annotate, annotate_frame, side_by_side
from mien.types import Box, Face, Image, floats

LANDMARKS = floats([[80, 80], [120, 80], [100, 100], [85, 120], [115, 120]])
FACE = Face(Box(60, 50, 140, 150), 1.0, LANDMARKS)


def grey(width: int, height: int) -> Image:
    return np.full((height, width, 3), 90, np.uint8)


def is_colour(pixel: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() < 12)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((800, 600), (800, 600)),
        ((3200, 1600), (LONGEST, 800)),
        ((200, 160), (SHORTEST, 320)),
        ((160, 200), (320, 400)),
    ],
)
def test_the_longer_side_is_within_its_limits(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert annotate(grey(*size), [], [], []).shape[1::-1] == expected


@pytest.mark.parametrize("scale", [1, 2])
def test_box_and_landmarks_are_drawn_in_the_faces_colour(scale: int) -> None:
    image = grey(400 // scale, 400 // scale)
    face = Face(Box(*(side / scale for side in FACE.box.corners)), 1.0, LANDMARKS / scale)
    drawn = annotate(image, [face], [""], [KNOWN])
    for x, y in [(60, 100), (100, 50), *LANDMARKS.astype(int).tolist()]:
        assert is_colour(drawn[y, x], KNOWN)
    assert is_colour(drawn[90, 70], (90, 90, 90)) and is_colour(drawn[300, 300], (90, 90, 90))
    assert (image == 90).all(), "the image itself stays as it is"


@pytest.mark.parametrize("corner", [(0, 0), (350, 0), (0, 350), (350, 350)])
def test_a_label_is_inside_the_image_wherever_the_face_is(corner: tuple[int, int]) -> None:
    x, y = corner
    face = Face(Box(x, y, x + 50, y + 50), 1.0, floats(np.full((5, 2), -100)))
    plain, labelled = (annotate(grey(400, 400), [face], [label], [KNOWN]) for label in ("", "Nguyễn Hồng"))
    whole = annotate(grey(400, 400), [Face(Box(150, 200, 200, 250), 1.0, face.landmarks)], ["Nguyễn Hồng"], [KNOWN])
    areas = [int((np.abs(one.astype(int) - KNOWN).max(axis=2) < 12).sum()) for one in (plain, labelled, whole)]
    assert areas[1] > areas[0] + 500 and areas[1] > 0.6 * areas[2]


def test_a_frame_keeps_its_size_and_the_frame_itself() -> None:
    frame = grey(300, 200)
    drawn = annotate_frame(frame, [FACE], ["1"])
    assert drawn.shape == frame.shape and (frame == 90).all()
    assert is_colour(drawn[100, 60], NEUTRAL) and is_colour(drawn[190, 290], (90, 90, 90))


def label_boxes(frame: Image, plain: Image) -> tuple[int, int]:
    """The width and height of what labels changed."""
    rows, columns = np.nonzero((frame != plain).any(axis=2))
    return int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


@pytest.mark.parametrize("size", [(640, 480), (1280, 720), (3840, 2160)])
def test_the_number_of_a_track_is_as_tall_in_every_frame(size: tuple[int, int]) -> None:
    """It was a hairline in a frame of 4K."""
    wide, tall = size
    face = Face(Box(0.4 * wide, 0.4 * tall, 0.5 * wide, 0.6 * tall), 1.0, floats(np.full((5, 2), -100)))
    _, height = label_boxes(annotate_frame(grey(*size), [face], ["7"]), annotate_frame(grey(*size), [], []))
    bare = round(face.box.height)
    assert 0.025 * wide < height - bare < 0.06 * wide


def test_the_number_of_a_track_keeps_off_the_face_above_it() -> None:
    own, above = (Face(Box(100, y, 180, y + 90), 1.0, floats(np.full((5, 2), -100))) for y in (200, 105))
    drawn = annotate_frame(grey(640, 480), [own, above], ["1", ""])
    inside = drawn[112:188, 108:172]
    assert (inside == 90).all()


@pytest.mark.parametrize("corner", [(0, 0), (560, 0), (0, 400), (600, 440)])
def test_the_number_of_a_track_is_inside_the_frame(corner: tuple[int, int]) -> None:
    x, y = corner
    face = Face(Box(x, y, x + 40, y + 40), 1.0, floats(np.full((5, 2), -100)))
    drawn = annotate_frame(grey(640, 480), [face], ["1234"])
    middle = annotate_frame(grey(640, 480), [Face(Box(300, 200, 340, 240), 1.0, face.landmarks)], ["1234"])
    white, whole = (int((one.min(axis=2) > 140).sum()) for one in (drawn, middle))
    assert white >= 0.95 * whole > 20


def test_crops_are_next_to_each_other_in_half_blocks() -> None:
    red, blue = np.zeros((50, 50, 3), np.uint8), np.zeros((112, 112, 3), np.uint8)
    red[..., 0], blue[..., 2] = 200, 200
    lines, row = [], []
    for segment in side_by_side([red, blue], height=5).segments:
        if segment.text == "\n":
            lines.append(row)
            row = []
        else:
            row.append(segment)
    assert [len(line) for line in lines] == [10 + 2 + 10] * 5
    expected = [(200, 0, 0)] * 10 + [(0, 0, 0)] * 2 + [(0, 0, 200)] * 10
    for line in lines:
        colours = [segment.style.color.triplet for segment in line if segment.style and segment.style.color]
        assert [tuple(colour) for colour in colours if colour] == expected


def neighbour_covered(labels: list[str]) -> bool:
    """Whether a label covers landmarks of the face above."""
    upper = Face(Box(60, 20, 140, 110), 1.0, floats([[80, 70], [120, 70], [100, 90], [85, 105], [115, 105]]))
    lower = Face(Box(60, 112, 140, 200), 1.0, floats([[80, 150], [120, 150], [100, 165], [85, 180], [115, 180]]))
    drawn = annotate(grey(400, 400), [upper, lower], labels, [NEUTRAL, KNOWN])
    return not all(is_colour(drawn[y, x], NEUTRAL) for x, y in upper.landmarks.astype(int))


def test_a_name_does_not_cover_the_face_above() -> None:
    assert not neighbour_covered(["", "Bình"])


def test_two_names_of_neighbours_do_not_cover_each_other() -> None:
    left = Face(Box(60, 100, 140, 200), 1.0, LANDMARKS + 40)
    right = Face(Box(160, 100, 240, 200), 1.0, LANDMARKS + floats([140, 40]))
    drawn = annotate(grey(600, 400), [left, right], ["a long name of somebody", "x"], [KNOWN, NEUTRAL])
    above, below = drawn[80:98, 160:172].reshape(-1, 3), drawn[202:214, 160:172].reshape(-1, 3)
    assert any(is_colour(pixel, KNOWN) for pixel in above), (
        "the first label is above and reaches over the second face"
    )
    assert any(is_colour(pixel, NEUTRAL) for pixel in below), "the second label went below"


def test_the_number_of_a_track_is_as_large_on_a_large_frame_as_on_a_small_one() -> None:
    def share(width: int, height: int) -> float:
        bare = annotate_frame(grey(width, height), [FACE], [""])
        return float((annotate_frame(grey(width, height), [FACE], ["8"]) != bare).any(2).mean())

    assert share(3200, 1800) > 0.3 * share(800, 450)
