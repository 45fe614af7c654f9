"""Packs in other formats."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mien.data.export import export_folders, export_recordio
from mien.data.pack import Pack
from mien.data.sources import recordio_pack
from mien.errors import ManifestError
from mien.progress import Progress

MakePack = Callable[[Path, int, int], Pack]


def test_a_pack_goes_out_as_recordio_and_comes_back(tmp_path: Path, make_pack: MakePack) -> None:
    pack = make_pack(tmp_path / "p", 30, 4)
    points: list[Progress] = []
    export_recordio(pack, tmp_path / "rec", on_progress=points.append)
    assert [point.done for point in points] == list(range(1, 31)) and points[0].total == 30
    back = list(recordio_pack.read(tmp_path / "rec"))
    assert len(back) == 30
    names = (tmp_path / "rec" / "subjects.txt").read_text().split()
    from mien.data.encoded import read_encoded

    pairs = {(read_encoded(s), names[int(s.subject)]) for s in back}  # type: ignore[union-attr, arg-type]
    assert pairs == {(pack.encoded(i), pack.subjects[pack.labels[i]]) for i in range(30)}
    with pytest.raises(ManifestError, match="is not empty"):
        export_recordio(pack, tmp_path / "rec")


def test_a_pack_goes_out_as_folders(tmp_path: Path, make_pack: MakePack) -> None:
    pack = make_pack(tmp_path / "p", 12, 3)
    export_folders(pack, tmp_path / "f")
    assert sorted(path.name for path in (tmp_path / "f").iterdir()) == ["s0", "s1", "s2"]
    assert (tmp_path / "f" / "s2" / "0000005.jpg").read_bytes() == pack.encoded(5)


def test_subjects_that_would_share_a_folder_are_refused(tmp_path: Path, make_pack: MakePack) -> None:
    pack = make_pack(tmp_path / "p", 12, 3)
    pack.subjects = ["a/b", "a:b", "c"]
    with pytest.raises(ManifestError, match="would share the folder a_b"):
        export_folders(pack, tmp_path / "f")
