"""OpenVINO's sessions: what does not batch is run image by image; what cannot be opened says so."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.errors import CardError
from mien.models.card import InputSpec
from mien.models.openvino_engine import OpenVinoSession
from mien.models.options import EngineOptions

SPEC = InputSpec(colour="RGB", mean=(0, 0, 0), scale=(1, 1, 1))


def network(mixes: bool, channels: int = 3) -> bytes:
    """The mean colour of each image; or, where images are mixed, of all images together."""
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[0, 2, 3] if mixes else [2, 3], keepdims=1),
        helper.make_node("Mul", ["x", "zero"], ["none"]),
        helper.make_node("Add", ["none", "mean"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", channels, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", channels, 8, 8])],
        [numpy_helper.from_array(np.zeros((), np.float32), "zero")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


@pytest.mark.parametrize("mixes", [False, True])
def test_images_that_would_be_mixed_in_a_batch_go_through_one_by_one(mixes: bool) -> None:
    session = OpenVinoSession(network(mixes), SPEC, EngineOptions(), "f32")
    assert session.batchable is not mixes
    images = np.stack([np.full((8, 8, 3), value, np.uint8) for value in (0, 51, 255)])
    (answer,) = session.run(images)
    assert answer[:, 0, 0, 0] == pytest.approx([0, 51, 255], abs=1e-3)


def test_another_number_of_channels_is_refused() -> None:
    with pytest.raises(CardError, match="not a batch of three-channel images"):
        OpenVinoSession(network(False, channels=1), SPEC, EngineOptions(), "f32")


def test_the_embedding_of_the_last_face_does_not_stay_in_the_engine() -> None:
    """A core file of a service had it of somebody who was erased."""
    session = OpenVinoSession(network(mixes=False), SPEC, EngineOptions(), "f32")
    for value in (51, 102):
        (answer,) = session.run(np.full((1, 8, 8, 3), value, np.uint8))
        assert answer == pytest.approx(value, abs=1e-3)
        request = session._idle.get()
        assert not request.get_output_tensor(0).data.any()
        session._idle.put(request)
