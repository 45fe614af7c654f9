"""What an album says of itself."""

from collections.abc import Callable
from pathlib import Path

from mien.cluster.album import Album
from mien.cluster.grouping import group_faces
from mien.cluster.strictness import Strictness
from mien.models import store


def test_counts_add_up(crowd: Callable, strict: Strictness, tmp_path: Path) -> None:
    people = crowd([4, 3, 1])
    album = Album(
        faces=tuple(people.faces),
        grouping=group_faces(people.faces, people.images, "l2", strict, doubts=[()] * 8),
        images=11,
        without_face=2,
        without_pose=1,
        failed={"x.jpg": "x.jpg is broken"},
        threshold=store.load("dlib-resnet").card.threshold(1e-3),
        group="everybody",
        made_with={},
        out=tmp_path,
        found=11,
    )
    assert album.counts == {
        "images": 11, "images without a face": 2, "images that failed": 1, "faces": 8, "faces without a pose": 1,
        "groups": 2, "faces in groups": 7, "unassigned faces": 1,
    }  # fmt: skip
