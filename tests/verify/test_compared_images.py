"""What is known of an image survives a file, and what cannot be compared says why."""

from collections.abc import Callable

import numpy as np
import pytest

from mien.gallery.scoping import measured
from mien.gallery.verification import ONE_FACE
from mien.messages import Message
from mien.pipeline import Item, array_item, bytes_item, open_pipeline
from mien.scope import Scope
from mien.types import Image
from mien.verify.compared_images import ComparedImage, as_row, compared_image, from_row


def compared(items: list[Item]) -> list[ComparedImage]:
    pipeline = open_pipeline()
    analyses = pipeline.analyse(items, cutouts=True, only=ONE_FACE)
    return [compared_image(one, (5, 6)) for one in measured(analyses, "warn", 1, ONE_FACE)]


def test_an_image_with_and_one_without_a_face(collins: Image, hopper: Image) -> None:
    both = np.concatenate([collins, hopper[:512]], axis=1)
    wall = np.full((90, 120, 3), 130, np.uint8)
    items = [array_item("both", both), array_item("wall", wall), bytes_item("rubbish", b"rubbish")]
    found, empty, broken = compared(items)
    assert found.others == 1 and found.box is not None and found.box[0] > 512, "the larger of two faces"
    assert found.embedding is not None and np.isfinite(found.embedding).all() and found.embedding.shape == (128,)
    assert found.scope is not None and found.jpeg.startswith(b"\xff\xd8") and found.problem is None
    assert empty.problem == Message("verify.no-face.no-face") and empty.embedding is None and not empty.jpeg
    assert isinstance(broken.problem, str) and "rubbish" in broken.problem


def test_a_sideways_face_is_upright_in_the_page(collins: Image) -> None:
    import simplejpeg

    upright, sideways = compared([array_item("a", collins), array_item("b", np.rot90(collins, 1).copy())])
    a, b = (simplejpeg.decode_jpeg(one.jpeg).astype(float).mean(axis=(1, 2)) for one in (upright, sideways))
    assert np.corrcoef(a, np.interp(np.linspace(0, 1, len(a)), np.linspace(0, 1, len(b)), b))[0, 1] > 0.9


@pytest.mark.parametrize("problem", [None, "x.jpg is broken", Message("verify.no-face.no-face")])
def test_a_row_gives_the_image_back(problem: object, made_image: Callable) -> None:
    scope = Scope({"size": 41.0}, ("size",))
    image = made_image("a.jpg", 30, problem=problem, others=2, ambiguous=True, scope=scope, jpeg=b"abc")
    back = from_row(as_row(image))
    assert back.embedding is not None and np.array_equal(back.embedding, image.embedding)
    for name in ("path", "stamp", "sha256", "problem", "box", "others", "ambiguous", "scope", "jpeg"):
        assert getattr(back, name) == getattr(image, name), name
    stripped = from_row(as_row(image.without_embedding()))
    assert stripped.embedding is None and stripped.box == image.box
