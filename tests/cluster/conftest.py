"""What the tests of groups share: people at random places of a space, with faces around each of them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from mien.cluster.album import Album
from mien.cluster.faces import AlbumFace
from mien.cluster.grouping import group_faces
from mien.cluster.strictness import Strictness
from mien.gallery.rate_curve import RateCurve
from mien.models import store
from mien.rates import Indices
from mien.scope import Doubt, Scope
from mien.thumbnail import small_jpeg
from mien.types import Floats, floats


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """Made-up faces: their embeddings, who they are of, and the image of each."""

    embeddings: Floats
    owner: Indices
    images: Indices

    @property
    def faces(self) -> list[AlbumFace]:
        return [
            AlbumFace(
                image=f"/album/{image:04d}.jpg",
                place=0,
                box=(1.0, 2.0, 80.0, 100.0),
                scope=Scope({"size": 98.0}, ()),
                jpeg=b"\xff\xd8jpeg",
                embedding=vector,
            )
            for image, vector in zip(self.images.tolist(), self.embeddings, strict=True)
        ]


@pytest.fixture(scope="session")
def crowd() -> Callable[..., People]:
    """Makes people with some faces each, shuffled, one image per face."""

    def make(sizes: list[int], spread: float = 0.05, dimension: int = 32, seed: int = 0) -> People:
        generator = np.random.default_rng(seed)
        owner = np.repeat(np.arange(len(sizes)), sizes)
        centres = generator.normal(size=(len(sizes), dimension)) / np.sqrt(dimension)
        vectors = centres[owner] + generator.normal(0, spread, (len(owner), dimension))
        order = generator.permutation(len(owner))
        return People(floats(vectors[order]), owner[order].astype(np.int64), np.arange(len(owner), dtype=np.int64))

    return make


@pytest.fixture(scope="session")
def strict() -> Strictness:
    """Faces of one person are less than 0.5 apart, those of two about 1.4, with a spread of 0.12."""
    curve = RateCurve((2.0, 7.0), (1.16, 0.56))
    return Strictness(found_fmr=1e-7, found=0.6, join_fmr=1e-6, join=0.7, curve=curve)


DOUBT = Doubt(code="mask", value=0.9, rate=None, holds=False, fmr=None)


@pytest.fixture
def album(crowd: Callable, strict: Strictness, tmp_path: Path) -> Album:
    people = crowd([30, 4, 1])
    jpeg = small_jpeg(np.full((300, 260, 3), 90, np.uint8), 300)
    faces = [replace(face, jpeg=jpeg) for face in people.faces]
    first = int(np.flatnonzero(people.owner == 0)[0])
    faces[first] = replace(faces[first], image="/album/=<b>1.jpg")
    doubts: list[tuple[Doubt, ...]] = [()] * 35
    doubts[first] = (DOUBT,)
    return Album(
        faces=tuple(faces),
        grouping=group_faces(faces, people.images, "l2", strict, doubts=doubts),
        images=36,
        without_face=0,
        without_pose=0,
        failed={"x": "<i>x</i> is broken"},
        threshold=store.load("dlib-resnet").card.threshold(1e-3),
        group="everybody",
        made_with={"mien": "1"},
        out=tmp_path / "out",
        found=36,
    )
