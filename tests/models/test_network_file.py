"""Networks from disk: weights in a second file come along, and only from the network's own folder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from mien.errors import CardError
from mien.models.card import InputSpec
from mien.models.engines import ENGINES
from mien.models.golden import golden_image
from mien.models.network_file import read_network_file
from mien.models.options import EngineOptions

Make = Callable[..., bytes]
SPEC = InputSpec(colour="RGB", mean=(127.5,) * 3, scale=(127.5,) * 3)


def split(data: bytes, path: Path, location: str = "weights.bin") -> Path:
    """The network with its weights in another file."""
    model = onnx.load_from_string(data)
    onnx.save(model, str(path), save_as_external_data=True, location="weights.bin", size_threshold=0)
    if location != "weights.bin":
        model = onnx.load(str(path), load_external_data=False)
        for tensor in model.graph.initializer:
            next(entry for entry in tensor.external_data if entry.key == "location").value = location
        path.write_bytes(model.SerializeToString())
    return path


def answer(data: bytes) -> np.ndarray:
    session = ENGINES["openvino"].open(data, SPEC, EngineOptions(), "f32")
    return session.run(golden_image(1, 112, 112)[None])[0]


def test_weights_in_a_second_file_are_brought_into_one(make_recognizer: Make, tmp_path: Path) -> None:
    data = make_recognizer()
    network = read_network_file(split(data, tmp_path / "net.onnx"))
    assert np.array_equal(answer(network.data), answer(data)) and network.converted_from is not None


def test_one_file_stays_as_it_is(make_recognizer: Make, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(make_recognizer())
    network = read_network_file(path)
    assert network.data == path.read_bytes() and network.converted_from is None


def test_missing_weights_are_named(make_recognizer: Make, tmp_path: Path) -> None:
    path = split(make_recognizer(), tmp_path / "net.onnx")
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(CardError, match=r"keeps its weights in weights\.bin, which is missing"):
        read_network_file(path)


def test_weights_cut_short_are_refused(make_recognizer: Make, tmp_path: Path) -> None:
    path = split(make_recognizer(), tmp_path / "net.onnx")
    (tmp_path / "weights.bin").write_bytes(b"12")
    with pytest.raises(CardError, match="cannot be read"):
        read_network_file(path)


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "sub/weights.bin"])
def test_weights_outside_of_the_folder_are_not_read(make_recognizer: Make, tmp_path: Path, location: str) -> None:
    with pytest.raises(CardError, match="outside of its folder"):
        read_network_file(split(make_recognizer(), tmp_path / "net.onnx", location))


def test_a_file_that_does_not_exist_says_so(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="cannot be read: No such file"):
        read_network_file(tmp_path / "none.onnx")
