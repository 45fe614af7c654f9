"""Cards for a user's own files: the family is recognized, the rest is asked for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from mien.errors import CardError
from mien.library.import_model import ModelHints, import_model, recognize

Make = Callable[..., bytes]


def network(outputs: list[list[int]], inputs: int = 1, channels: int = 3) -> bytes:
    """A graph with outputs of given shapes, all zero."""
    names = [f"in{i}" for i in range(inputs)]
    nodes = [
        helper.make_node(
            "Constant", [], [f"o{i}"], value=helper.make_tensor("v", TensorProto.FLOAT, s, [0.0] * int(np.prod(s)))
        )
        for i, s in enumerate(outputs)
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, 64, 64]) for name in names],
        [helper.make_tensor_value_info(f"o{i}", TensorProto.FLOAT, s) for i, s in enumerate(outputs)],
    )
    return bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    )


def test_families_are_recognized_from_the_outputs() -> None:
    assert recognize(network([[8, 1]] * 3 + [[8, 4]] * 3 + [[8, 10]] * 3), "x")[0] == "scrfd"
    assert recognize(network([[1, 8, 1]] * 6 + [[1, 8, 4]] * 3 + [[1, 8, 10]] * 3), "x")[0] == "yunet"
    assert recognize(network([[1, 512]]), "x")[0] == "embedding"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"not onnx at all", "is damaged or not an ONNX file"),
        (network([[1, 5]]), "neither a recognizer"),
        (network([[1, 4], [1, 2]]), "neither a recognizer"),
        (network([[1, 512]], inputs=2), "takes 2 inputs"),
        (network([[1, 512]], channels=1), "takes an input of shape"),
    ],
)
def test_what_is_not_a_face_network_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(CardError, match=says):
        recognize(data, "x.onnx")


def test_the_colour_order_is_asked_for(make_recognizer: Make) -> None:
    with pytest.raises(CardError, match="--colour RGB or --colour BGR"):
        import_model(make_recognizer(), "mine", ModelHints())


def test_a_card_says_what_was_told_and_measured(make_recognizer: Make) -> None:
    hints = ModelHints(
        colour="BGR", metric="l2", mirror=True, template="dlib", licence="ours", mean=(10, 10, 10), scale=(2, 2, 2)
    )
    card, files = import_model(make_recognizer(size=150, dimension=48), "mine", hints)
    assert card.embedding is not None
    assert (card.embedding.size, card.embedding.metric, card.embedding.normalized) == (48, "l2", False)
    assert card.embedding.mirror and card.embedding.template == "dlib" and card.licence == "ours"
    assert card.input.colour == "BGR" and card.input.mean == (10, 10, 10) and card.input.scale == (2, 2, 2)
    assert (card.input.width, card.input.height) == (150, 150)
    assert len(card.golden["model"].output) == 48 and set(files) == {"model"}


def test_a_graph_that_prepares_its_pixels_gets_none_of_ours(make_recognizer: Make) -> None:
    model = onnx.load_from_string(make_recognizer())
    for node in model.graph.node:
        node.input[:] = ["prepared" if name == "input" else name for name in node.input]
    half = helper.make_tensor("half", TensorProto.FLOAT, [1], [127.5])
    part = helper.make_tensor("part", TensorProto.FLOAT, [1], [0.0078125])
    model.graph.initializer.extend([half, part])
    first = [
        helper.make_node("Sub", ["input", "half"], ["shifted"]),
        helper.make_node("Mul", ["shifted", "part"], ["prepared"]),
    ]
    for node in reversed(first):
        model.graph.node.insert(0, node)
    card, _ = import_model(model.SerializeToString(), "mine", ModelHints(colour="RGB"))
    assert card.input.mean == (0, 0, 0) and card.input.scale == (1, 1, 1)


@pytest.mark.real
def test_real_detectors_are_recognized(data: Path) -> None:
    for file, family, colour in (
        ("scrfd_2.5g_bnkps.onnx", "scrfd", "RGB"),
        ("yunet_n_dynamic.onnx", "yunet", "BGR"),
        ("ultralight_rfb_320.onnx", "rfb", "RGB"),
    ):
        card, _ = import_model((data / "models" / file).read_bytes(), family, ModelHints())
        assert (card.kind, card.family, card.input.colour) == ("detector", family, colour)
    card, _ = import_model((data / "models" / "mobilefacenet.onnx").read_bytes(), "mobile", ModelHints(colour="RGB"))
    assert card.embedding is not None and card.embedding.size == 128


def test_a_recognizer_gives_32_numbers_or_more() -> None:
    assert recognize(network([[1, 32]]), "x")[0] == "embedding"
    with pytest.raises(CardError, match="one output of 32 or more numbers"):
        recognize(network([[1, 31]]), "x")


def test_a_recognizer_needs_square_crops_of_one_size(make_recognizer: Make) -> None:
    model = onnx.load_from_string(make_recognizer())
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 96
    with pytest.raises(CardError, match="takes crops of 112x96; a recognizer needs square crops of one size"):
        import_model(model.SerializeToString(), "mine", ModelHints(colour="RGB"))
