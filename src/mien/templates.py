"""The poses that recognizers were trained on: where the points of a face are in a crop. Moves no pixels.

A card names a pose, gives five points of its own as shares of width and height, or says `box:MARGIN` for a network
that was trained on boxes without alignment. A new named pose is one function and one line in TEMPLATES; cards,
options and recipes take its name from there.
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

NARROW_96X112 = floats((ARCFACE_112 - floats([8, 0])) / floats([96, 112]))
"""The same points in a crop of 96x112 pixels, as SphereFace and CosFace cut it, as shares of width and height."""

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

FivePoints = tuple[
    tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float], tuple[float, float]
]
TemplateSpec = str | FivePoints
"""What a card says: the name of a pose, `box:MARGIN`, or five points as shares of width and height."""

BOX = "box"
MIN_MARGIN, MAX_MARGIN = 0.5, 2.0
"""Limits of the square's side over the longer side of the face's box; a wider square leaves the stored portraits."""


@dataclass(frozen=True, eq=False)
class PointsTemplate:
    """Where the points of a face are in a crop of a given size.

    Attributes:
        points: (K, 2) float32 pixels in the crop.
        mixing: (K, 5) float32; row k gives the weights of the five landmarks that make point k.
    """

    points: Floats
    mixing: Floats


@dataclass(frozen=True)
class BoxTemplate:
    """A crop without alignment: a square around the middle of the face's box.

    Attributes:
        size: width and height of the crop in pixels.
        margin: the square's side over the longer side of the box.
    """

    size: int
    margin: float


Template = PointsTemplate | BoxTemplate


def arcface_template(size: int) -> PointsTemplate:
    """The ArcFace pose for a square crop of `size` pixels.

    Multiples of 112 scale the 112 template; multiples of 128 scale it too and shift x by 8/128 of the
    size, as insightface/utils/face_align.py does.
    """
    if size % 112 == 0:
        return PointsTemplate(ARCFACE_112 * np.float32(size / 112), np.eye(5, dtype=np.float32))
    if size % 128 == 0:
        ratio = np.float32(size / 128)
        return PointsTemplate(ARCFACE_112 * ratio + floats([8, 0]) * ratio, np.eye(5, dtype=np.float32))
    raise CardError(f"the arcface template is defined for multiples of 112 and 128 pixels, not for {size}")


def narrow_template(size: int) -> PointsTemplate:
    """ArcFace's points of a 96x112 crop, stretched to a square of `size` pixels.

    The face is not stretched with them: a similarity is fitted to the points.
    """
    return PointsTemplate(NARROW_96X112 * np.float32(size), np.eye(5, dtype=np.float32))


def dlib_template(size: int) -> PointsTemplate:
    """The pose of dlib's face chip of `size` pixels with padding 0.25."""
    points = (DLIB_UNIT + np.float32(DLIB_PADDING)) / np.float32(1 + 2 * DLIB_PADDING) * np.float32(size)
    return PointsTemplate(points, DLIB_FROM_FIVE)


TEMPLATES: dict[str, Callable[[int], PointsTemplate]] = {
    "arcface": arcface_template,
    "arcface-96x112": narrow_template,
    "dlib": dlib_template,
}
"""By name: the pose in a square crop of a given size in pixels."""

FORMS = f"{', '.join(TEMPLATES)}, {BOX}:MARGIN, or five points as x,y x,y x,y x,y x,y (shares of width and height)"
"""What messages and help say that a template can be."""


def make_template(spec: TemplateSpec, size: int) -> Template:
    """The template that a card or an option asks for, in a square crop of `size` pixels.

    Raises:
        CardError: there is no such template, or it is not defined for this size.
    """
    known = parse_template(spec) if isinstance(spec, str) else check_points(spec)
    if not isinstance(known, str):
        return PointsTemplate(floats(known) * np.float32(size), np.eye(5, dtype=np.float32))
    if known in TEMPLATES:
        return TEMPLATES[known](size)
    return BoxTemplate(size, _margin(known))


def parse_template(text: str) -> TemplateSpec:
    """Read a template as options write it; see FORMS.

    Raises:
        CardError: it is not one of them.
    """
    if text in TEMPLATES:
        return text
    if text.startswith(f"{BOX}:"):
        return f"{BOX}:{_margin(text):g}"
    try:
        numbers = [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        numbers = []
    if len(numbers) != 10:
        raise CardError(f"a template is {FORMS}; not '{text}'")
    return check_points(np.reshape(numbers, (5, 2)).tolist())


def template_text(spec: TemplateSpec) -> str:
    """A template as options write it; the inverse of parse_template."""
    return spec if isinstance(spec, str) else " ".join(f"{x:g},{y:g}" for x, y in spec)


def check_points(points: object) -> FivePoints:
    """Five points that are a face's: inside of the crop, eyes above the mouth, left to the left of right.

    Raises:
        CardError: they are not.
    """
    array = np.asarray(points, np.float64)
    if array.shape != (5, 2) or not (np.isfinite(array).all() and (array > 0).all() and (array < 1).all()):
        raise CardError("a template of points has five of them, as shares of width and height between 0 and 1")
    left_eye, right_eye, _, left_mouth, right_mouth = array
    if left_eye[0] >= right_eye[0] or left_mouth[0] >= right_mouth[0] or array[:2, 1].max() >= array[3:, 1].min():
        raise CardError(
            "the points of a template are as the viewer sees them: left eye, right eye, nose, left and right "
            "mouth corner"
        )
    a, b, c, d, e = ((float(x), float(y)) for x, y in array)
    return a, b, c, d, e


def _margin(text: str) -> float:
    try:
        margin = float(text.removeprefix(f"{BOX}:"))
    except ValueError:
        margin = np.nan
    if not MIN_MARGIN <= margin <= MAX_MARGIN:
        raise CardError(f"the margin of {BOX}:MARGIN is between {MIN_MARGIN:g} and {MAX_MARGIN:g}, not in '{text}'")
    return margin
