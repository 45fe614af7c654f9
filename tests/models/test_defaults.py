"""The default models: converted from packages, and equal to their originals."""

import numpy as np
import pytest

from mien.errors import CardError, MissingExtraError
from mien.models import defaults, dlib_resnet, mtcnn_nets, store
from mien.models.options import EngineOptions
from mien.types import Image

WEIGHTS = "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat"


def test_the_converted_resnet_equals_dlib_on_real_crops(collins: Image, hopper: Image) -> None:
    """Largest difference under 1e-5 against dlib's own forward pass."""
    dlib = pytest.importorskip("dlib")
    from mien.detect.families import open_detector
    from mien.recognize.recognizer import Recognizer

    model = store.load("dlib-resnet")
    network = Recognizer(model, EngineOptions(precision="f32"))
    detector = open_detector()
    crops = [network.align(image, detector.detect([image])[0][0]) for image in (collins, hopper)]
    crops += [crop[:, ::-1].copy() for crop in crops]
    theirs = dlib.face_recognition_model_v1(str(defaults.package_file("face_recognition_models", WEIGHTS)))
    expected = np.array([theirs.compute_face_descriptor(crop) for crop in crops])
    ours = model.session(options=EngineOptions(precision="f32")).run(np.stack(crops))[0]
    assert expected.shape == (4, 128) and np.linalg.norm(expected, axis=1).min() > 1
    assert np.abs(ours - expected).max() < 1e-5


def test_the_conversion_is_repeatable() -> None:
    first, second = defaults.build("dlib-resnet"), defaults.build("dlib-resnet")
    assert first[0] == second[0] and first[1] == second[1]


def test_pnet_equals_a_plain_forward_pass() -> None:
    """One 12-pixel window through P-Net in numpy, from the package's arrays."""
    import io

    import joblib

    data = defaults.package_file("mtcnn", "mtcnn/assets/weights/pnet.lz4").read_bytes()
    arrays = iter(joblib.load(io.BytesIO(data)))
    window = np.random.default_rng(0).integers(0, 256, (12, 12, 3), np.uint8)
    current = (window.astype(np.float64) - 127.5) / 128
    for layer in range(3):
        kernel, bias, slope = (next(arrays) for _ in range(3))
        current = convolve(current, kernel) + bias
        current = np.where(current > 0, current, slope.reshape(-1) * current)
        if layer == 0:
            current = np.stack(
                [[current[2 * r : 2 * r + 2, 2 * c : 2 * c + 2].max((0, 1)) for c in range(5)] for r in range(5)]
            )
    box = convolve(current, next(arrays)) + next(arrays)
    logits = convolve(current, next(arrays)) + next(arrays)
    face = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    session = store.load("mtcnn").session("pnet", EngineOptions(precision="f32"))
    ours_box, ours_face = session.run(window[None])
    assert np.allclose(ours_box[0, :, 0, 0], box[0, 0], atol=1e-4)
    assert np.allclose(ours_face[0, :, 0, 0], face[0, 0], atol=1e-4)


def convolve(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    height, width = kernel.shape[:2]
    rows, columns = image.shape[0] - height + 1, image.shape[1] - width + 1
    out = np.empty((rows, columns, kernel.shape[3]))
    for r in range(rows):
        for c in range(columns):
            out[r, c] = np.tensordot(image[r : r + height, c : c + width], kernel, 3)
    return out


def test_other_bytes_are_not_taken_for_dlibs_network() -> None:
    with pytest.raises(CardError, match="end before the next con_4"):
        dlib_resnet.convert(b"nothing of the kind")


def test_changed_weights_in_a_package_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = defaults._Weights(WEIGHTS, "0" * 64, dlib_resnet.convert)
    with pytest.raises(CardError, match="pip install --force-reinstall face_recognition_models"):
        defaults.read_weights("face_recognition_models", changed)


def test_a_missing_package_names_the_command() -> None:
    with pytest.raises(MissingExtraError, match="pip install --force-reinstall no-such-package"):
        defaults.package_file("no-such-package", "x")


def test_every_mtcnn_network_has_its_pools() -> None:
    assert set(mtcnn_nets.TRUNKS) == set(mtcnn_nets.SIDES) == set(defaults.DEFAULTS["mtcnn"].parts)


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
