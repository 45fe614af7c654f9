"""Embeddings on disk: the same as in memory, resumed, and refused where they cannot be used."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data.manifest import tabulate
from mien.data.manifest_io import read_manifest
from mien.data.pack import Pack
from mien.data.prepare import prepare
from mien.data.sample import Sample
from mien.detect.families import open_detector
from mien.errors import ContractError, ManifestError, ResumeError
from mien.evaluate import embedding
from mien.evaluate.embed import embed_set, embedded_set, is_cached
from mien.evaluate.embedding import FaceFinder, embed_manifest
from mien.evaluate.scorefile import (
    Origin,
    is_embedding_file,
    read_embedded,
    read_origin,
    require_same_contract,
)
from mien.evaluate.thumbnails import sample_thumbnail
from mien.library.import_model import ModelHints, import_model
from mien.models import store
from mien.pipeline import open_pipeline
from mien.progress import Progress
from mien.recognize.recognizer import Recognizer
from mien.types import Image


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory, collins: Image, hopper: Image) -> Path:
    root = tmp_path_factory.mktemp("people")
    pictures = {"Collins/1": collins, "Collins/2": collins[:400, 60:460], "Hopper/1": hopper}
    for name, image in {**pictures, "Nobody/1": np.full((90, 80, 3), 99, np.uint8)}.items():
        (root / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(root / f"{name}.png"), image[:, :, ::-1])
    return root


@pytest.fixture(scope="module")
def network(make_recognizer: Callable[..., bytes]) -> str:
    """A small recognizer of 112 pixels, which takes crops of a pack."""
    return str(store.save(*import_model(make_recognizer(), "tiny-112", ModelHints(colour="RGB"))).folder)


def finder() -> FaceFinder:
    return FaceFinder("mtcnn", open_detector("mtcnn"))


def network_of(name: str) -> Recognizer:
    return Recognizer(store.load(name))


def test_the_file_holds_what_the_pipeline_gives(people: Path, tmp_path: Path) -> None:
    out = tmp_path / "e.parquet"
    seen: list[Progress] = []
    found = embed_set(people, out, detector="mtcnn", recognizer="dlib-resnet", on_progress=seen.append)
    assert [(step.done, step.total) for step in seen] == [(0, 4), (4, 4)]
    again = read_embedded(out)
    assert again.paths == found.paths and (again.embeddings == found.embeddings).all()
    assert len(found) == 3 and found.attempts == 4 and dict(found.failed) == {"no face": 1}
    assert found.failures[0][0].endswith("Nobody/1.png") and found.failures[0][1] == "no face"
    assert found.subjects == ("Collins", "Collins", "Hopper")
    analyses = open_pipeline(many=True).analyse([Path(path) for path in found.paths])
    for row, analysis in zip(found.embeddings, analyses, strict=True):
        assert np.linalg.norm(row - analysis.embeddings[0]) < 0.02
    assert np.linalg.norm(found.embeddings[0] - found.embeddings[1]) < np.linalg.norm(
        found.embeddings[0] - found.embeddings[2]
    )
    assert found.origin.contract == store.load("dlib-resnet").card.contract
    assert read_origin(out).source == str(people) and is_embedding_file(out)
    assert not out.with_name("e.parquet.parts").exists()


def test_an_interrupted_embedding_goes_on(people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "PART", 2)
    monkeypatch.setattr(embedding, "CHUNK", 1)
    out = tmp_path / "e.parquet"

    def interrupt(step: Progress) -> None:
        if step.done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_set(people, out, recognizer="dlib-resnet", on_progress=interrupt)
    assert not out.exists()
    with pytest.raises(ResumeError, match="was begun with a different rows"):
        embed_manifest(read_manifest(people).take([0]), out, finder(), network_of("dlib-resnet"))
    with pytest.raises(ResumeError, match="was begun with a different multiple_faces"):
        embed_set(people, out, recognizer="dlib-resnet", multiple_faces="reject")
    seen: list[Progress] = []
    two = embed_set(people, out, recognizer="dlib-resnet", on_progress=seen.append)
    assert [step.done for step in seen] == [2, 3, 4], "the first part was not done again"
    one = embed_set(people, tmp_path / "once.parquet", recognizer="dlib-resnet")
    assert one.paths == two.paths and np.abs(one.embeddings - two.embeddings).max() < 1e-6


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


def test_a_pack_is_embedded_as_it_is(people: Path, network: str, tmp_path: Path) -> None:
    prepare(read_manifest(people), tmp_path / "pack")
    pack = Pack(tmp_path / "pack")
    found = embed_set(pack.folder, tmp_path / "e.parquet", recognizer=network)
    assert len(found) == 3 and found.origin.detector == ""
    assert [found.subjects[i] for i in range(3)] == [pack.subjects[label] for label in pack.labels]
    assert sample_thumbnail(found.paths[0], found.records[0]) is not None, "its pictures are the crops"
    with pytest.raises(
        ManifestError, match=r"holds arcface crops of 112 pixels, dlib-resnet takes dlib crops of 150"
    ):
        embed_set(pack.folder, tmp_path / "f.parquet", recognizer="dlib-resnet")


def test_two_contracts_are_not_mixed() -> None:
    one, two = (
        Origin(contract=c, model=f"model-{c}", metric="cosine", normalized=True, detector="", source=f"set-{c}")
        for c in "ab"
    )
    require_same_contract(one, one)
    with pytest.raises(ContractError, match=r"set-a was embedded with model-a .* cannot be compared"):
        require_same_contract(one, two)


def test_nothing_to_embed_and_wrong_names(people: Path, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="has no rows"):
        embed_manifest(tabulate([], tmp_path, "empty"), tmp_path / "e.parquet", finder(), network_of("dlib-resnet"))
    with pytest.raises(ManifestError, match=r"ends in \.parquet"):
        embed_set(people, tmp_path / "e.npz", recognizer="dlib-resnet")


def test_all_broken_is_still_accounted_for(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"rubbish")
    manifest = tabulate([Sample(tmp_path / "a.jpg", "An")], tmp_path, "x")
    with pytest.raises(ManifestError, match="no sample has an embedding"):
        embed_manifest(manifest, tmp_path / "e.parquet", finder(), network_of("dlib-resnet"))
    with pytest.raises(ManifestError, match="no sample has an embedding"):
        read_embedded(tmp_path / "e.parquet")
