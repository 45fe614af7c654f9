"""An album whose faces are in groups, as one value. Computes counts alone; it is written in mien.cluster.files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mien.cluster.faces import AlbumFace
from mien.cluster.grouping import Grouping
from mien.types import Threshold


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Album:
    """Every face of a folder, and the groups.

    Attributes:
        faces: of all images, in the order of the images; without their small images.
        grouping: where each face went.
        images: number of images.
        without_face: number of images that were read and show no face.
        without_pose: number of faces whose landmarks fix no pose, so that they could not be compared.
        failed: why images could not be read, by path.
        threshold: the measured one whose scope counts for the faces.
        group: the people whose thresholds count, as the card calls them.
        made_with: names and versions of what found and compared the faces.
        out: the folder of the groups.
        found: number of images whose faces this run found; the others were known from an earlier run.
    """

    faces: tuple[AlbumFace, ...]
    grouping: Grouping
    images: int
    without_face: int
    without_pose: int
    failed: Mapping[str, str]
    threshold: Threshold
    group: str
    made_with: Mapping[str, str]
    out: Path
    found: int

    @property
    def counts(self) -> dict[str, int]:
        """What there is of everything."""
        return {
            "images": self.images,
            "images without a face": self.without_face,
            "images that failed": len(self.failed),
            "faces": len(self.faces),
            "faces without a pose": self.without_pose,
            "groups": len(self.grouping.groups),
            "faces in groups": len(self.faces) - len(self.grouping.unassigned),
            "unassigned faces": len(self.grouping.unassigned),
        }
