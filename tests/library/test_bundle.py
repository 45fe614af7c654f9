"""Bundles: models arrive as they left, and nothing of a damaged or foreign bundle is used."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mien.errors import CardError, ModelNotFoundError
from mien.library.bundle import OpenBundle, bundle_models, is_bundle
from mien.library.import_model import ModelHints, import_model
from mien.models import store

Make = Callable[..., bytes]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIEN_HOME", str(tmp_path / "home"))


@pytest.fixture
def bundle(tmp_path: Path, make_recognizer: Make) -> Path:
    for name in ("one", "two"):
        store.save(*import_model(make_recognizer(), name, ModelHints(colour="RGB", licence="ours alone")))
    return bundle_models(tmp_path / "models.zip", ["one", "two", "one"]).file


def rewritten(bundle: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The bundle with changed members."""
    with zipfile.ZipFile(bundle) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(bundle, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return bundle


def test_models_arrive_as_they_left(bundle: Path) -> None:
    before = {name: store.load(name).card for name in ("one", "two")}
    for name in before:
        store.remove(name)
    opened = OpenBundle(bundle)
    assert opened.names == ("one", "two")
    for name, card in before.items():
        assert opened.install(name).card == card and card.licence == "ours alone"
    assert is_bundle(bundle)


def test_a_name_that_is_not_there_lists_those_that_are(bundle: Path) -> None:
    with pytest.raises(ModelNotFoundError, match="no 'three'; it has one, two"):
        OpenBundle(bundle).install("three")
    with pytest.raises(ModelNotFoundError):
        bundle_models(bundle, ["nobody"])


def test_a_changed_file_is_refused(bundle: Path) -> None:
    def change(parts: dict[str, bytes]) -> None:
        parts["one/model.onnx"] += b"x"

    with pytest.raises(CardError, match=r"one/model\.onnx in .* is damaged"):
        OpenBundle(rewritten(bundle, change))


def test_a_card_that_names_a_file_elsewhere_is_refused(bundle: Path) -> None:
    def change(parts: dict[str, bytes]) -> None:
        import hashlib

        card = parts["one/card.toml"].replace(b'path = "model.onnx"', b'path = "../../../evil.onnx"')
        about = json.loads(parts["bundle.json"])
        about["sha256"]["one/card.toml"] = hashlib.sha256(card).hexdigest()
        parts["one/card.toml"], parts["bundle.json"] = card, json.dumps(about).encode()

    with pytest.raises(CardError, match=r"files\.model\.path"):
        OpenBundle(rewritten(bundle, change)).install("one")


@pytest.mark.parametrize("rubbish", [b"", b"PK", b"not a zip"])
def test_rubbish_is_not_a_bundle(tmp_path: Path, rubbish: bytes) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(rubbish)
    assert not is_bundle(path)
    with pytest.raises(CardError, match="cannot be read as a bundle"):
        OpenBundle(path)


@pytest.mark.parametrize("about", [b"[]", b"{}", b'{"format": "mien bundle 9", "sha256": {}}', b"{"])
def test_a_wrong_list_of_checksums_is_refused(bundle: Path, about: bytes) -> None:
    with pytest.raises(CardError, match="make it again"):
        OpenBundle(rewritten(bundle, lambda parts: parts.update({"bundle.json": about})))


def test_a_damaged_model_is_not_packed(bundle: Path, tmp_path: Path) -> None:
    (store.load("one").folder / "model.onnx").write_bytes(b"x")
    with pytest.raises(CardError, match="is damaged"):
        bundle_models(tmp_path / "new.zip", ["one"])
    assert not (tmp_path / "new.zip").exists()
