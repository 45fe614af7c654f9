"""Samples to rows of an embedding file: the same as in memory, resumed, and refused where they do not fit."""

from pathlib import Path
from stat import S_IMODE

import cv2
import numpy as np
import pyarrow.parquet
import pytest

from mien.data.manifest import tabulate
from mien.data.manifest_io import read_manifest
from mien.data.pack import Pack
from mien.data.prepare import prepare
from mien.data.sample import Sample
from mien.detect.families import open_detector
from mien.errors import ManifestError, ResumeError
from mien.evaluate import embedding
from mien.evaluate.embed import embed_set
from mien.evaluate.embedding import FaceFinder, embed_manifest, embed_pack
from mien.evaluate.scorefile import is_embedding_file, read_embedded, read_origin
from mien.evaluate.thumbnails import sample_thumbnail
from mien.models import store
from mien.pipeline import open_pipeline
from mien.progress import Progress
from mien.recognize.recognizer import Recognizer
from mien.scope import find_scopes


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
    assert S_IMODE(out.stat().st_mode) == 0o600
    for row, analysis in enumerate(open_pipeline(many=True).analyse([Path(p) for p in found.paths], cutouts=True)):
        kept, scope = found.scopes[row], find_scopes(analysis)[0]
        assert kept is not None and kept.outside == scope.outside
        assert dict(kept.values) == pytest.approx(dict(scope.values), abs=1e-3, rel=1e-3)


def test_no_scope_is_measured_where_the_setting_ignores_it(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_SCOPE", "ignore")
    found = embed_set(people, tmp_path / "e.parquet", recognizer="dlib-resnet")
    assert found.scopes == (None,) * 3


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


def test_what_a_manifest_knows_is_kept_and_paths_are_absolute(people: Path, tmp_path: Path) -> None:
    """Old statuses of a manifest are not taken for those of the embedding."""
    samples = [
        Sample(people / "Collins/1.png", "Collins", known={"sex": "female", "status": "old", "detail": "old"}),
        Sample(people / "Nobody/1.png", "Nobody", known={"sex": "male", "status": "old", "detail": "old"}),
    ]
    out = tmp_path / "e.parquet"
    found = embed_manifest(tabulate(samples, people, "two"), out, finder(), network_of("dlib-resnet"))
    assert found.paths == (str(people / "Collins/1.png"),) and found.strata["sex"] == ("female",)
    rows = pyarrow.parquet.read_table(out).to_pylist()
    assert [row["status"] for row in rows] == ["written", "no face"] and rows[0]["detail"] == ""
    assert [row["sex"] for row in rows] == ["female", "male"]
    assert [Path(row["path"]) for row in rows] == [people / "Collins/1.png", people / "Nobody/1.png"]
    assert len(rows[0]["embedding"]) == 128 and rows[1]["embedding"] is None


def test_one_of_two_prominent_faces_is_taken_or_the_image_refused(people: Path, tmp_path: Path) -> None:
    image = cv2.imread(str(people / "Collins/1.png"))
    cv2.imwrite(str(tmp_path / "twins.png"), np.concatenate([image, image[:, ::-1]], axis=1))
    manifest = tabulate([Sample(tmp_path / "twins.png", "An")], tmp_path, "twins")
    assert len(embed_manifest(manifest, tmp_path / "e.parquet", finder(), network_of("dlib-resnet"))) == 1
    with pytest.raises(ManifestError, match="no sample has an embedding"):
        embed_manifest(manifest, tmp_path / "f.parquet", finder(), network_of("dlib-resnet"), multiple_faces="reject")


def test_an_interrupted_pack_goes_on(
    people: Path, network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "PART", 2)
    prepare(read_manifest(people), tmp_path / "pack")
    pack, out = Pack(tmp_path / "pack"), tmp_path / "e.parquet"

    def interrupt(step: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_pack(pack, out, network_of(network), on_progress=interrupt)
    seen: list[Progress] = []
    found = embed_pack(pack, out, network_of(network), on_progress=seen.append)
    assert [(step.done, step.total) for step in seen] == [(3, 3)], "the first part was not done again"
    once = embed_pack(pack, tmp_path / "once.parquet", network_of(network))
    assert found.names == once.names and np.allclose(found.embeddings, once.embeddings, atol=1e-6)
    assert found.records == (0, 1, 2) and {Path(name).name for name in found.names} == {"1.png", "2.png"}
