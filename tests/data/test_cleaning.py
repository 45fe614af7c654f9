"""A cleaned pack: what is kept is the same to the byte, what is left out is listed with its reason."""

import csv
from pathlib import Path

import numpy as np
import pytest

from mien.data.cleaning import clean_pack
from mien.data.manifest import tabulate
from mien.data.pack import Pack
from mien.data.pack_check import check_pack
from mien.data.prepare import PackSettings, prepare
from mien.data.sample import Sample
from mien.data.shards import encode_crop
from mien.errors import OutputError


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    """12 crops of 3 people in shards of 5 rows, and a row whose file is not an image."""
    samples = []
    for number in range(12):
        path = tmp_path / "crops" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        crop = np.full((112, 112, 3), 20 * number, np.uint8)
        path.write_bytes(encode_crop(crop, 95))
        samples.append(Sample(path, f"s{number % 3}", aligned=True, known={"sex": "F"}))
    (tmp_path / "crops" / "bad.jpg").write_bytes(b"not an image")
    samples.append(Sample(tmp_path / "crops" / "bad.jpg", "s0", aligned=True))
    prepare(tabulate(samples, tmp_path, "set"), tmp_path / "pack", PackSettings(rows_per_shard=5))
    return Pack(tmp_path / "pack")


def test_what_is_kept_is_the_same_and_what_is_left_out_is_listed(pack: Pack, tmp_path: Path) -> None:
    reasons = {0: "80 degrees from its class, 20 from s1", 7: "too far", 11: "too far"}
    counts = clean_pack(pack, tmp_path / "clean", reasons, {"model": "m", "max_angle": 75})
    clean = Pack(tmp_path / "clean")
    assert counts == {"written": 9, "wrong label": 3, "broken": 1} and len(clean) == 9
    kept = [number for number in range(12) if number not in reasons]
    assert [clean.encoded(place) for place in range(9)] == [pack.encoded(number) for number in kept]
    assert [clean.subjects[label] for label in clean.labels] == [pack.subjects[pack.labels[n]] for n in kept]
    assert [row["sex"] for row in clean.rows()] == ["F"] * 9
    assert check_pack(clean) == ()
    assert clean.about["cleaned"] == {"model": "m", "max_angle": 75} and clean.template == pack.template
    with (tmp_path / "clean" / "rejected.csv").open(encoding="utf-8-sig") as stream:
        listed = list(csv.DictReader(stream))
    assert sorted(row["status"] for row in listed) == ["broken", *["wrong label"] * 3]
    assert "80 degrees from its class, 20 from s1" in [row["detail"] for row in listed]


def test_a_folder_that_holds_something_is_not_written_into(pack: Pack, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is there already; choose a different --out"):
        clean_pack(pack, pack.folder, {}, {})
    assert len(Pack(pack.folder)) == 12


def test_a_copy_that_fails_leaves_nothing(pack: Pack, tmp_path: Path) -> None:
    (pack.folder / f"{pack.shards[1].name}.bin").write_bytes(b"")
    with pytest.raises(Exception, match="cut off"):
        clean_pack(pack, tmp_path / "clean", {}, {})
    assert not (tmp_path / "clean").exists() and not list(tmp_path.glob(".clean*"))
