"""Which levels of MTCNN's pyramid have to be looked at for the face that an image was taken of.

The finest level is half of P-Net's work and finds the smallest faces, which matter only where no larger one is
there: a rival has 0.6 of the prominence of the subject, and prominence is at most the side of the box. So coarse
levels come first, and finer ones follow as far as the face that was found leaves room for a rival. Where no face is
sure, or two are rivals, all levels are looked at. What is looked at depends on the image alone. Runs no network.
"""

from collections.abc import Sequence

from mien.detect.mtcnn_pyramid import WINDOW, Level
from mien.detect.prominence import most_prominent, prominence
from mien.types import Faces, Image

FIRST = 1 / 6
"""Side of the smallest window of the first look over the shorter side of the image."""
SURE = 0.9
"""Score from which a face can be the subject without a look at finer levels, as in mien.detect.turning."""
ROOM = 0.45
"""Side of the smallest window that is looked at, over the prominence of the subject. A rival has 0.6 of it, and
windows that are somewhat smaller than a face take part in placing it. With these values, 620 photographs have the
same subjects in the same places as after a look at everything; with 0.6, or a first look from a fourth on, landmarks
of up to 3% of them move (docs/log.md)."""


def first_levels(levels: Sequence[Level], image: Image) -> list[Level]:
    """The levels of the first look, finest first; at least the coarsest one.

    Args:
        levels: of the image, finest first.
        image: (H, W, 3) uint8 RGB.
    """
    smallest = FIRST * min(image.shape[:2])
    return [level for level in levels if _window(level, image) >= smallest] or list(levels[-1:])


def further_levels(finer: Sequence[Level], faces: Faces, image: Image) -> list[Level]:
    """The finer levels that have to be looked at as well; none where the subject and its rivals are known.

    Args:
        finer: the levels of the image that were not looked at, finest first.
        faces: that were found on the others, in pixels of the image.
        image: (H, W, 3) uint8 RGB.
    """
    if not faces:
        return list(finer)
    height, width = image.shape[:2]
    best, rival = most_prominent(faces, width, height)
    if rival or faces[best].score < SURE:
        return list(finer)
    smallest = ROOM * prominence(faces[best], width, height)
    return [level for level in finer if _window(level, image) >= smallest]


def _window(level: Level, image: Image) -> float:
    """Side of P-Net's window on a level, in pixels of the image."""
    height, width = image.shape[:2]
    return float(WINDOW * max(height, width) / max(level.width, level.height))
