"""Networks in other formats become ONNX files that give the same numbers on both engines."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from fuzz import mutants
from mien.errors import CardError
from mien.models.card import InputSpec
from mien.models.convert import OPERATIONS, convert
from mien.models.engines import ENGINES
from mien.models.golden import golden_image
from mien.models.network_file import read_network_file
from mien.models.openvino_engine import load_openvino
from mien.models.options import EngineOptions

Make = Callable[..., bytes]
SPEC = InputSpec(colour="RGB", mean=(127.5,) * 3, scale=(127.5,) * 3)


def as_ir(data: bytes, folder: Path, name: str = "net") -> Path:
    """The network as OpenVINO saves it: weights in half precision, with conversions behind them."""
    openvino = load_openvino()
    path = folder / f"{name}.xml"
    openvino.save_model(openvino.Core().read_model(data), str(path))
    return path


def busy_network() -> bytes:
    """Most operations that can be converted, one after the other."""
    rng = np.random.default_rng(0)
    constants = {
        "kernel": rng.standard_normal((8, 3, 3, 3)) * 0.3,
        "groups": rng.standard_normal((8, 1, 3, 3)) * 0.3,
        "slopes": rng.random((8, 1, 1)),
        "half": np.float32(0.5),
        "matrix": rng.standard_normal((8 * 16 * 16, 40)) * 0.02,
    }
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "kernel"], ["a"], strides=[2, 2], auto_pad="SAME_UPPER"),
        node("PRelu", ["a", "slopes"], ["b"]),
        node("Conv", ["b", "groups"], ["c"], group=8, pads=[1, 1, 1, 1]),
        node("Sigmoid", ["c"], ["d"]),
        node("Mul", ["c", "d"], ["e"]),
        node("MaxPool", ["e"], ["f"], kernel_shape=[2, 2], strides=[2, 2]),
        node("AveragePool", ["e"], ["g"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Sub", ["f", "g"], ["h"]),
        node("Max", ["h", "half"], ["i"]),
        node("ReduceMean", ["h"], ["m"], axes=[2, 3], keepdims=1),
        node("Add", ["i", "m"], ["j"]),
        node("Concat", ["j", "h"], ["k"], axis=2),
        node("ReduceMax", ["k"], ["l"], axes=[2], keepdims=1),
        node("Add", ["h", "l"], ["n"]),
        node("Flatten", ["n"], ["o"]),
        node("MatMul", ["o", "matrix"], ["p"]),
        node("Tanh", ["p"], ["y"]),
    ]
    tensors = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in constants.items()]
    graph = helper.make_graph(
        nodes,
        "busy",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 40])],
        tensors,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_ir_becomes_onnx_with_the_same_answers(tmp_path: Path, engine: str) -> None:
    if not ENGINES[engine].installed:
        pytest.skip(f"{engine} is not installed")
    data = busy_network()
    network = read_network_file(as_ir(data, tmp_path))
    options = EngineOptions()
    before = ENGINES["openvino"].open(data, SPEC, options, "f32")
    after = ENGINES[engine].open(network.data, SPEC, options, ENGINES[engine].precisions[-1])
    images = np.stack([golden_image(seed, 64, 64) for seed in range(3)])
    one, other = before.run(images)[0], after.run(images)[0]
    assert after.batchable and one.std() > 0.05
    assert other == pytest.approx(one, abs=5e-3), "half precision of the weights and no more"


def test_the_batch_of_a_converted_network_is_free(make_recognizer: Make, tmp_path: Path) -> None:
    network = read_network_file(as_ir(make_recognizer(batch=1), tmp_path))
    session = ENGINES["openvino"].open(network.data, SPEC, EngineOptions(), "f32")
    assert session.batchable and network.converted_from is not None


def test_an_operation_that_is_not_known_is_named(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Erf", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 8, 8])],
    )
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    assert "Erf" not in OPERATIONS
    with pytest.raises(CardError, match="the operation Erf; mien converts Add"):
        read_network_file(as_ir(data, tmp_path))


@pytest.mark.parametrize(
    ("data", "weights", "says"),
    [
        (b"rubbish", None, "is not a tflite file"),
        (b"", None, "is not a tflite file"),
        (b"....TFL3" + bytes(40), None, "cannot be read as a tflite file"),
        (b"<net/>", b"", "cannot be read as OpenVINO IR"),
        (b"<html></html>", b"", "it begins with html, not with net"),
        (b"<net>", b"", "it is damaged .*copy it again"),
        (b'<!DOCTYPE net [<!ENTITY a "b">]><net>&a;</net>', b"", "it begins with an entity"),
    ],
)
def test_what_openvino_cannot_read_is_refused(data: bytes, weights: bytes | None, says: str) -> None:
    with pytest.raises(CardError, match=says):
        convert(data, weights, "it")


@pytest.mark.parametrize("ending", [".xml", ".bin"])
def test_damaged_ir_is_read_or_refused_in_one_sentence(
    make_recognizer: Make, tmp_path: Path, capfd: pytest.CaptureFixture[str], ending: str
) -> None:
    path = as_ir(make_recognizer(), tmp_path)
    part = path.with_suffix(ending)
    for damaged in mutants(part.read_bytes(), 40, seed=4):
        part.write_bytes(damaged)
        try:
            read_network_file(path)
        except CardError as reason:
            assert "net.xml" in str(reason) and "\n" not in str(reason)
    assert capfd.readouterr().err == "", "OpenVINO tries no other format"


def test_ir_without_its_weights_names_the_missing_file(make_recognizer: Make, tmp_path: Path) -> None:
    path = as_ir(make_recognizer(), tmp_path)
    path.with_suffix(".bin").unlink()
    with pytest.raises(CardError, match=r"put net\.bin into the same folder"):
        read_network_file(path)
