"""Imports: what is written and counted, and sets that need no import."""

from pathlib import Path

import pytest

from mien.data.bins import read_bin
from mien.data.importing import SHOWN, import_set, read_set
from mien.data.manifest_io import read_manifest
from mien.errors import ManifestError
from mien.progress import Progress


def folder_with(root: Path, people: int, empty: int) -> Path:
    for number in range(people):
        (root / f"s{number}").mkdir(parents=True)
        (root / f"s{number}" / "1.jpg").write_bytes(b"x")
    for number in range(empty):
        (root / f"t{number}").mkdir()
    return root


def test_all_problems_are_counted_and_the_first_ones_kept(tmp_path: Path) -> None:
    points: list[Progress] = []
    done = import_set(folder_with(tmp_path / "set", 3, 45), tmp_path / "m.csv", on_progress=points.append)
    assert (done.source, done.rows, done.subjects, done.problems) == ("folders", 3, 3, 45)
    assert len(done.shown) == SHOWN == 40 and done.shown[0].where.endswith("t0") and done.files == ()
    assert done.manifest == tmp_path / "m.csv" and read_manifest(done.manifest).subjects == ["s0", "s1", "s2"]
    assert points[-1] == Progress(stage="reading", done=48, total=None)


def test_nothing_is_written_without_a_usable_row(tmp_path: Path) -> None:
    for name in ("t0", "t1"):
        (tmp_path / "set" / name).mkdir(parents=True)
    with pytest.raises(ManifestError, match=r"no usable sample, read as folders; .*2 problems.*the first: .*t0: the"):
        import_set(tmp_path / "set", tmp_path / "m.csv", source="folders")
    assert not (tmp_path / "m.csv").exists()


def test_a_manifests_ending_is_checked_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"a manifest's name ends in \.csv or \.parquet"):
        import_set(tmp_path / "gone", tmp_path / "m.txt")


def test_images_inside_one_file_are_copied_next_to_what_is_made(tmp_path: Path) -> None:
    import pickle

    (tmp_path / "own.bin").write_bytes(pickle.dumps(([b"a", b"b"], [True]), protocol=2))
    done = import_set(tmp_path / "own.bin", tmp_path / "out" / "m.parquet")
    assert done.files == (tmp_path / "out" / "m.rec", tmp_path / "out" / "m.pairs.csv")
    assert all(path.is_file() for path in done.files) and done.rows == 2
    made = read_set(tmp_path / "own.bin", tmp_path / "e.parquet")
    assert len(made) == len(read_bin(tmp_path / "own.bin").images) and (tmp_path / "e.rec").is_file()
    assert read_set(folder_with(tmp_path / "set", 2, 0), tmp_path / "f.parquet").subjects == ["s0", "s1"]
    assert not (tmp_path / "f.rec").exists()
