"""Networks of the kinds that are exported in the field run on every engine, or are refused before they are stored."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from mien.errors import CardError
from mien.library import engine_check
from mien.library.engine_check import fit_to_engines, try_engines
from mien.library.import_model import ModelHints, import_model
from mien.models.card import InputSpec, ModelCard
from mien.models.engines import ENGINES
from mien.models.golden import golden_image
from mien.models.options import EngineOptions
from mien.models.store import save
from mien.recognize.recognizer import Recognizer

pytest.importorskip("onnxruntime")

Make = Callable[..., bytes]
SPEC = InputSpec(colour="RGB", mean=(127.5,) * 3, scale=(127.5,) * 3, width=112, height=112)
IMAGES = np.stack([golden_image(seed, 112, 112) for seed in range(5)])


def with_input(data: bytes, kind: int) -> bytes:
    """The network with an input of another type, converted inside."""
    model = onnx.load_from_string(data)
    graph = model.graph
    graph.input[0].type.tensor_type.elem_type = kind
    for node in graph.node:
        node.input[:] = ["as_float" if name == "input" else name for name in node.input]
    graph.node.insert(0, helper.make_node("Cast", ["input"], ["as_float"], to=TensorProto.FLOAT))
    return bytes(model.SerializeToString())


def with_more(data: bytes, shape: list[int | str], batch_baked: int | None = None) -> bytes:
    """The embedding in another shape, through a Reshape that may hold the batch."""
    model = onnx.load_from_string(data)
    graph = model.graph
    target = [batch_baked or 0, *shape[1:]]
    graph.initializer.append(numpy_helper.from_array(np.asarray(target, np.int64), "shape"))
    graph.node.append(helper.make_node("Reshape", ["embedding", "shape"], ["shaped"]))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("shaped", TensorProto.FLOAT, shape))
    return bytes(model.SerializeToString())


def with_norm_first(data: bytes) -> bytes:
    """Two outputs: the length of the embedding, then the embedding (AdaFace has them the other way round)."""
    model = onnx.load_from_string(data)
    graph = model.graph
    graph.node.append(helper.make_node("ReduceL2", ["embedding"], ["norm"], axes=[1], keepdims=1))
    graph.output.insert(0, helper.make_tensor_value_info("norm", TensorProto.FLOAT, ["batch", 1]))
    return bytes(model.SerializeToString())


def embed(data: bytes, engine: str, name: str = "net-fit") -> tuple[ModelCard, np.ndarray]:
    hints = ModelHints(colour="RGB", mean=(127.5,) * 3, scale=(127.5,) * 3)
    card, files = import_model(data, name, hints)
    options = EngineOptions(engine=engine, precision="f32")
    return card, Recognizer(save(card, files), options).embed(IMAGES)


KINDS = {
    "float32": lambda make: make(),
    "float16 input": lambda make: with_input(make(), TensorProto.FLOAT16),
    "float64 input": lambda make: with_input(make(), TensorProto.DOUBLE),
    "a batch of one": lambda make: make(batch=1),
    "a batch of 32": lambda make: make(batch=32),
    "(N, D, 1, 1)": lambda make: with_more(make(), ["batch", 64, 1, 1]),
    "a baked reshape": lambda make: with_more(make(), ["batch", 64], batch_baked=1),
    "two outputs": lambda make: with_norm_first(make()),
}


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_the_field_exports_gives_the_same_embeddings(make_recognizer: Make, kind: str, engine: str) -> None:
    _, plain = embed(make_recognizer(), "openvino", "net-plain")
    card, found = embed(KINDS[kind](make_recognizer), engine)
    assert found.shape == (5, 64) and np.allclose(found, plain, atol=2e-3)
    assert card.embedding is not None and card.embedding.output == (1 if kind == "two outputs" else 0)


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_a_network_that_takes_bytes_gets_pixels_as_they_are(make_recognizer: Make, engine: str) -> None:
    data = with_input(make_recognizer(), TensorProto.UINT8)
    card, files = import_model(data, "net-bytes", ModelHints(colour="RGB"))
    assert card.input.mean == (0, 0, 0) and card.input.scale == (1, 1, 1)
    network = Recognizer(save(card, files), EngineOptions(engine=engine, precision="f32"))
    plain, files = import_model(make_recognizer(), "net-raw", ModelHints(colour="RGB", mean=(0,) * 3, scale=(1,) * 3))
    raw = Recognizer(save(plain, files), EngineOptions(engine="openvino", precision="f32"))
    assert np.allclose(network.embed(IMAGES), raw.embed(IMAGES), atol=1e-4)


def test_a_network_that_one_engine_cannot_run_is_refused_with_the_remedy(
    make_recognizer: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise CardError("no such operator")

    monkeypatch.setitem(ENGINES, "onnxruntime", replace(ENGINES["onnxruntime"], open=refuse))
    with pytest.raises(CardError, match=r"onnxruntime: no such operator.*Export it again with float32"):
        fit_to_engines(make_recognizer(), SPEC, "it")


def test_numbers_that_are_not_finite_are_refused(make_recognizer: Make) -> None:
    model = onnx.load_from_string(make_recognizer())
    matrix = next(tensor for tensor in model.graph.initializer if tensor.name == "matrix")
    values = numpy_helper.to_array(matrix).copy()
    values[0, 0] = np.nan
    matrix.CopyFrom(numpy_helper.from_array(values, "matrix"))
    with pytest.raises(
        CardError, match=r"it cannot be used: its answer has numbers that are not finite; the file is"
    ):
        fit_to_engines(model.SerializeToString(), SPEC, "it")


def test_an_answer_of_zeros_is_refused_and_no_engine_is_blamed(make_recognizer: Make) -> None:
    model = onnx.load_from_string(make_recognizer())
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(np.zeros_like(numpy_helper.to_array(tensor)), tensor.name))
    with pytest.raises(CardError, match=r"it cannot be used: its answer is all zeros; the file is damaged"):
        fit_to_engines(model.SerializeToString(), SPEC, "it")


def test_every_size_of_batch_is_tried(make_recognizer: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def agree(run: object, width: int, height: int, count: int) -> bool:
        tried.append(count)
        return count < 32

    monkeypatch.setattr(engine_check, "batches_agree", agree)
    refusals = try_engines(make_recognizer(), SPEC).refusals
    assert set(tried) == {1, 2, 32} and {one.engine for one in refusals} == {"openvino", "onnxruntime"}
    assert "32 images together" in refusals[0].reason
