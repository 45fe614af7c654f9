"""Parts of faces: read back by the stamps of their images, the later one where an image was read twice."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mien.cluster.face_parts import NAMES, known_stamps, read_parts, write_part
from mien.cluster.faces import AlbumImage
from mien.data.work_folder import open_work
from mien.errors import ResumeError


def test_an_image_that_was_read_twice_counts_as_it_is_now(tmp_path: Path, crowd: Callable) -> None:
    parts = open_work(tmp_path / "out", {"a": 1}, NAMES, "mien cluster")
    faces = crowd([1, 1]).faces
    old = AlbumImage(path=faces[0].image, stamp=(1, 1), faces=(faces[0],))
    other = AlbumImage(path=faces[1].image, stamp=(2, 2), faces=(faces[1],))
    write_part(parts, [old, other])
    write_part(parts, [replace(old, stamp=(1, 5), faces=())])
    assert known_stamps(parts) == {old.path: (1, 5), other.path: (2, 2)}
    found = {one.path: one for one in read_parts(parts, known_stamps(parts), with_jpegs=True)}
    assert found[old.path].faces == () and found[other.path].faces[0].jpeg == b"\xff\xd8jpeg"
    light = list(read_parts(parts, {other.path: (2, 2)}, with_jpegs=False))
    assert [one.path for one in light] == [other.path] and light[0].faces[0].jpeg == b""


def test_a_damaged_part_is_named_with_the_remedy(tmp_path: Path) -> None:
    parts = open_work(tmp_path / "out", {"a": 1}, NAMES, "mien cluster")
    with parts.append() as path:
        path.write_bytes(b"rubbish")
    with pytest.raises(ResumeError, match=r"part-000000\.parquet is damaged; begin again with --overwrite"):
        known_stamps(parts)
