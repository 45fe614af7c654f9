"""The list of models: each state, and names of detectors."""

from pathlib import Path

import pytest

from mien.detect.detector import BuiltInFamily
from mien.errors import ModelNotFoundError
from mien.library.catalogue import CatalogueEntry
from mien.library.listing import detectors, find_model, list_models
from mien.models import store


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_HOME", str(tmp_path))


def test_a_model_is_listed_once_by_its_state() -> None:
    store.load("mtcnn")
    listed = list_models()
    names = [one.name for one in listed]
    assert len(names) == len(set(names))
    states = {one.name: one.state for one in listed}
    assert (states["mtcnn"], states["dlib-resnet"]) == ("ready", "made from a package on first use")
    assert (states["haar"], states["yunet-2023mar"]) == ("built in", "can be pulled")
    assert all(one.licence and one.summary for one in listed)


def test_detectors_are_those_of_the_store_and_the_built_in_ones() -> None:
    assert detectors() == ["mien-face", "mtcnn", "haar", "dlib-hog", "dlib-mmod"]


def test_a_name_leads_to_what_is_known_of_it() -> None:
    assert isinstance(find_model("mtcnn"), store.Model) and isinstance(find_model("haar"), BuiltInFamily)
    assert isinstance(find_model("yunet-2023mar"), CatalogueEntry)
    with pytest.raises(ModelNotFoundError, match="no model 'nobody'"):
        find_model("nobody")
