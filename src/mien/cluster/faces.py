"""A face of an album, and the image that it is in; and the same as rows of a table. Compares nothing."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.data.stored_paths import as_stored, stored_path
from mien.data.work_folder import Stamp
from mien.gallery.scoping import Scoped
from mien.scope import Scope
from mien.thumbnail import small_jpeg
from mien.types import Floats, floats

LONGEST = 360
"""Pixels along the longer side of a kept face with its surroundings; see mien.align.cut_out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AlbumFace:
    """One face of one image.

    Attributes:
        image: the path of the image.
        place: of the face among those of the image, the best first, from 0.
        box: x1, y1, x2, y2 in pixels of the image.
        scope: whether measured rates hold for it; None where the policy ignores that.
        jpeg: the face with its surroundings, upright.
        embedding: (D,) float32.
    """

    image: str
    place: int
    box: tuple[float, float, float, float]
    scope: Scope | None
    jpeg: bytes
    embedding: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AlbumImage:
    """One image with its faces.

    Attributes:
        path: the file.
        stamp: of the file before it was read.
        problem: why it could not be read; empty where it could.
        without_pose: faces whose landmarks fix no pose, so that they have no embedding.
        faces: all others.
    """

    path: str
    stamp: Stamp
    problem: str = ""
    without_pose: int = 0
    faces: tuple[AlbumFace, ...] = ()


def album_image(scoped: Scoped, stamp: Stamp) -> AlbumImage:
    """The faces of an image that was analysed with cutouts."""
    analysis = scoped.analysis
    scopes = scoped.scopes or (None,) * len(analysis.faces)
    parts = zip(analysis.faces, analysis.cutouts, scopes, analysis.embeddings, strict=True) if analysis.faces else ()
    faces = []
    for place, (face, cutout, scope, embedding) in enumerate(parts):
        x1, y1, x2, y2 = (round(float(edge), 1) for edge in face.box.corners)
        upright = np.ascontiguousarray(np.rot90(cutout.image, -(face.turn // 90)))
        faces.append(
            AlbumFace(
                image=analysis.name,
                place=place,
                box=(x1, y1, x2, y2),
                scope=scope,
                jpeg=small_jpeg(upright, LONGEST),
                embedding=np.asarray(embedding, np.float32),
            )
        )
    return AlbumImage(
        path=analysis.name,
        stamp=stamp,
        problem=analysis.error or "",
        without_pose=len(analysis.unaligned),
        faces=tuple(faces),
    )


def as_rows(image: AlbumImage) -> Iterator[dict[str, Any]]:
    """An image as rows: one for itself, and one for each face; see from_rows."""
    known = {"problem": image.problem, "without_pose": image.without_pose}
    shared = {"path": as_stored(image.path), "bytes": image.stamp[0], "changed": image.stamp[1]}
    yield {**shared, "place": -1, "known": json.dumps(known), "jpeg": None, "embedding": None}
    for face in image.faces:
        scope = None if face.scope is None else [dict(face.scope.values), face.scope.outside]
        yield {
            **shared,
            "place": face.place,
            "known": json.dumps({"box": face.box, "scope": scope}),
            "jpeg": face.jpeg,
            "embedding": face.embedding.tolist(),
        }


def from_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[AlbumImage]:
    """The images that as_rows wrote, in the order of their rows."""
    head: Mapping[str, Any] | None = None
    faces: list[AlbumFace] = []
    for row in rows:
        if row["place"] >= 0:
            faces.append(_face(row))
            continue
        if head is not None:
            yield _image(head, faces)
        head, faces = row, []
    if head is not None:
        yield _image(head, faces)


def _image(row: Mapping[str, Any], faces: Iterable[AlbumFace]) -> AlbumImage:
    known = json.loads(row["known"])
    stamp = row["bytes"], row["changed"]
    return AlbumImage(path=stored_path(row["path"]), stamp=stamp, faces=tuple(faces), **known)


def _face(row: Mapping[str, Any]) -> AlbumFace:
    known = json.loads(row["known"])
    x1, y1, x2, y2 = known["box"]
    return AlbumFace(
        image=stored_path(row["path"]),
        place=row["place"],
        box=(x1, y1, x2, y2),
        scope=None if known["scope"] is None else Scope(known["scope"][0], tuple(known["scope"][1])),
        jpeg=row["jpeg"] or b"",
        embedding=floats(row["embedding"]),
    )
