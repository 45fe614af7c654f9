"""Views and the way back; one suppression over all passes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.detect.schedule import PASSES, STRIDE, Candidates, Pass, join, make_views, settle
from mien.types import floats


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


def test_the_picture_is_never_enlarged_and_lies_on_black() -> None:
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


def test_one_face_found_twice_is_one_face() -> None:
    both = join([candidates([[0, 0, 100, 100]], [0.6]), candidates([[3, 2, 104, 99], [200, 0, 260, 80]], [0.9, 0.5])])
    faces = settle(both, 0.4)
    assert [face.score for face in faces] == pytest.approx([0.9, 0.5])


def test_features_of_a_large_face_are_no_faces() -> None:
    faces = settle(candidates([[0, 0, 200, 200], [60, 60, 100, 100]], [0.9, 0.8]), 0.4)
    assert len(faces) == 1 and faces[0].box.width == 200


def test_nothing_found_is_no_face() -> None:
    assert settle(candidates([], []), 0.4) == ()
