"""Bundles: models arrive as they left, and nothing of a damaged or foreign bundle is used."""

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fuzz import mutants
from mien.errors import CardError, MienError, ModelNotFoundError
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
    with pytest.raises(CardError, match=r"x\.zip is damaged or not what it should be .*make it again"):
        OpenBundle(path)


def test_a_bomb_in_a_bundle_is_not_unpacked(bundle: Path) -> None:
    def change(parts: dict[str, bytes]) -> None:
        parts["one/model.onnx"] = bytes(300 << 20)

    with zipfile.ZipFile(rewritten(bundle, change)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    with pytest.raises(CardError, match=r"one/model\.onnx claims to have 314572800 bytes, too many"):
        OpenBundle(bundle)


def test_a_model_whose_answer_is_another_leaves_the_store_as_it_was(bundle: Path, make_recognizer: Make) -> None:
    """Its checksums agree, and its golden vector does not."""

    def change(parts: dict[str, bytes]) -> None:
        data = make_recognizer(seed=5)
        digest = hashlib.sha256(data).hexdigest().encode()
        old = hashlib.sha256(parts["one/model.onnx"]).hexdigest().encode()
        card = parts["one/card.toml"].replace(old, digest)
        about = json.loads(parts["bundle.json"])
        about["sha256"] |= {
            "one/card.toml": hashlib.sha256(card).hexdigest(),
            "one/model.onnx": digest.decode(),
        }
        parts |= {"one/card.toml": card, "one/model.onnx": data, "bundle.json": json.dumps(about).encode()}

    opened = OpenBundle(rewritten(bundle, change))
    before = store.load("one")
    with pytest.raises(CardError, match="does not give its golden vector"):
        opened.install("one")
    assert store.load("one") == before and before.session() is not None


def test_a_damaged_bundle_is_refused_in_one_sentence_or_gives_what_was_packed(bundle: Path) -> None:
    """Damaged compressed data ended in a zlib.error."""
    whole, card = bundle.read_bytes(), store.load("one").card
    for damaged in mutants(whole, 150, seed=1):
        bundle.write_bytes(damaged)
        try:
            assert OpenBundle(bundle).install("one").card == card
        except MienError as reason:
            assert "models.zip" in str(reason) and "\n" not in str(reason)


@pytest.mark.parametrize("about", [b"[]", b"{}", b'{"format": "mien bundle 9", "sha256": {}}', b"{"])
def test_a_wrong_list_of_checksums_is_refused(bundle: Path, about: bytes) -> None:
    with pytest.raises(CardError, match="make it again"):
        OpenBundle(rewritten(bundle, lambda parts: parts.update({"bundle.json": about})))


def test_a_damaged_model_is_not_packed(bundle: Path, tmp_path: Path) -> None:
    (store.load("one").folder / "model.onnx").write_bytes(b"x")
    with pytest.raises(CardError, match="is damaged"):
        bundle_models(tmp_path / "new.zip", ["one"])
    assert not (tmp_path / "new.zip").exists()
