"""Files to embeddings: order, errors, reduced decoding, cutouts."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from mien.pipeline import CHUNK, Analysis, Pipeline, Policy, Refused, array_item, file_item, open_pipeline, stages
from mien.recognize.recognizer import Recognizer
from mien.types import Floats, Image


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return open_pipeline(many=True)


@pytest.fixture
def folder(tmp_path: Path, collins: Image, hopper: Image) -> list[Path]:
    """More files than a chunk: two people, no face, and three kinds of rubbish."""
    paths = []
    for number in range(CHUNK + 5):
        path = tmp_path / f"{number:02d}.jpg"
        kind = number % 5
        if kind == 3:
            path.write_bytes([b"", b"rubbish", b"\xff\xd8\xff rubbish"][number % 3])
        else:
            image = [collins, hopper, np.full((80, 90, 3), 90, np.uint8), None, collins[:, ::-1].copy()][kind]
            Pillow.fromarray(image).save(path, quality=92)
        paths.append(path)
    return [*paths, tmp_path / "missing.jpg", tmp_path]


def check(analyses: list[Analysis], paths: list[Path]) -> None:
    assert [Path(analysis.name) for analysis in analyses] == paths
    for number, analysis in enumerate(analyses):
        failed = number >= CHUNK + 5 or number % 5 == 3
        assert (analysis.error is not None) is failed
        if failed:
            assert str(paths[number]) in str(analysis.error) and analysis.faces == ()
        else:
            assert (len(analysis.faces) > 0) is (number % 5 != 2)
            assert len(analysis.faces) == len(analysis.embeddings) == len(analysis.crops)
            assert (analysis.width, analysis.height) != (0, 0)


def test_results_come_in_order_and_errors_harm_no_other(pipeline: Pipeline, folder: list[Path]) -> None:
    analyses = list(pipeline.analyse(folder))
    check(analyses, folder)
    first, fifth = analyses[0], analyses[5]
    assert np.allclose(first.embeddings[0], fifth.embeddings[0], atol=0.05)


def test_one_worker_gives_the_same(folder: list[Path]) -> None:
    check(list(open_pipeline().analyse(folder)), folder)


def test_it_reads_ahead_only_a_little(pipeline: Pipeline, folder: list[Path]) -> None:
    taken = 0

    def paths() -> Iterator[Path]:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield folder[2]

    results = pipeline.analyse(paths())
    next(results)
    assert taken <= 4 * CHUNK
    results.close()  # type: ignore[attr-defined]


def test_nothing_in_nothing_out(pipeline: Pipeline) -> None:
    assert list(pipeline.analyse([])) == []


def test_large_jpegs_are_reduced_but_coordinates_are_the_files(
    pipeline: Pipeline, hopper: Image, tmp_path: Path
) -> None:
    large = np.asarray(cv2.resize(hopper, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC), np.uint8)
    Pillow.fromarray(large).save(tmp_path / "large.jpg", quality=92)
    Pillow.fromarray(hopper).save(tmp_path / "small.png")
    big, small = pipeline.analyse([tmp_path / "large.jpg", tmp_path / "small.png"])
    assert (big.width, big.height) == (hopper.shape[1] * 6, hopper.shape[0] * 6)
    assert np.abs(big.faces[0].landmarks / 6 - small.faces[0].landmarks).max() < 6
    assert np.linalg.norm(big.embeddings[0] - small.embeddings[0]) < 0.3


def test_a_small_face_in_a_large_photograph_is_cropped_from_all_its_pixels(
    pipeline: Pipeline, hopper: Image, tmp_path: Path
) -> None:
    wall = np.full((2400, 3600, 3), 120, np.uint8)
    wall[300 : 300 + hopper.shape[0], 1500 : 1500 + hopper.shape[1]] = hopper
    Pillow.fromarray(wall).save(tmp_path / "wall.jpg", quality=95)
    Pillow.fromarray(hopper).save(tmp_path / "alone.png")
    in_wall, alone = pipeline.analyse([tmp_path / "wall.jpg", tmp_path / "alone.png"])
    sharpness = [cv2.Laplacian(one.crops[0], cv2.CV_64F).var() for one in (in_wall, alone)]
    assert sharpness[0] > 0.7 * sharpness[1]
    assert np.linalg.norm(in_wall.embeddings[0] - alone.embeddings[0]) < 0.3


def test_cutouts_come_when_asked_for(pipeline: Pipeline, collins_path: Path) -> None:
    plain = next(pipeline.analyse([collins_path]))
    assert plain.cutouts == () and plain.sha256 == ""
    full = next(pipeline.analyse([collins_path], cutouts=True))
    assert len(full.cutouts) == len(full.faces) and len(full.sha256) == 64


def test_faces_without_a_recognizer(collins_path: Path) -> None:
    analysis = next(open_pipeline(recognizer=None).analyse([collins_path]))
    assert analysis.faces and len(analysis.embeddings) == 0


@pytest.mark.real
def test_concurrent_calls_do_not_mix_images(data: Path) -> None:
    """Boxes and embeddings of 64 photographs are the same whether one worker or several carry them."""
    files = sorted((data / "celeba" / "img_celeba").glob("*.jpg"))[:64]
    one, several = open_pipeline(), open_pipeline(many=True)
    for a, b in zip(one.analyse(files), several.analyse(files), strict=True):
        assert a.name == b.name and len(a.faces) == len(b.faces)
        for x, y in zip(a.faces, b.faces, strict=True):
            assert np.allclose(x.landmarks, y.landmarks, atol=2)


class _Counting:
    """A recognizer that records how many crops it is given."""

    def __init__(self, recognizer: Recognizer) -> None:
        self.template, self.size, self.counts = recognizer.template, recognizer.size, list[int]()
        self._recognizer = recognizer

    def embed(self, crops: list[Image]) -> Floats:
        self.counts.append(len(crops))
        return self._recognizer.embed(crops)


def test_the_face_that_counts_is_embedded_alone_where_that_is_asked(
    pipeline: Pipeline, collins: Image, hopper: Image
) -> None:
    """Two prominent faces, one face, none: the crops and faces stay, and the embedding that counts is the same."""
    both = np.concatenate([collins, collins[:, ::-1]], axis=1)
    items = [array_item(str(n), one) for n, one in enumerate((both, hopper, np.full((80, 90, 3), 90, np.uint8)))]
    assert pipeline.recognizer is not None
    counting = _Counting(pipeline.recognizer)
    counted = Pipeline(pipeline.detector, counting)  # type: ignore[arg-type]
    everyone = counted.analyse_chunk(items)
    assert [len(one.faces) for one in everyone] == [2, 1, 0]
    for policy, embedded in ((Policy(), [1, 1, 0]), (Policy("reject"), [0, 1, 0])):
        chosen = counted.analyse_chunk(items, only=policy)
        assert [len(one.crops) for one in chosen] == [2, 1, 0] and counting.counts[-1] == sum(embedded)
        for one, whole, count in zip(chosen, everyone, embedded, strict=True):
            assert one.embeddings.shape == whole.embeddings.shape
            known = np.isfinite(one.embeddings).all(axis=1)
            assert known.sum() == count and np.isnan(one.embeddings[~known]).all()
            assert np.allclose(one.embeddings[known], whole.embeddings[known], atol=1e-5)
            best = one.choose(policy)
            assert isinstance(best, Refused) if count == 0 else known[best]


def test_a_face_that_cannot_be_aligned_for_an_odd_reason_harms_no_other_image(
    pipeline: Pipeline, collins_path: Path, hopper_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refine = stages.refine

    def odd(found: stages.ImageFaces, *rest: object) -> stages.ImageFaces:
        if found.loaded.item.name == str(collins_path):
            raise MemoryError
        return refine(found, *rest)

    monkeypatch.setattr("mien.pipeline.pipeline.refine", odd)
    bad, good = pipeline.analyse_chunk([file_item(collins_path), file_item(hopper_path)])
    assert str(collins_path) in str(bad.error) and "memory" in str(bad.error)
    assert good.error is None and len(good.embeddings) == 1


def test_crops_that_cannot_be_embedded_harm_no_other_image(
    pipeline: Pipeline, collins_path: Path, hopper_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [file_item(collins_path), file_item(hopper_path)]
    expected = pipeline.analyse_chunk(items)
    embed = Recognizer.embed

    def odd(self: Recognizer, crops: list[Image]) -> Floats:
        if any(np.array_equal(crop, expected[0].crops[0]) for crop in crops):
            raise RuntimeError("the engine ran out of memory")
        return embed(self, crops)

    monkeypatch.setattr(Recognizer, "embed", odd)
    bad, good = pipeline.analyse_chunk(items)
    assert str(collins_path) in str(bad.error) and "the engine ran out of memory" in str(bad.error)
    assert good.error is None and np.allclose(good.embeddings, expected[1].embeddings, atol=1e-3)
