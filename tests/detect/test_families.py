"""Families that were added from files: recognized by their outputs, and faces that come back to the picture."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.detect.families import open_detector
from mien.detect.schedule import Pass, make_fixed_views
from mien.library.import_model import ModelHints, import_model, recognize
from mien.models import store
from mien.types import Image


def fixed_answer(shapes: dict[str, np.ndarray], width: int, height: int) -> bytes:
    """A network that answers every picture of a size with the same arrays."""
    nodes, tensors, outputs = [], [], []
    total = helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0)
    tensors.append(numpy_helper.from_array(np.zeros((), np.float32), "zero"))
    nodes += [total, helper.make_node("Mul", ["sum", "zero"], ["nothing"])]
    for name, value in shapes.items():
        tensors.append(numpy_helper.from_array(value.astype(np.float32), f"{name}_value"))
        nodes.append(helper.make_node("Add", [f"{name}_value", "nothing"], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape))
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, height, width])
    graph = helper.make_graph(nodes, "g", [given], outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


BOX, POINTS = [40, 30, 20, 24], [[34, 26], [46, 26], [40, 30], [35, 36], [45, 36]]
SPREAD = [v for x, y in POINTS for v in (x, y, 0.9)]
LAYOUTS = {
    "yolov5-face": {"out": np.array([[[*BOX, 0.9, *np.ravel(POINTS), 1.0]] * 2])},
    "yolov7-face": {"out": np.array([[[*BOX, 0.9, 1.0, *SPREAD]] * 2])},
    "yolov8-face": {"out": np.repeat(np.array([[*BOX, 0.9, *SPREAD]])[..., None], 40, axis=2)},
    "yolov8-boxes": {"out": np.repeat(np.array([[*BOX, 0.9]])[..., None], 40, axis=2)},
    "yolov3": {"out": np.array([[[*BOX, 0.9, 1.0]] * 2])},
    "ssd": {"out": np.array([[[[0, 1, 0.9, 30 / 128, 18 / 96, 50 / 128, 42 / 96]] * 2]])},
    "rfb": {
        "scores": np.array([[[0.1, 0.9]] * 2]),
        "boxes": np.array([[[30 / 128, 18 / 96, 50 / 128, 42 / 96]] * 2]),
    },
}


@pytest.mark.parametrize("family", LAYOUTS)
def test_a_file_is_recognized_and_its_faces_lie_in_the_picture(family: str, hopper: Image) -> None:
    data = fixed_answer(LAYOUTS[family], 128, 96)
    assert recognize(data, family)[0] == family
    store.save(*import_model(data, f"test-{family}", ModelHints()))
    detector = open_detector(f"test-{family}")
    picture = np.ascontiguousarray(hopper[:96, :128])
    assert picture.shape[:2] == (96, 128)
    # The coarse look, at a third of the size, sees the same box of the canvas elsewhere in the picture.
    (face,) = [one for one in detector.detect([picture])[0] if one.box.width < 30]
    assert [face.box.x1, face.box.y1, face.box.x2, face.box.y2] == pytest.approx([30, 18, 50, 42], abs=0.2)
    assert face.score == pytest.approx(0.9, abs=0.01) and np.isfinite(face.landmarks).all()
    double = np.repeat(np.repeat(picture, 2, axis=0), 2, axis=1)
    (face,) = [one for one in detector.detect([double])[0] if one.box.width < 60]
    assert [face.box.x1, face.box.y1, face.box.x2, face.box.y2] == pytest.approx([60, 36, 100, 84], abs=0.4)
    if family in ("yolov5-face", "yolov7-face", "yolov8-face"):
        assert np.allclose(face.landmarks, 2 * np.array(POINTS), atol=0.5)


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


def test_an_unknown_file_lists_the_families() -> None:
    with pytest.raises(Exception, match=r"nor a detector that mien knows .*retinaface"):
        recognize(fixed_answer({"out": np.zeros((1, 3, 9))}, 64, 64), "strange")
