"""Faces and images survive a table, one that has no face among them."""

import numpy as np

from mien.cluster.faces import AlbumFace, AlbumImage, album_image, as_rows, from_rows
from mien.gallery.scoping import measured
from mien.pipeline import array_item, bytes_item, open_pipeline
from mien.scope import Scope
from mien.types import Image, floats


def test_rows_give_the_images_back() -> None:
    scope = Scope({"size": 40.0}, ("size",))
    faces = tuple(
        AlbumFace(
            image="a\udcff.jpg",
            place=place,
            box=(1.0, 2.0, 3.0, 4.5),
            scope=one,
            jpeg=b"abc",
            embedding=floats([place, 2]),
        )
        for place, one in enumerate((scope, None))
    )
    images = [
        AlbumImage(path="a\udcff.jpg", stamp=(5, 6), faces=faces, without_pose=1),
        AlbumImage(path="b.jpg", stamp=(7, 8), problem="b.jpg is broken"),
    ]
    back = list(from_rows(row for image in images for row in as_rows(image)))
    assert [(one.path, one.stamp, one.problem, one.without_pose) for one in back] == [
        (one.path, one.stamp, one.problem, one.without_pose) for one in images
    ]
    assert back[1].faces == () and len(back[0].faces) == 2
    for old, new in zip(faces, back[0].faces, strict=True):
        assert (old.image, old.place, old.box, old.scope, old.jpeg) == (
            new.image,
            new.place,
            new.box,
            new.scope,
            new.jpeg,
        )
        assert np.array_equal(old.embedding, new.embedding)


def test_all_faces_of_an_image_are_kept(collins: Image, hopper: Image) -> None:
    both = np.concatenate([collins, hopper[:512]], axis=1)
    pipeline = open_pipeline()
    analyses = pipeline.analyse([array_item("both", both), bytes_item("rubbish", b"rubbish")], cutouts=True)
    found, broken = (album_image(one, (1, 2)) for one in measured(analyses, "warn", 1))
    assert [face.place for face in found.faces] == [0, 1] and not found.problem
    assert all(face.jpeg.startswith(b"\xff\xd8") and face.scope is not None for face in found.faces)
    left, right = sorted(face.box[0] for face in found.faces)
    assert left < 512 < right
    assert broken.problem and broken.faces == ()
