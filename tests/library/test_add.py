"""Adding a file: its name, its hints, its role, and what cannot be read."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from fuzz import mutants
from mien.errors import CardError, MienError
from mien.library.add import PortraitRole, add_model, checked_name, needs_colour
from mien.library.import_model import ModelHints
from mien.models import store
from mien.models.card import PortraitModelSpec

Make = Callable[..., bytes]


@pytest.fixture
def net(make_recognizer: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))
    file = tmp_path / "My Net.onnx"
    file.write_bytes(make_recognizer())
    return file


def test_a_file_gives_its_name_and_its_source(net: Path) -> None:
    assert checked_name(None, net) == "my-net" and needs_colour(net)
    with pytest.raises(CardError, match="--colour RGB or --colour BGR"):
        add_model(net)
    model = add_model(net, hints=ModelHints(colour="RGB"))
    assert model.card.name == "my-net" and store.load("my-net").card == model.card
    assert add_model(net, "other", hints=ModelHints(colour="RGB")).card.name == "other"


def test_a_model_for_portraits_has_its_role_on_the_card(net: Path) -> None:
    role = PortraitRole("quality", PortraitModelSpec(output="score", high=9))
    card = add_model(net, "quality-net", hints=ModelHints(colour="RGB"), role=role).card
    assert (card.family, card.embedding) == ("quality", None) and card.expert == role.spec


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"none.onnx cannot be read: No such file"):
        add_model(tmp_path / "none.onnx")


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil", "..", "Upper", "with space"])
def test_a_name_that_is_a_path_is_refused_before_the_file_is_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(CardError, match=r"is not a name of a model .*choose one with --name NAME"):
        add_model(tmp_path / "none.onnx", name)


def test_a_file_with_a_vietnamese_name_gets_a_plain_one(tmp_path: Path) -> None:
    assert checked_name(None, tmp_path / "Mô hình Đẹp.onnx") == "mo-hinh-dep"
    with pytest.raises(CardError, match=r"'模型' is not a name .*--name"):
        checked_name(None, tmp_path / "模型.onnx")


def test_rubbish_is_called_by_its_file_and_not_by_the_name_it_was_to_get(net: Path, tmp_path: Path) -> None:
    net.write_bytes(b"rubbish")
    with pytest.raises(CardError) as caught:
        add_model(net, "my-model", hints=ModelHints(colour="RGB"))
    assert str(net) in str(caught.value) and "my-model" not in str(caught.value)


def test_weights_that_are_not_numbers_are_never_stored(net: Path, make_recognizer: Make) -> None:
    """They were adopted and exported as ready (the cosine of the comparison was NaN), and then never opened."""
    for value in (np.nan, np.inf, 0.0):
        model = onnx.load_from_string(make_recognizer())
        matrix = next(one for one in model.graph.initializer if one.name == "matrix")
        shape = numpy_helper.to_array(matrix).shape
        matrix.CopyFrom(numpy_helper.from_array(np.full(shape, value, np.float32), "matrix"))
        net.write_bytes(model.SerializeToString())
        with pytest.raises(CardError, match=r"the weights 'matrix' of .*My Net.onnx (hold|are all zero)"):
            add_model(net, hints=ModelHints(colour="RGB"))
    assert not store.is_stored("my-net")


def test_a_network_that_answers_the_same_to_every_face_is_refused(net: Path, make_recognizer: Make) -> None:
    model = onnx.load_from_string(make_recognizer())
    graph = model.graph
    graph.initializer.append(numpy_helper.from_array(np.zeros((1, 64), np.float32), "nothing"))
    graph.initializer.append(numpy_helper.from_array(np.ones((1, 64), np.float32), "ones"))
    graph.node[-1].output[0] = "unused"
    graph.node.append(helper.make_node("Mul", ["unused", "nothing"], ["gone"]))
    graph.node.append(helper.make_node("Add", ["gone", "ones"], ["embedding"]))
    net.write_bytes(model.SerializeToString())
    with pytest.raises(CardError, match=r"My Net.onnx gives the same embedding for every face"):
        add_model(net, hints=ModelHints(colour="RGB"))


def test_a_damaged_network_is_added_or_refused_in_one_sentence(net: Path) -> None:
    """Of 77 damaged ONNX files, 10 ended in a traceback, and some were stored with answers of NaN."""
    whole = net.read_bytes()
    for damaged in [*mutants(whole, 20, seed=1), *(whole[:600] + one for one in mutants(whole[600:], 6, seed=2))]:
        net.write_bytes(damaged)
        try:
            golden = np.array(add_model(net, hints=ModelHints(colour="RGB")).card.golden["model"].output)
            assert np.isfinite(golden).all() and golden.any()
        except MienError as reason:
            assert "My Net.onnx" in str(reason) and "\n" not in str(reason) and len(str(reason)) < 700


@pytest.mark.parametrize(("mean", "scale"), [(np.nan, 127.5), (127.5, 0.0), (127.5, np.inf)])
def test_a_mean_or_a_scale_that_is_no_number_is_refused(net: Path, mean: float, scale: float) -> None:
    hints = ModelHints(colour="RGB", mean=(mean,) * 3, scale=(scale,) * 3)
    with pytest.raises(CardError, match=r"My Net.onnx: the mean and the scale of pixels are finite numbers"):
        add_model(net, hints=hints)
