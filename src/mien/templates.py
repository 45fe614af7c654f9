"""The poses that recognizers were trained on: where the points of a face are in a crop. Moves no pixels.

A new pose is one function and one line in TEMPLATES; cards, options and recipes take its name from there.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mien.errors import CardError
from mien.types import Floats, floats

ARCFACE_112 = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    np.float32,
)
"""Five points of the 112x112 pose that ArcFace, CurricularFace, AdaFace and SFace were trained on."""

DLIB_UNIT = np.array([[0.2273, 0.2214], [0.7528, 0.2212], [0.4901, 0.6278]], np.float32)
"""Eye centres and base of the nose of dlib's mean face, in units of the unpadded chip (dlib/image_transforms
/interpolation.h, get_face_chip_details)."""

DLIB_PADDING = 0.25
"""The padding that dlib's metric network was trained with, in units of the unpadded chip."""

DLIB_FROM_FIVE = np.array(
    [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0.654, 0.173, 0.173]],
    np.float32,
)
"""Rows that make dlib's three points out of five landmarks: its base of the nose is between the tip and the
middle of the mouth, 0.654 to 0.346."""


@dataclass(frozen=True, eq=False)
class Template:
    """Where the points of a face are in a crop of a given size.

    Attributes:
        points: (K, 2) float32 pixels in the crop.
        mixing: (K, 5) float32; row k gives the weights of the five landmarks that make point k.
    """

    points: Floats
    mixing: Floats


def arcface_template(size: int) -> Template:
    """The ArcFace pose for a square crop of `size` pixels.

    Multiples of 112 scale the 112 template; multiples of 128 scale it too and shift x by 8/128 of the
    size, as insightface/utils/face_align.py does.
    """
    if size % 112 == 0:
        return Template(ARCFACE_112 * np.float32(size / 112), np.eye(5, dtype=np.float32))
    if size % 128 == 0:
        ratio = np.float32(size / 128)
        return Template(ARCFACE_112 * ratio + floats([8, 0]) * ratio, np.eye(5, dtype=np.float32))
    raise CardError(f"the arcface template is defined for multiples of 112 and 128 pixels, not for {size}")


def dlib_template(size: int) -> Template:
    """The pose of dlib's face chip of `size` pixels with padding 0.25."""
    points = (DLIB_UNIT + np.float32(DLIB_PADDING)) / np.float32(1 + 2 * DLIB_PADDING) * np.float32(size)
    return Template(points, DLIB_FROM_FIVE)


TEMPLATES: dict[str, Callable[[int], Template]] = {"arcface": arcface_template, "dlib": dlib_template}
"""By name: the pose in a square crop of a given size in pixels."""
