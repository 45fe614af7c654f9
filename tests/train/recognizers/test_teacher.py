"""Teachers of every kind give the embeddings of the student's crops; what cannot teach is refused with the remedy."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.data.pack import Pack  # noqa: E402
from mien.errors import CardError, CheckpointError, ModelNotFoundError, RecipeError  # noqa: E402
from mien.models import store  # noqa: E402
from mien.recognize.recognizer import Recognizer  # noqa: E402
from mien.scores import normalize  # noqa: E402
from mien.train.recognizers.backbones.registry import build  # noqa: E402
from mien.train.recognizers.embed import embedder  # noqa: E402
from mien.train.recognizers.teacher import open_teacher  # noqa: E402
from mien.types import Image  # noqa: E402

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def crops(face_pack: Path) -> Image:
    pack = Pack(face_pack)
    return np.stack([pack.read(row) for row in range(3)])


def test_a_checkpoint_teaches_what_its_network_gives_on_the_same_crops(crops: Image, tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = build("mobilefacenet", 48)
    torch.save(network.state_dict(), tmp_path / "teacher.pth")
    teacher = open_teacher(str(tmp_path / "teacher.pth"), 112, "arcface", CPU)
    expected = normalize(embedder(network, CPU)(crops))
    assert np.allclose(teacher.open()(crops), expected, atol=1e-5)
    assert teacher.digest != open_teacher(str(tmp_path / "teacher.pth"), 224, "arcface", CPU).digest


def test_a_model_of_the_store_sees_the_crop_in_its_own_pose(crops: Image) -> None:
    recognizer = Recognizer(store.load("dlib-resnet"))
    vectors = open_teacher("dlib-resnet", 112, "arcface", CPU).open()(crops)
    assert vectors.shape == (3, 128) and np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    # A crop of dlib's own pose goes in unchanged.
    chips = np.repeat(np.repeat(crops, 2, axis=1), 2, axis=2)[:, :150, :150]
    own = open_teacher("dlib-resnet", 150, "dlib", CPU).open()(chips)
    assert np.allclose(own, normalize(recognizer.embed(chips)), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("teacher.onnx", RecipeError, "does not say how crops enter it.*mien models add teacher.onnx"),
        ("mtcnn", CardError, "mtcnn is a detector; name a recognizer"),
        ("absent.pth", CheckpointError, "absent.pth does not exist"),
        ("no-such-model", ModelNotFoundError, "no model 'no-such-model'"),
    ],
)
def test_what_cannot_teach_is_refused_with_the_remedy(
    name: str, error: type[Exception], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=words):
        open_teacher(name, 112, "arcface", CPU)


def test_crops_of_three_points_cannot_be_brought_into_a_pose_of_five(tmp_path: Path) -> None:
    torch.save(build("mobilefacenet", 48).state_dict(), tmp_path / "teacher.pth")
    with pytest.raises(RecipeError, match="a student of the arcface pose"):
        open_teacher(str(tmp_path / "teacher.pth"), 150, "dlib", CPU)
