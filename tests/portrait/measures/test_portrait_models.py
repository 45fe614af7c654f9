"""Models for portraits: ONNX files that answer fixed arrays, added with a card, and what is read from them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.cli import run
from mien.errors import CardError
from mien.models import store
from mien.pipeline import array_item
from mien.portrait.examine import open_examiner
from mien.portrait.measures import pose
from mien.portrait.measures.portrait_models import open_portrait_models
from mien.types import Image


@pytest.fixture
def add(tmp_path: Path, network: Callable[..., bytes]) -> Callable[..., int]:
    """Adds a network with one fixed answer by the command line; gives the exit code."""

    def make(name: str, answer: np.ndarray, *words: str, side: int = 64) -> int:
        path = tmp_path / f"{name}.onnx"
        path.write_bytes(network(answer, side=side))
        return run(["models", "add", str(path), "--colour", "RGB", *words])

    return make


def test_pose_of_a_network_takes_the_place_of_landmarks(add: Callable[..., int], hopper: Image) -> None:
    words = ("--expert", "pose", "--output", "degrees", "--signs", "1,-1,1")
    assert add("p1", np.array([12.0, -7.0, 3.0]), *words) == 0
    measures = open_examiner(portrait_models=("p1",)).item(array_item("hopper", hopper)).measures
    assert [measures[n].value for n in ("yaw", "pitch", "roll")] == pytest.approx([12, 7, 3], abs=0.1)
    assert measures["yaw"].sd == 5


def test_a_rotation_is_read_back_into_its_angles(add: Callable[..., int], hopper: Image) -> None:
    for angles in ((20, -10, 5), (-35, 15, -25), (0, 0, 0)):
        matrix = pose.rotation(*np.radians(angles))
        # The module's turn by yaw moves x by -sin; the matrix holds it in both corners.
        assert pose.angles_of(matrix) == pytest.approx(angles, abs=1e-3)
    assert add("p2", pose.rotation(*np.radians((20, -10, 5))), "--expert", "pose", "--output", "matrix") == 0
    measures = open_examiner(portrait_models=("p2",)).item(array_item("hopper", hopper)).measures
    assert [measures[n].value for n in ("yaw", "pitch", "roll")] == pytest.approx([20, -10, 5], abs=0.2)


def ring(x: float, y: float, across: float, high: float, count: int) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return np.column_stack([x + across / 2 * np.cos(turn), y + high / 2 * np.sin(turn)])


@pytest.mark.parametrize("output", ["unit", "signed", "pixels"])
def test_landmarks_tell_how_far_eyes_and_mouth_are_open(add: Callable[..., int], hopper: Image, output: str) -> None:
    points = np.zeros((68, 2))
    points[36:42], points[42:48] = ring(0.3, 0.4, 0.12, 0.03, 6), ring(0.7, 0.4, 0.12, 0.05, 6)
    points[60:68] = ring(0.5, 0.7, 0.2, 0.08, 8)
    points[8] = (0.5, 0.9)
    scaled = {"unit": points, "signed": points * 2 - 1, "pixels": points * 64}[output]
    name = f"lm-{output}"
    assert add(name, scaled.reshape(-1), "--expert", "landmarks", "--output", output) == 0
    one = open_examiner(portrait_models=(name,)).item(array_item("hopper", hopper))
    # T is 0.5 of the crop; six points of a ring reach sin(60 degrees) of its height.
    assert one.measures["eyes_open"].value == pytest.approx(0.03 * np.sin(np.pi / 3) / 0.5, rel=0.03)
    assert one.measures["mouth_open"].value == pytest.approx(0.08 / 0.5, rel=0.03)
    found, box = one.chip.extra["landmarks"], one.portrait.face.box
    assert found[8, 0] == pytest.approx((box.x1 + box.x2) / 2, abs=1), "laid back into the picture"


def test_parsing_tells_hats_and_backgrounds(add: Callable[..., int], hopper: Image) -> None:
    scores = np.zeros((19, 64, 64))
    scores[1] = 1
    scores[0, :, :12] = scores[0, :, 52:] = 5
    scores[18, :24, 12:52] = 5
    assert add("parse", scores, "--expert", "parsing") == 0
    one = open_examiner(portrait_models=("parse",)).item(array_item("hopper", hopper))
    classes = one.chip.extra["parsing"]
    assert set(np.unique(classes)) <= {0, 1, 18}
    above = classes[: 224 * 4 // 5]
    exact = (above == 18).sum() / (above != 0).sum()
    assert one.measures["head_covering"].value == pytest.approx(exact)
    assert 0.1 < exact < 0.9
    assert one.measures["background"].value >= 0


def test_quality_is_laid_on_a_scale(add: Callable[..., int], hopper: Image) -> None:
    words = ("--expert", "quality", "--crop", "aligned", "--range", "2,3")
    assert add("q1", np.array([2.5]), *words, side=112) == 0
    assert open_examiner(portrait_models=("q1",)).item(array_item("hopper", hopper)).measures[
        "model_quality"
    ].value == pytest.approx(50, abs=1)


def test_without_such_models_the_reason_names_the_command(hopper_examined) -> None:
    for names, command in (
        (("eye_ratio", "gaze", "mouth_open", "mesh_yaw"), "`mien models pull recommended`"),
        (("eyes_open", "liveness", "head_covering", "background", "model_quality"), "mien models add FILE --expert"),
    ):
        for name in names:
            assert hopper_examined.measures[name].value is None
            assert command in hopper_examined.measures[name].reason.text("vi")


def test_what_is_refused(add: Callable[..., int], capsys) -> None:
    with pytest.raises(CardError, match="portraits take models added with --expert"):
        open_portrait_models(["mtcnn"])
    assert add("q2", np.array([1.0]), "--expert", "quality", "--range", "0,1") == 0
    assert add("q3", np.array([1.0]), "--expert", "quality", "--range", "0,1") == 0
    with pytest.raises(CardError, match="both give quality"):
        open_portrait_models(["q2", "q3"])
    for words, said in (
        (("--expert", "gaze"), "--expert is landmarks, mesh, iris, eyes, pose, parsing, quality, liveness, not gaze"),
        (("--expert", "pose", "--output", "unit"), "--output of pose is degrees, radians, matrix, not unit"),
        (("--expert", "quality", "--range", "1,1"), "--range takes two numbers"),
        (("--expert", "landmarks", "--crop", "aligned"), "--crop of landmarks is box, upright, not aligned"),
    ):
        assert add("bad", np.array([1.0]), *words) == 2
        assert said in capsys.readouterr().err


def test_a_card_of_a_model_for_portraits_is_whole(add: Callable[..., int]) -> None:
    assert add("q4", np.array([1.0]), "--expert", "quality", "--range", "0,2") == 0
    card = store.load("q4").card
    assert (card.kind, card.family, card.expert.high) == ("expert", "quality", 2)
    with pytest.raises(CardError, match="gives no embeddings; name a recognizer"):
        _ = card.contract
