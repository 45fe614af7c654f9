"""Models for portraits: ONNX files that answer fixed arrays, added with a card, and what is read from them."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.cli import run
from mien.errors import CardError
from mien.models import store
from mien.pipeline import array_item
from mien.portrait.examine import open_examiner
from mien.portrait.measures import pose
from mien.portrait.measures.portrait_models import open_portrait_models
from mien.portrait.measures.readers import angles_of
from mien.types import Image


def fixed(*answers: np.ndarray, side: int = 64) -> bytes:
    """A network that gives the same answers for every picture."""
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["m"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["m", "zero"], ["z"]),
    ]
    weights, outputs = [numpy_helper.from_array(np.zeros(1, np.float32), "zero")], []
    for number, answer in enumerate(answers):
        shape, name = [1, *answer.shape], f"output{number}"
        nodes += [
            helper.make_node("Reshape", ["z", f"one{number}"], [f"r{number}"]),
            helper.make_node("Add", [f"r{number}", f"answer{number}"], [name]),
        ]
        weights += [
            numpy_helper.from_array(np.ones(len(shape), np.int64), f"one{number}"),
            numpy_helper.from_array(answer.astype(np.float32)[None], f"answer{number}"),
        ]
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, side, side])]
    graph = helper.make_graph(nodes, "fixed", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def add(tmp_path: Path, name: str, answer: np.ndarray | tuple[np.ndarray, ...], *words: str) -> int:
    path = tmp_path / f"{name}.onnx"
    path.write_bytes(fixed(*(answer if isinstance(answer, tuple) else (answer,))))
    return run(["models", "add", str(path), "--colour", "RGB", *words])


def test_pose_of_a_network_takes_the_place_of_landmarks(tmp_path: Path, hopper: Image) -> None:
    assert (
        add(
            tmp_path,
            "p1",
            np.array([12.0, -7.0, 3.0]),
            "--expert",
            "pose",
            "--output",
            "degrees",
            "--signs",
            "1,-1,1",
        )
        == 0
    )
    measures = open_examiner(portrait_models=("p1",)).item(array_item("hopper", hopper)).measures
    assert [measures[n].value for n in ("yaw", "pitch", "roll")] == pytest.approx([12, 7, 3], abs=0.1)
    assert measures["yaw"].sd == 5


def test_a_rotation_is_read_back_into_its_angles(tmp_path: Path, hopper: Image) -> None:
    for angles in ((20, -10, 5), (-35, 15, -25), (0, 0, 0)):
        matrix = pose.rotation(*np.radians(angles))
        # The module's turn by yaw moves x by -sin; the matrix holds it in both corners.
        assert angles_of(matrix) == pytest.approx(angles, abs=1e-3)
    assert (
        add(tmp_path, "p2", pose.rotation(*np.radians((20, -10, 5))), "--expert", "pose", "--output", "matrix") == 0
    )
    measures = open_examiner(portrait_models=("p2",)).item(array_item("hopper", hopper)).measures
    assert [measures[n].value for n in ("yaw", "pitch", "roll")] == pytest.approx([20, -10, 5], abs=0.2)


def ring(x: float, y: float, across: float, high: float, count: int) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.column_stack([x + across / 2 * np.cos(turn), y + high / 2 * np.sin(turn)])


@pytest.mark.parametrize("output", ["unit", "signed", "pixels"])
def test_landmarks_tell_how_far_eyes_and_mouth_are_open(tmp_path: Path, hopper: Image, output: str) -> None:
    points = np.zeros((68, 2))
    points[36:42], points[42:48] = ring(0.3, 0.4, 0.12, 0.03, 6), ring(0.7, 0.4, 0.12, 0.05, 6)
    points[60:68] = ring(0.5, 0.7, 0.2, 0.08, 8)
    points[8] = (0.5, 0.9)
    scaled = {"unit": points, "signed": points * 2 - 1, "pixels": points * 64}[output]
    name = f"lm-{output}"
    assert add(tmp_path, name, scaled.reshape(-1), "--expert", "landmarks", "--output", output) == 0
    one = open_examiner(portrait_models=(name,)).item(array_item("hopper", hopper))
    # T is 0.5 of the crop; six points of a ring reach sin(60 degrees) of its height.
    assert one.measures["eyes_open"].value == pytest.approx(0.03 * np.sin(np.pi / 3) / 0.5, rel=0.03)
    assert one.measures["mouth_open"].value == pytest.approx(0.08 / 0.5, rel=0.03)
    found, box = one.chip.extra["landmarks"], one.portrait.face.box
    assert found[8, 0] == pytest.approx((box.x1 + box.x2) / 2, abs=1), "laid back into the picture"


def test_parsing_tells_hats_and_backgrounds(tmp_path: Path, hopper: Image) -> None:
    scores = np.zeros((19, 64, 64))
    scores[1] = 1
    scores[0, :, :12] = scores[0, :, 52:] = 5
    scores[18, :24, 12:52] = 5
    assert add(tmp_path, "parse", scores, "--expert", "parsing") == 0
    one = open_examiner(portrait_models=("parse",)).item(array_item("hopper", hopper))
    classes = one.chip.extra["parsing"]
    assert set(np.unique(classes)) <= {0, 1, 18}
    above = classes[: 224 * 4 // 5]
    exact = (above == 18).sum() / (above != 0).sum()
    assert one.measures["head_covering"].value == pytest.approx(exact)
    assert 0.1 < exact < 0.9
    assert one.measures["background"].value >= 0


def test_quality_is_laid_on_a_scale(tmp_path: Path, hopper: Image) -> None:
    (tmp_path / "q1.onnx").write_bytes(fixed(np.array([2.5]), side=112))
    assert (
        run(
            [
                "models",
                "add",
                str(tmp_path / "q1.onnx"),
                "--colour",
                "RGB",
                "--expert",
                "quality",
                "--crop",
                "aligned",
                "--range",
                "2,3",
            ]
        )
        == 0
    )
    assert open_examiner(portrait_models=("q1",)).item(array_item("hopper", hopper)).measures[
        "model_quality"
    ].value == pytest.approx(50, abs=1)


def test_without_such_models_the_reason_names_the_command(hopper_examined) -> None:
    for name in ("eyes_open", "mouth_open", "head_covering", "background", "model_quality"):
        assert hopper_examined.measures[name].value is None
        assert "mien models add FILE --expert" in hopper_examined.measures[name].reason.text("vi")


def test_what_is_refused(tmp_path: Path, capsys) -> None:
    with pytest.raises(CardError, match="portraits take models added with --expert"):
        open_portrait_models(["mtcnn"])
    assert add(tmp_path, "q2", np.array([1.0]), "--expert", "quality", "--range", "0,1") == 0
    assert add(tmp_path, "q3", np.array([1.0]), "--expert", "quality", "--range", "0,1") == 0
    with pytest.raises(CardError, match="both give quality"):
        open_portrait_models(["q2", "q3"])
    for words, said in (
        (("--expert", "gaze"), "--expert is landmarks, mesh, iris, eyes, pose, parsing, quality, liveness, not gaze"),
        (("--expert", "pose", "--output", "unit"), "--output of pose is degrees, radians, matrix, not unit"),
        (("--expert", "quality", "--range", "1,1"), "--range takes two numbers"),
        (("--expert", "landmarks", "--crop", "aligned"), "--crop of landmarks is box, upright, not aligned"),
    ):
        assert add(tmp_path, "bad", np.array([1.0]), *words) == 2
        assert said in capsys.readouterr().err


def test_a_card_of_a_model_for_portraits_is_whole(tmp_path: Path) -> None:
    assert add(tmp_path, "q4", np.array([1.0]), "--expert", "quality", "--range", "0,2") == 0
    card = store.load("q4").card
    assert (card.kind, card.family, card.expert.high) == ("expert", "quality", 2)
    with pytest.raises(CardError, match="gives no embeddings; name a recognizer"):
        _ = card.contract
