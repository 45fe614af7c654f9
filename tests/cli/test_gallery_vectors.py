"""mien gallery export, import, compare, compact, and mien doctor of a gallery, as a user types them."""

import json
from pathlib import Path

import numpy as np
import pytest

from mien.cli import run
from mien.gallery.records import Identity, NewTemplate
from mien.gallery.stores import create_store


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    path = tmp_path / "people.gallery"
    store = create_store(path, Identity("contract", "model", "cosine", 8))
    generator = np.random.default_rng(0)
    store.add([NewTemplate(f"An {n}", str(n), generator.normal(size=8).astype(np.float32), None) for n in range(5)])
    store.close()
    return path


def test_vectors_are_exported_compared_and_imported_back(
    gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "people.parquet"
    assert run(["gallery", "export", str(gallery), str(file)]) == 0
    assert "5 vectors of model" in capsys.readouterr().out
    assert run(["gallery", "compare", str(gallery), str(file)]) == 0
    assert "5 vectors here, 5 there, 0 differences" in capsys.readouterr().out
    assert run(["remove", str(gallery), "An 2"]) == 0
    capsys.readouterr()
    assert run(["gallery", "compare", str(gallery), str(file), "--json"]) == 4
    found = json.loads(capsys.readouterr().out)
    assert (found["here"], found["there"], found["differences"], found["same"]) == (4, 5, 1, False)
    assert run(["gallery", "import", str(file), str(gallery), "--vectors", "file"]) == 4
    assert run(["gallery", "compact", str(gallery)]) == 0
    assert "keeps nothing of who is erased" in capsys.readouterr().out


def test_doctor_looks_at_a_gallery(gallery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", str(gallery), "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["topic"], row["state"]) == ("vectors", "good") and "5 in" in row["detail"]


@pytest.mark.parametrize(
    ("vectors", "sentence"),
    [
        ("nowhere", "give 'file' or an address such as postgresql://"),
        ("postgresql://an:secret@host/db", "holds a password"),
        ("postgresql:///db?host=/nowhere", "cannot be reached"),
    ],
)
def test_a_wrong_place_is_one_sentence_and_moves_nothing(
    gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], vectors: str, sentence: str
) -> None:
    pytest.importorskip("pg8000", reason="PostgreSQL needs mien[postgres]")
    file = tmp_path / "people.parquet"
    run(["gallery", "export", str(gallery), str(file)])
    capsys.readouterr()
    assert run(["gallery", "import", str(file), str(gallery), "--vectors", vectors]) == 3
    error = capsys.readouterr().err
    assert sentence in " ".join(error.split()) and "secret" not in error
    assert run(["gallery", "compare", str(gallery), str(file)]) == 0


@pytest.mark.parametrize("verb", ["enrol GALLERY .", "subjects GALLERY", "gallery create GALLERY"])
def test_a_database_in_the_place_of_a_gallery_is_one_sentence_with_the_remedy(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(verb.replace("GALLERY", "postgresql://an:secret@db.example.org/mien").split()) == 3
    said = " ".join(capsys.readouterr().err.split())
    assert "keeps only the vectors of a gallery" in said and "secret" not in said
    assert "mien gallery create FILE --vectors postgresql://" in said
