"""What a detector is, by its card and files."""

from pathlib import Path

import pytest

import mien
from mien.detect.families import built_in
from mien.detect.mtcnn_pyramid import MtcnnSettings, pyramid
from mien.errors import ModelError
from mien.evaluate.detectors.identity import COUNTED, identify
from mien.models import store
from mien.models.complexity import complexity


def test_a_detector_of_a_package_is_not_a_network() -> None:
    found = identify("haar")
    assert found.weights == built_in()["haar"].weights and found.licence == built_in()["haar"].licence
    assert found.bytes is None and found.parameters is None and found.multiplications is None
    assert found.input == "any size"


def test_one_network_is_counted_at_640x480() -> None:
    model = store.load("mien-face")
    (file,) = model.card.files.values()
    data = (model.folder / file.path).read_bytes()
    found, cost = identify("mien-face"), complexity(data, *COUNTED)
    assert found.bytes == len(data) and found.parameters == cost.parameters > 100_000
    assert found.multiplications == cost.multiplications and found.input == "any size, counted at 640x480"
    assert (found.weights, found.licence) == (model.card.source, model.card.licence)


def test_of_mtcnn_the_pyramid_is_counted_and_all_parameters() -> None:
    model = store.load("mtcnn")
    sizes = [(model.folder / file.path).stat().st_size for file in model.card.files.values()]
    found = identify("mtcnn")
    assert len(sizes) == 3 and found.bytes == sum(sizes)
    assert found.parameters == 495_850, "P-Net 6,632, R-Net 100,178, O-Net 389,040"
    pnet = (model.folder / model.card.files["pnet"].path).read_bytes()
    whole = complexity(pnet, *COUNTED).multiplications
    assert whole is not None and found.multiplications is not None
    largest = pyramid(*COUNTED, MtcnnSettings())[0] ** 2 * whole
    assert largest < found.multiplications < 2.4 * largest, "each further level has half as many pixels, and a margin"


def test_a_fixed_input_is_named(fixed_detector: bytes, tmp_path: Path) -> None:
    (tmp_path / "fixed-for-identity.onnx").write_bytes(fixed_detector)
    name = mien.add_model(tmp_path / "fixed-for-identity.onnx").card.name
    assert identify(name).input == "128x96"
    store.remove(name)


def test_a_name_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ModelError, match="nothere"):
        identify("nothere")
