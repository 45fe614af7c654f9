"""The table of families: recognized by outputs, faces come back to the picture, a new family is one object."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image as Pillow

from mien.cli import run
from mien.detect.families import FAMILIES, built_in, open_detector
from mien.detect.one_stage import OneStageFamily, has_widths
from mien.detect.schedule import Candidates
from mien.errors import CardError
from mien.library.import_model import ModelHints, import_model, recognize
from mien.library.listing import detectors
from mien.models import store
from mien.models.card import InputSpec
from mien.models.options import DEFAULT_OPTIONS
from mien.types import Image, floats


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


def test_an_unknown_file_lists_the_families() -> None:
    with pytest.raises(Exception, match=r"nor a detector that mien knows .*retinaface"):
        recognize(fixed_answer({"out": np.zeros((1, 3, 9))}, 64, 64), "strange")


def decode_made_up(outputs: Sequence[np.ndarray], width: int, height: int, threshold: float) -> Candidates:
    """Rows of a score and four corners as shares of the canvas; the points are spread over the box."""
    rows = outputs[0].reshape(-1, 5)
    rows = rows[rows[:, 0] >= threshold]
    boxes = floats(rows[:, 1:] * [width, height, width, height])
    grid = np.array([[0.3, 0.3], [0.7, 0.3], [0.5, 0.5], [0.35, 0.7], [0.65, 0.7]])
    points = boxes[:, None, :2] + grid * (boxes[:, None, 2:] - boxes[:, None, :2])
    return Candidates(boxes, floats(rows[:, 0]), floats(points))


MADE_UP = OneStageFamily(
    name="made-up",
    about="a family that a test made up",
    min_score=0.75,
    legacy=True,
    input=InputSpec(colour="BGR", mean=(1.0, 2.0, 3.0), scale=(4.0, 5.0, 6.0)),
    outputs=has_widths(5),
    decode=decode_made_up,
)


def test_a_made_up_family_is_one_object_in_one_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hopper: Image, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is recognized by `models add`, opened by name, used by `detect`, and named in lists and messages."""
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))
    file, picture = tmp_path / "made.onnx", tmp_path / "picture.png"
    rows = np.array([[[0.9, 0.25, 0.25, 0.5, 0.5], [0.7, 0.5, 0.5, 0.9, 0.9]]])
    file.write_bytes(fixed_answer({"rows": rows}, 128, 128))
    Pillow.fromarray(np.ascontiguousarray(hopper[:128, :128])).save(picture)
    assert run(["models", "add", str(file)]) == 3
    assert "nor a detector that mien knows" in capsys.readouterr().err
    monkeypatch.setitem(FAMILIES, "made-up", MADE_UP)
    assert run(["models", "add", str(file), "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert (card["name"], card["kind"], card["family"]) == ("made", "detector", "made-up")
    assert (card["input"]["colour"], card["input"]["mean"], card["input"]["scale"]) == ("BGR", [1, 2, 3], [4, 5, 6])
    assert run(["detect", str(picture), "--detector", "made", "--json"]) == 0
    faces = json.loads(capsys.readouterr().out)["faces"]
    assert [face["score"] for face in faces] == [pytest.approx(0.9)]
    assert faces[0]["box"] == pytest.approx([32, 32, 64, 64], abs=0.1)
    assert len(open_detector("made", min_score=0.6).detect([hopper])[0]) > len(faces)
    assert run(["models", "list", "--json"]) == 0
    listed = {row["name"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert listed["made"]["summary"].endswith("(legacy)") and "made" in detectors()
    with pytest.raises(CardError, match=r"nor a detector that mien knows .*made-up"):
        recognize(fixed_answer({"out": np.zeros((1, 3, 9))}, 64, 64), "strange")


def test_a_card_of_an_unknown_family_is_refused_by_what_is_known(tmp_path: Path) -> None:
    data = fixed_answer(LAYOUTS["ssd"], 128, 96)
    card, files = import_model(data, "test-strange", ModelHints())
    model = store.save(card.model_copy(update={"family": "strange"}), files)
    with pytest.raises(CardError, match=r"family 'strange'; mien knows scrfd, yunet, mtcnn"):
        open_detector("test-strange")
    store.remove(model.card.name)


def test_every_name_in_the_table_is_its_family_s_own() -> None:
    assert all(name == family.name and family.about for name, family in FAMILIES.items())
    assert {name for name, family in FAMILIES.items() if family.legacy} == {"haar", "dlib-mmod", "ssd", "yolov3"}
    assert set(built_in()) == {"haar", "dlib-hog", "dlib-mmod"}
    for name, family in built_in().items():
        if name != "haar":
            pytest.importorskip("dlib")
        assert family.opener(DEFAULT_OPTIONS, None).min_score == family.min_score
