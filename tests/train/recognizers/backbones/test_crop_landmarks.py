"""Landmarks in aligned crops: O-Net as ONNX Runtime computes it, and where a detector saw them in photographs."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.align import typical_box, warp  # noqa: E402
from mien.detect.families import open_detector  # noqa: E402
from mien.geometry import similarity, transform  # noqa: E402
from mien.models.defaults import DEFAULTS, read_weights  # noqa: E402
from mien.templates import arcface_template  # noqa: E402
from mien.train.recognizers.backbones.crop_landmarks import CropLandmarks, averaging, window  # noqa: E402
from mien.types import Image  # noqa: E402

POSE = arcface_template(112).points


def pixels_of(crop: Image) -> "torch.Tensor":
    return (torch.from_numpy(crop.astype(np.float32)).permute(2, 0, 1)[None] - 127.5) / 127.5


def test_the_window_is_the_square_around_the_usual_box() -> None:
    left, top, side = window()
    box = typical_box(POSE)
    assert side == pytest.approx(max(box.width, box.height), abs=1e-3)
    assert left + side / 2 == pytest.approx((box.x1 + box.x2) / 2, abs=1e-3)
    assert top + side / 2 == pytest.approx((box.y1 + box.y2) / 2, abs=1e-3)


@pytest.mark.parametrize(("start", "side"), [(2.95, 105.1), (10.65, 105.1), (0.0, 96.0)])
def test_cells_are_means_over_areas_and_grey_outside(start: float, side: float) -> None:
    line, fine = np.random.default_rng(0).standard_normal(112), 400
    for cell, found in enumerate(averaging(start, side) @ line):
        spots = start + side / 48 * (cell + (np.arange(fine) + 0.5) / fine)
        assert found == pytest.approx(np.mean([line[int(x)] if x < 112 else 0.0 for x in spots]), abs=0.01)


def test_landmarks_are_what_onnx_runtime_computes_by_the_detectors_own_network() -> None:
    import onnxruntime

    crops = np.random.default_rng(1).integers(0, 256, (3, 112, 112, 3)).astype(np.uint8)
    onet = DEFAULTS["mtcnn"].parts["onet"]
    session = onnxruntime.InferenceSession(onet.convert(read_weights("mtcnn", onet)))
    left, top, side = window()
    found = CropLandmarks()(torch.cat([pixels_of(crop) for crop in crops])).numpy()
    for crop, own in zip(crops, found, strict=True):
        patch = np.einsum("yp,pxc,zx->cyz", averaging(top, side), (crop - 127.5) / 128, averaging(left, side))
        shares = session.run(["points"], {"input": patch[None].astype(np.float32)})[0].reshape(2, 5)
        expected = np.stack([left + shares[0] * side, top + shares[1] * side], axis=1) / 112
        np.testing.assert_allclose(own, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("turn", "scale", "shift"), [(0.0, 1.0, (0, 0)), (0.15, 0.95, (6, -4)), (-0.15, 1.05, (-6, 5))]
)
def test_landmarks_of_photographs_are_found_though_alignment_missed(
    collins: Image, hopper: Image, turn: float, scale: float, shift: tuple[int, int]
) -> None:
    missed = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    middle = np.array([56.0, 72.0])
    missed = np.column_stack([missed, middle - missed @ middle + shift])
    for image in (collins, hopper):
        landmarks = open_detector().detect([image])[0][0].landmarks
        fit = np.vstack([similarity(landmarks, POSE), [0, 0, 1]])
        placed = missed @ fit
        crop, own = warp(image, placed, (112, 112)), transform(landmarks, placed)
        found = CropLandmarks()(pixels_of(crop))[0].numpy() * 112
        error, of_the_pose = (np.linalg.norm(points - own, axis=1).mean() for points in (found, POSE))
        assert error < 3
        assert error < of_the_pose or not any(shift)


def test_it_learns_nothing_is_in_no_file_and_rounds_nothing_in_bf16() -> None:
    finder, pixels = CropLandmarks(), torch.rand(2, 3, 112, 112, generator=torch.Generator().manual_seed(0))
    assert not list(finder.parameters()) and not finder.state_dict()
    plain = finder(pixels.requires_grad_())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(finder(pixels), plain)
    assert not plain.requires_grad and plain.dtype == torch.float32
