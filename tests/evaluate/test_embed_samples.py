"""Samples embedded in another process, or only cropped there: the same rows as here."""

from pathlib import Path

import numpy as np
import pytest

from mien.data.manifest_io import read_manifest
from mien.evaluate import embed, embedding
from mien.evaluate.embed import embed_set
from mien.evaluate.embed_samples import CropWork, crop_elsewhere, crops_for, embed_crops
from mien.evaluate.embedding import Readers
from mien.models import store
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.progress import Progress
from mien.recognize.recognizer import Recognizer
from mien.types import Floats, Image


class Watched(Recognizer):
    """A recognizer that remembers how many crops it was given at a time, as if a GPU ran it."""

    def embed_with_norms(self, crops: list[Image]) -> tuple[Floats, Floats]:
        self.calls.append(len(crops))
        return super().embed_with_norms(crops)


def watched(name: str, batch: int) -> Watched:
    network = Watched(store.load(name))
    network.batch, network.on_gpu, network.calls = batch, True, []
    return network


def test_crops_of_several_images_are_embedded_together_in_their_places(people: Path, network: str) -> None:
    one = watched(network, 256)
    samples = list(read_manifest(people).samples([0, 1, 2, 3]))
    work = CropWork("mtcnn", crops_for(one, "largest", True), DEFAULT_OPTIONS)
    rows = embed_crops(one, [crop_elsewhere(work, samples[:3]), crop_elsewhere(work, samples[3:])])
    assert one.calls == [3] and [row["status"] for row in rows].count("written") == 3
    for sample, row in zip(samples, rows, strict=True):
        (alone,) = embed_crops(one, [crop_elsewhere(work, [sample])])
        assert (row["embedding"] is None) == (row["status"] == "no face")
        if row["embedding"] is not None:
            assert np.abs(row["embedding"] - alone["embedding"]).max() < 1e-5
            assert (
                row["norm"] == pytest.approx(alone["norm"], rel=1e-5) and len(row["scope"]) == len(alone["scope"]) > 0
            )


@pytest.mark.parametrize(("batch", "calls"), [(2, [2, 1]), (256, [3]), (1, [1, 1, 0, 1])])
def test_next_to_a_gpu_crops_wait_until_a_batch_is_full(
    people: Path, network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int, calls: list[int]
) -> None:
    """One image per chunk; the image without a face gives no crop."""
    one = watched(network, batch)
    monkeypatch.setattr(embedding, "CHUNK", 1)
    monkeypatch.setattr(embed, "Recognizer", lambda *given: one)
    seen = list[Progress]()
    found = embed_set(people, tmp_path / "e.parquet", recognizer=network, workers=1, on_progress=seen.append)
    assert sorted(one.calls) == sorted(calls) and len(found) == 3 and dict(found.failed) == {"no face": 1}
    assert [step.done for step in seen][-1] == 4


def test_processes_next_to_a_gpu_find_faces_on_the_processor(network: str) -> None:
    one = watched(network, 256)
    asked = EngineOptions(engine="onnxruntime")
    readers = embed._readers("mtcnn", one, asked, None)
    assert readers is not None and readers.count >= 1 and readers.options.engine == "openvino"
    one.on_gpu = False
    assert embed._readers("mtcnn", one, asked, None) is None
    assert embed._readers("mtcnn", one, asked, 3) == Readers(3, "mtcnn", asked)


@pytest.mark.slow
def test_processes_that_crop_write_the_same_file_on_onnx_runtime(people: Path, network: str, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the extra [onnxruntime] is not installed")
    engine = EngineOptions(engine="onnxruntime")
    made = {
        count: embed_set(people, tmp_path / f"{count}.parquet", recognizer=network, engine=engine, workers=count)
        for count in (None, 1, 2)
    }
    assert made[1].embeddings.tobytes() == made[2].embeddings.tobytes()
    assert (tmp_path / "1.parquet").read_bytes() == (tmp_path / "2.parquet").read_bytes()
    assert made[None].paths == made[2].paths and len(made[2]) == 3
    assert np.abs(made[None].embeddings - made[2].embeddings).max() < 1e-5
