"""Which recognizer a gallery is of, and what comparing two images does not import for that."""

import subprocess
import sys
from pathlib import Path

import pytest

from mien.gallery.identity import identity_of, recognizer_of
from mien.gallery.records import Identity
from mien.gallery.stores import create_store
from mien.models import store


def test_the_recognizer_is_the_one_asked_for_the_gallerys_or_the_settings(
    tmp_path: Path, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_store(tmp_path / "g", identity).close()
    monkeypatch.setenv("MIEN_RECOGNIZER", "from-settings")
    assert recognizer_of(tmp_path / "g", "asked") == "asked"
    assert recognizer_of(tmp_path / "g", None) == identity.model == "model-a"
    assert recognizer_of(tmp_path / "none", None) == "from-settings"


def test_an_identity_is_what_the_card_says_of_embeddings() -> None:
    card = store.load("dlib-resnet").card
    assert identity_of(card) == Identity(card.contract, "dlib-resnet", "l2", 128)


def test_comparing_two_images_imports_no_gallery_store_and_no_drawing() -> None:
    """They were a tenth of what `mien compare` took."""
    unwanted = "gallery.stores", "gallery.live_index", "data.manifest_io", "pairwise", "cli.drawing"
    names = ["onnxruntime", "openvino", *(f"mien.{name}" for name in unwanted)]
    code = f"import sys, mien.cli.compare; sys.exit(', '.join(sys.modules.keys() & {names}) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
