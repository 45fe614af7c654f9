"""Sets that a recognizer is evaluated on while it is trained: which protocol, and what is said of it."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.evaluate.report import Number  # noqa: E402
from mien.train.compute.distributed import World  # noqa: E402
from mien.train.recognizers.backbones.registry import spec_of  # noqa: E402
from mien.train.recognizers.recipe import RecognizerEvaluate  # noqa: E402
from mien.train.recognizers.validation import (  # noqa: E402
    ValidationSet,
    describe_number,
    headline_metrics,
    open_validation_set,
)

VECTORS = np.random.default_rng(0).normal(size=(48, 16)).astype(np.float32)


def open_one(path: Path, **settings: object) -> ValidationSet:
    return open_validation_set(RecognizerEvaluate(name="set", set=path, **settings), spec_of("mobilefacenet"))


@pytest.mark.parametrize(("protocol", "wanted"), [("auto", "mated"), ("impostor", "impostor")])
def test_a_pack_is_compared_with_itself(face_pack: Path, protocol: str, wanted: str) -> None:
    one = open_one(face_pack, protocol=protocol)
    assert len(one.names) == len(one.subjects) == len(list(one.crops())) == 48
    report = one.report(VECTORS, "model")
    assert report.protocol == wanted
    assert headline_metrics(report)


def test_one_sample_per_person_compares_different_people(face_pack: Path) -> None:
    one = open_one(face_pack)
    alone = ValidationSet(one.settings, one.names, tuple(f"s{number}" for number in range(48)), (), ())
    assert alone.report(VECTORS, "model").protocol == "impostor"


def test_a_bin_file_is_verified_on_its_pairs(tmp_path: Path) -> None:
    images = [cv2.imencode(".png", np.full((112, 112, 3), n, np.uint8))[1].tobytes() for n in range(40)]
    (tmp_path / "a.bin").write_bytes(pickle.dumps((images, [n % 2 == 0 for n in range(20)])))
    one = open_one(tmp_path / "a.bin")
    assert len(one.pairs) == 20 and [crop[0, 0, 0] for crop in one.crops()] == list(range(40))
    assert one.report(VECTORS[:40], "model").protocol == "verification"


def test_the_mirrored_embedding_is_added_if_the_recipe_says_so(face_pack: Path) -> None:
    def left(crops: np.ndarray) -> np.ndarray:
        return crops[:, :, :56].reshape(len(crops), -1)[:, :64].astype(np.float32)

    plain, mirrored = (open_one(face_pack, mirror=mirror).embed(left) for mirror in (False, True))
    assert not np.allclose(plain, mirrored)


def test_each_process_embeds_its_share_of_a_set(face_pack: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process embedded the set while all others waited."""

    def first(crops: np.ndarray) -> np.ndarray:
        return crops.reshape(len(crops), -1)[:, :64].astype(np.float32)

    one = open_one(face_pack)
    whole = one.embed(first)
    monkeypatch.setattr(World, "gather_rows", lambda world, rows: rows)
    shares = [one.embed(first, World(rank, 5)) for rank in range(5)]
    assert [len(share) for share in shares] == [10, 10, 10, 9, 9]
    assert np.array_equal(np.concatenate(shares), whole)


def test_numbers_are_shares_in_percent_or_have_a_unit() -> None:
    def words(number: Number, language: str = "en") -> str:
        return describe_number(number).text(language)

    assert words(Number(value=None)) == "not measured"
    assert words(Number(value=0.1234)) == words(Number(value=0.1234, low=0.1)) == "12.34%"
    assert words(Number(value=0.1, low=0.05, high=0.2)) == "10.00% (5.00 to 20.00)"
    assert words(Number(value=0.1, low=0.05, high=0.2), "vi") == "10,00% (5,00 đến 20,00)"
    assert words(Number(value=0.5, unit="cosine")) == "cosine 0.5000"
    assert words(Number(value=0.5, low=0.25, high=0.75, unit="cosine")) == "cosine 0.5000 (0.2500 to 0.7500)"
