"""Which models and which cache embed a set."""

from pathlib import Path

import pytest

from mien.data.manifest_io import read_manifest
from mien.data.prepare import prepare
from mien.errors import ContractError, ModelError
from mien.evaluate import embed
from mien.evaluate.embed import embed_set, embedded_set, is_cached
from mien.evaluate.scorefile import read_origin
from mien.models import store
from mien.progress import Progress


def test_embeddings_are_reused_only_for_the_same_set_and_models(people: Path, network: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache.parquet"
    made = embedded_set(people, cache, recognizer="dlib-resnet")
    assert is_cached(cache, people, "mtcnn", "dlib-resnet")
    for others in (
        (people.parent, "mtcnn", "dlib-resnet"),
        (people, "yunet", "dlib-resnet"),
        (people, "mtcnn", network),
    ):
        assert not is_cached(cache, *others)
    seen: list[Progress] = []
    reused = embedded_set(people, cache, recognizer="dlib-resnet", on_progress=seen.append)
    assert not seen and (reused.embeddings == made.embeddings).all()
    assert embedded_set(cache, tmp_path / "unused.parquet").paths == made.paths
    with pytest.raises(ContractError, match=r"was embedded with dlib-resnet .*omit --recognizer"):
        embedded_set(cache, tmp_path / "unused.parquet", recognizer=network)


def test_models_that_are_not_named_are_those_of_the_settings(
    people: Path, network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_DETECTOR", "haar")
    monkeypatch.setenv("MIEN_RECOGNIZER", network)
    card = store.load(network).card
    for make in (embed_set, embedded_set):
        out = tmp_path / f"{make.__name__}.parquet"
        make(people, out)
        assert (read_origin(out).detector, read_origin(out).model) == ("haar", card.name)
        assert read_origin(out).contract == card.contract and is_cached(out, people, "haar", network)


def test_a_pack_needs_no_detector(
    people: Path, network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("a detector was opened")

    prepare(read_manifest(people), tmp_path / "pack")
    monkeypatch.setattr(embed, "open_detector", refuse)
    assert len(embed_set(tmp_path / "pack", tmp_path / "e.parquet", detector="nothere", recognizer=network)) == 3
    with pytest.raises(AssertionError, match="a detector was opened"):
        embed_set(people, tmp_path / "f.parquet", recognizer=network)


def test_a_model_that_is_not_there_is_named_before_anything_is_written(people: Path, tmp_path: Path) -> None:
    for models in ({"detector": "nothere"}, {"recognizer": "nothere"}):
        with pytest.raises(ModelError, match="no model 'nothere'"):
            embed_set(people, tmp_path / "e.parquet", **models)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_does_not_hold_embeddings_is_not_a_cache(people: Path, tmp_path: Path) -> None:
    assert not is_cached(tmp_path / "gone.parquet", people, "mtcnn", "dlib-resnet")
    (tmp_path / "e.parquet").write_bytes(b"rubbish")
    assert not is_cached(tmp_path / "e.parquet", people, "mtcnn", "dlib-resnet")


def test_an_embedding_file_is_read_where_its_own_recognizer_is_named(
    people: Path, network: str, tmp_path: Path
) -> None:
    made = embed_set(people, tmp_path / "e.parquet", detector="mtcnn", recognizer=network)
    again = embedded_set(tmp_path / "e.parquet", tmp_path / "unused.parquet", recognizer=network)
    assert again.paths == made.paths and (again.embeddings == made.embeddings).all()
    assert not (tmp_path / "unused.parquet").exists()
