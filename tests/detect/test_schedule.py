"""Views and the way back; one suppression over all passes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.detect.schedule import (
    PASSES,
    SHARP,
    STRIDE,
    Candidates,
    Pass,
    join,
    make_fixed_views,
    make_views,
    may_hide_a_face,
    settle,
    settle_views,
    shrink,
)
from mien.types import Faces, Floats, floats


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 1500), st.integers(1, 1500), st.sampled_from([*PASSES, Pass(320, 2.0)]))
def test_views_fit_their_canvas_and_lead_back(width: int, height: int, step: Pass) -> None:
    view = make_views(np.full((height, width, 3), 200, np.uint8), [step])[0]
    canvas_height, canvas_width = view.canvas.shape[:2]
    assert canvas_width % STRIDE == 0 and canvas_height % STRIDE == 0
    assert view.scale <= 1 and max(width, height) * view.scale <= step.longest + 1
    corners = floats([[0, 0, width, height]])
    on_canvas = corners * view.scale + np.tile(view.offset, 2)
    assert on_canvas.min() >= -1 and on_canvas[0, 2] <= canvas_width + 1 and on_canvas[0, 3] <= canvas_height + 1
    back = Candidates(on_canvas, floats([1]), on_canvas[:, None, :2].repeat(5, axis=1)).back(view)
    assert np.allclose(back.boxes, corners, atol=1e-2) and np.allclose(back.landmarks, 0, atol=1e-2)


def test_the_picture_is_never_enlarged_and_is_laid_on_black() -> None:
    view = make_views(np.full((50, 70, 3), 200, np.uint8), PASSES)[0]
    assert view.scale == 1 and view.canvas.shape == (64, 96, 3)
    assert (view.canvas[:50, :70] == 200).all() and (view.canvas[50:] == 0).all()


def test_the_second_pass_has_a_margin_on_every_side() -> None:
    view = make_views(np.full((300, 200, 3), 255, np.uint8), PASSES)[1]
    assert view.scale == pytest.approx(128 / 300)
    filled = np.argwhere(view.canvas[..., 0] > 0)
    low, high = filled.min(axis=0), np.array(view.canvas.shape[:2]) - filled.max(axis=0)
    assert min(*low, *high) > 10


def candidates(rows: list[list[float]], scores: list[float]) -> Candidates:
    return Candidates(floats(rows).reshape(-1, 4), floats(scores), np.zeros((len(rows), 5, 2), np.float32))


def settled(candidates: Candidates, overlap: float = 0.4) -> Faces:
    """Settled where every view has the image's own size."""
    return settle(candidates, candidates.heights, overlap)


def test_one_face_found_twice_is_one_face() -> None:
    both = join([candidates([[0, 0, 100, 100]], [0.6]), candidates([[3, 2, 104, 99], [200, 0, 260, 80]], [0.9, 0.5])])
    faces = settled(both)
    assert [face.score for face in faces] == pytest.approx([0.9, 0.5])


def test_features_of_a_large_face_are_not_faces() -> None:
    faces = settled(candidates([[0, 0, 200, 200], [60, 60, 100, 100]], [0.9, 0.8]))
    assert len(faces) == 1 and faces[0].box.width == 200


def test_nothing_found_is_not_a_face() -> None:
    assert settled(candidates([], [])) == ()


@pytest.mark.parametrize("size", [(300, 200), (90, 240), (20, 20), (2000, 10)])
def test_a_canvas_of_one_size_shows_the_whole_picture_and_the_way_back(size: tuple[int, int]) -> None:
    width, height = size
    image = np.full((height, width, 3), 200, np.uint8)
    for view in make_fixed_views(image, 160, 120, (Pass(640), Pass(128, 1.5))):
        assert view.canvas.shape == (120, 160, 3)
        corners = np.array([[0, 0], [width, height]]) * view.scale + view.offset
        assert (corners >= -0.01).all() and (corners <= np.array([160, 120]) + 0.01).all()
        rows, columns = np.nonzero(view.canvas[..., 0] > 100)
        assert abs(columns.min() - corners[0, 0]) <= 1 and abs(columns.max() + 1 - corners[1, 0]) <= 1
        assert abs(rows.min() - corners[0, 1]) <= 1 and abs(rows.max() + 1 - corners[1, 1]) <= 1


def test_the_second_pass_shows_the_picture_at_128_pixels_in_a_canvas_half_as_large_again() -> None:
    first, second = make_views(np.full((480, 640, 3), 255, np.uint8), PASSES)
    assert first.canvas.shape == (480, 640, 3) and first.scale == 1
    assert second.canvas.shape == (160, 192, 3) and second.scale == pytest.approx(128 / 640)
    assert second.offset.tolist() == [32, 32]


def test_the_second_pass_on_a_fixed_canvas_shows_the_picture_at_a_third_in_its_centre() -> None:
    """So a face that fills the picture is an ordinary one; the margin is the promise."""
    image = np.full((120, 160, 3), 255, np.uint8)
    first, second = make_fixed_views(image, 320, 240, PASSES)
    assert first.scale == pytest.approx(2) and first.offset.tolist() == [0, 0]
    assert (first.canvas == 255).all()
    rows, columns = np.nonzero(second.canvas[..., 0])
    assert columns.max() + 1 - columns.min() == pytest.approx(320 / 3, abs=1)
    assert rows.max() + 1 - rows.min() == pytest.approx(240 / 3, abs=1)
    assert columns.min() == pytest.approx(320 / 3, abs=1) and rows.min() == pytest.approx(240 / 3, abs=1)
    assert second.scale == pytest.approx(2 / 3)


def test_a_single_pass_with_a_small_margin_keeps_it_on_a_fixed_canvas() -> None:
    (view,) = make_fixed_views(np.full((100, 100, 3), 255, np.uint8), 200, 200, (Pass(640, 1.5),))
    assert view.scale == pytest.approx(2 / 1.5)


@pytest.mark.parametrize(("inside", "count"), [(0.75, 2), (0.85, 1)])
def test_a_box_of_which_four_fifths_are_in_a_better_one_is_dropped(inside: float, count: int) -> None:
    """Its IoU is small, as it is; only the share of the smaller box says that it is a feature of the larger face."""
    small = [100 - 20 * inside, 40, 120 - 20 * inside, 60]
    assert len(settled(candidates([[0, 0, 100, 100], small], [0.9, 0.8]))) == count


@pytest.mark.parametrize(("shift", "count"), [(42, 1), (44, 2)])
def test_the_worse_of_two_boxes_is_dropped_above_the_overlap(shift: float, count: int) -> None:
    """Shifted by s of 100 pixels, the IoU is (100 - s) / (100 + s): 0.408 and 0.389."""
    boxes = [[0, 0, 100, 100], [shift, 0, 100 + shift, 100]]
    assert len(settled(candidates(boxes, [0.9, 0.8]))) == count


def with_landmarks(rows: list[list[float]], scores: list[float], points: Floats) -> Candidates:
    """Candidates whose five landmarks are all at one x, y of `points`."""
    return Candidates(floats(rows), floats(scores), np.repeat(points[:, None], 5, axis=1))


def test_the_landmarks_of_a_face_are_the_mean_of_its_candidates_by_their_scores() -> None:
    own = with_landmarks(
        [[0, 0, 100, 120], [2, 2, 102, 122], [300, 0, 400, 120]],
        [0.9, 0.6, 0.8],
        floats([[10, 20], [25, 35], [310, 9]]),
    )
    face, other = settled(own)
    assert face.box.corners == (0, 0, 100, 120) and face.score == pytest.approx(0.9)
    assert face.landmarks == pytest.approx(np.tile(floats([16, 26]), (5, 1)))
    assert other.landmarks == pytest.approx(np.tile(floats([310, 9]), (5, 1)))


@pytest.mark.parametrize(("height", "weight"), [(SHARP / 2, 0.25), (SHARP, 1), (4 * SHARP, 1)])
def test_a_coarse_view_counts_less_for_landmarks_though_its_score_is_higher(height: float, weight: float) -> None:
    both = with_landmarks([[0, 0, 300, 400], [0, 0, 304, 402]], [0.6, 0.6], floats([[0, 0], [10, 10]]))
    (face,) = settle(both, floats([400, height]), 0.4)
    assert face.landmarks[0] == pytest.approx(np.full(2, 10 * weight / (1 + weight)))


@pytest.mark.parametrize(("shift", "mean"), [(24, 12), (26, 0)])
def test_landmarks_of_a_box_that_overlaps_less_are_not_averaged(shift: float, mean: float) -> None:
    """Shifted by s of 100 pixels, the IoU is (100 - s) / (100 + s): 0.613 and 0.587."""
    rows = [[0, 0, 100, 100], [shift, 0, 100 + shift, 100]]
    face = settled(with_landmarks(rows, [0.8, 0.8], floats([[0, 0], [24, 24]])))[0]
    assert face.landmarks[0] == pytest.approx(np.full(2, mean))


@given(st.integers(0, 99))
def test_landmarks_stay_within_those_of_the_candidates(seed: int) -> None:
    chance = np.random.default_rng(seed)
    corners = chance.uniform(0, 100, (12, 2))
    boxes = np.hstack([corners, corners + np.array([60, 80])])
    points = chance.uniform(0, 100, (12, 5, 2)).astype(np.float32)
    own = Candidates(floats(boxes), floats(chance.uniform(0.5, 1, 12)), points)
    for face in settle(own, floats(chance.uniform(5, 400, 12)), 0.4):
        assert (face.landmarks >= points.min(axis=0) - 1e-3).all()
        assert (face.landmarks <= points.max(axis=0) + 1e-3).all()


def test_a_box_without_height_keeps_its_landmarks() -> None:
    (face,) = settled(with_landmarks([[5, 5, 5, 5]], [0.9], floats([[5, 5]])))
    assert face.landmarks == pytest.approx(np.full((5, 2), 5.0))


def test_views_settle_in_pixels_of_the_image_and_the_coarse_one_weighs_less() -> None:
    """A face of 96 pixels is seen with 96 and with 24 pixels: its landmarks weigh one and a sixteenth."""
    fine, coarse = make_views(np.zeros((512, 512, 3), np.uint8), PASSES)
    assert coarse.scale == 0.25
    seen = [
        with_landmarks([[100, 100, 180, 196]], [0.8], floats([[120, 130]])),
        with_landmarks([[57, 57, 77, 81]], [0.8], floats([[32 + 32 + 8.5, 32 + 32 + 8.5]])),
    ]
    (face,) = settle_views(seen, [fine, coarse], 0.4)
    assert face.box.corners == (100, 100, 180, 196)
    back = floats([120, 130]), (floats([72.5, 72.5]) - coarse.offset) * 4
    assert face.landmarks[0] == pytest.approx((back[0] + back[1] / 16) / (1 + 1 / 16))


def seen(*rows: tuple[float, float, float, float, float]) -> Candidates:
    """Candidates of left, top, right, bottom and score each."""
    table = floats(rows).reshape(-1, 5)
    return Candidates(table[:, :4], table[:, 4], np.zeros((len(rows), 5, 2), np.float32))


@pytest.mark.parametrize(
    ("rows", "doubtful"),
    [
        ((), True),
        (((80, 70, 170, 180, 0.9),), False),  # an LFW image: one face in the middle
        (((80, 70, 170, 180, 0.7),), True),  # the same, not sure
        (((60, 40, 190, 195, 0.9),), True),  # it fills the frame itself: 62% of the height
        (((5, 70, 95, 180, 0.9),), True),  # room for a large face on its right
        (((5, 70, 95, 180, 0.9), (150, 70, 240, 180, 0.9)), False),
        (((110, 10, 150, 60, 0.9),), True),  # room below
    ],
)
def test_a_second_look_is_for_images_that_may_hide_a_face_that_fills_them(rows: tuple, doubtful: bool) -> None:
    assert may_hide_a_face(seen(*rows), 250, 250, 0.75) is doubtful


@given(st.floats(0, 150), st.floats(0, 150), st.floats(20, 140), st.integers(1, 4))
def test_whether_a_face_may_be_hidden_does_not_depend_on_the_scale(
    left: float, top: float, side: float, scale: int
) -> None:
    right, bottom = left + side, top + side
    one = may_hide_a_face(seen((left, top, right, bottom, 0.9)), 300, 280, 0.8)
    enlarged = seen((left * scale, top * scale, right * scale, bottom * scale, 0.9))
    assert may_hide_a_face(enlarged, 300 * scale, 280 * scale, 0.8) is one


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1501, 999), (700, 650), (3000, 20), (5, 2999)])
def test_a_shrunken_image_shows_the_same_places(width: int, height: int) -> None:
    """A ramp of brightness along each side: what is at a share of the side is there afterwards too."""
    rows, columns = np.linspace(0, 250, height)[:, None], np.linspace(0, 250, width)[None]
    image = np.stack(np.broadcast_arrays(rows, columns, rows), axis=-1).astype(np.uint8)
    small, scale = shrink(image, 640)
    assert scale == 640 / max(width, height) and max(small.shape[:2]) == 640
    for axis, channel in ((0, 0), (1, 1)):
        if small.shape[axis] > 100:
            line = small[:, 0, channel] if axis == 0 else small[0, :, channel]
            assert np.abs(line - np.linspace(0, 250, len(line))).max() <= 1.5
