"""The scope of a face: the values of all aspects, and which of them are outside. Compares no rates."""

from collections.abc import Mapping
from dataclasses import dataclass

from mien.errors import DegenerateLandmarksError
from mien.pipeline import Analysis
from mien.portrait.measures.face_chip import PortraitImage, make_face_chip
from mien.scope.aspects import ASPECTS, outside
from mien.types import Cutout, Face


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a face decides whether measured rates hold for it.

    Attributes:
        values: by the code of the aspect; those that cannot be measured are missing.
        outside: the codes of the aspects in which the face is outside of what recognizers are measured on.
    """

    values: Mapping[str, float]
    outside: tuple[str, ...]


UNMEASURED = ("pose",)
"""What a face is outside of whose landmarks fix no pose, so that nothing but its size can be measured."""


def scope_of(values: Mapping[str, float]) -> Scope:
    """The scope of a face whose values were measured before and kept, by the limits of today.

    Args:
        values: by the code of the aspect.
    """
    return Scope(values, (*outside(values), *(code for code in UNMEASURED if code not in values)))


def find_scope(cutout: Cutout, face: Face, *, portrait: bool = False) -> Scope:
    """Measure one face; this takes a few milliseconds.

    Args:
        cutout: the face with its surroundings.
        face: in pixels of its image, as it was detected.
        portrait: whether it is to be enrolled, so that the aspects of portraits are looked at too.
    """
    longer = max(face.box.width, face.box.height)
    height, width = cutout.image.shape[:2]
    placed = Face(face.box, face.score, cutout.landmarks)
    image = PortraitImage(image=cutout.image, width=width, height=height, faces=(placed,), chosen=0)
    try:
        chip = make_face_chip(image)
    except DegenerateLandmarksError:
        return scope_of({"size": longer})
    return scope_of({code: one.of_face(chip) for code, one in ASPECTS.items() if portrait or not one.of_portraits})


def find_scopes(analysis: Analysis) -> tuple[Scope, ...]:
    """Measure all faces of an image that was analysed with cutouts."""
    return tuple(find_scope(*pair) for pair in zip(analysis.cutouts, analysis.faces, strict=True))
