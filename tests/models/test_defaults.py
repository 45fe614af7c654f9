"""The default models: built from packages that are located and not imported, and the one that comes with mien."""

import numpy as np
import pytest

from mien.errors import CardError, MissingExtraError
from mien.models import defaults, dlib_resnet, store
from mien.types import Image

WEIGHTS = "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat"


def test_the_conversion_is_repeatable() -> None:
    first, second = defaults.build("dlib-resnet"), defaults.build("dlib-resnet")
    assert first[0] == second[0] and first[1] == second[1]


def test_changed_weights_in_a_package_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = defaults._Weights(WEIGHTS, "0" * 64, dlib_resnet.convert)
    with pytest.raises(CardError, match="pip install --force-reinstall face_recognition_models"):
        defaults.read_weights("face_recognition_models", changed)


def test_a_missing_package_names_the_command() -> None:
    with pytest.raises(MissingExtraError, match="pip install --force-reinstall no-such-package"):
        defaults.package_file("no-such-package", "x")


def test_packages_are_located_not_imported() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from mien.models import store; store.load('mtcnn'); store.load('dlib-resnet');"
        "bad = [m for m in ('mtcnn', 'face_recognition_models', 'tensorflow', 'dlib', 'torch') if m in sys.modules];"
        "sys.exit(repr(bad) if bad else 0)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_the_model_of_our_own_is_small_tells_its_terms_and_gives_its_golden_vector(
    collins: Image, hopper: Image
) -> None:
    from mien.detect.families import open_detector
    from mien.recognize.recognizer import Recognizer

    model = store.load("mien-r29")
    assert (model.folder / "model.onnx").stat().st_size < 12_000_000
    assert model.card.commercial_use is False and "CelebA" in model.card.training_data
    assert [row.fmr for row in model.card.thresholds] == [1e-2, 1e-3, 1e-4]
    network, detector = Recognizer(model), open_detector()
    crops = [network.align(image, detector.detect([image])[0][0]) for image in (collins, hopper, hopper[20:, 10:])]
    vectors = network.embed(crops)
    limit = model.card.threshold(1e-4).value
    assert vectors[1] @ vectors[2] > limit > vectors[0] @ vectors[1]


def test_our_detector_tells_its_terms_gives_its_golden_vector_and_finds_the_landmarks_that_mtcnn_finds(
    collins: Image, hopper: Image
) -> None:
    from mien.detect.families import open_detector
    from mien.models.golden import agreement
    from mien.models.options import EngineOptions

    model = store.load("mien-face")
    assert (model.folder / "model.onnx").stat().st_size < 4_000_000
    assert model.card.commercial_use is False and "CelebA" in model.card.training_data
    session = model.session(options=EngineOptions(precision="f32"))
    assert agreement(model.card.golden["model"], lambda image: session.run(image[None])) > 0.9999
    for image in (collins, hopper):
        own, other = (open_detector(name).detect([image])[0][0] for name in ("mien-face", "mtcnn"))
        eyes = np.linalg.norm(other.landmarks[0] - other.landmarks[1])
        assert np.linalg.norm(own.landmarks - other.landmarks, axis=1).mean() < 0.08 * eyes
