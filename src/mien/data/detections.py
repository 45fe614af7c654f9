"""Detected faces in the formats of the field: a manifest, COCO, YOLO and WIDER FACE. Writes; detects nothing.

- `csv`: a manifest with boxes, landmarks and scores, which `mien train` and `mien evaluate detection` read.
- `coco`: one JSON file with images, annotations (bbox as x, y, width, height; keypoints x, y, 2) and one category.
- `yolo`: labels/FOLDER/NAME.txt with `0 cx cy w h` as shares of the image, then the five points x y after them.
- `wider`: FOLDER/NAME.txt with left, top, width, height, score, as WIDER FACE's evaluation reads them.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mien.data.manifest import tabulate
from mien.data.manifest_io import write_manifest
from mien.data.sample import POINTS, Sample
from mien.output_names import OutputGuard, OutputName, output_names
from mien.types import Face, Faces


@dataclass(frozen=True, slots=True, eq=False)
class DetectedImage:
    """The faces of one image.

    Attributes:
        name: what to call what is written of it, and its path.
        width: of the upright image in pixels.
        height: of the upright image in pixels.
        faces: in pixels of the image.
    """

    name: OutputName
    width: int
    height: int
    faces: Faces

    @property
    def path(self) -> Path:
        """Of the image."""
        return Path(self.name.source)


def write_csv(target: Path, found: list[DetectedImage], guard: OutputGuard) -> None:
    """A manifest; an image without faces is a row without a box."""
    rows = []
    for one in found:
        own = [
            Sample(one.path, "", box=face.box, landmarks=face.landmarks, known={"score": round(face.score, 5)})
            for face in one.faces
        ]
        rows += own or [Sample(one.path, "")]
    guard.check([target])
    write_manifest(tabulate(rows, target.parent, str(target)), target)
    guard.record(target)


def write_coco(target: Path, found: list[DetectedImage], guard: OutputGuard) -> None:
    """COCO's results and annotations in one file."""
    images, annotations = [], list[dict[str, Any]]()
    for number, one in enumerate(found, start=1):
        images.append({"id": number, "file_name": str(one.path), "width": one.width, "height": one.height})
        for face in one.faces:
            box = face.box
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "bbox": [round(v, 2) for v in (box.x1, box.y1, box.width, box.height)],
                    "area": round(box.area, 2),
                    "iscrowd": 0,
                    "score": round(face.score, 5),
                    "keypoints": [round(float(v), 2) for x, y in face.landmarks for v in (x, y, 2)],
                    "num_keypoints": len(POINTS),
                }
            )
    category = {"id": 1, "name": "face", "supercategory": "person", "keypoints": list(POINTS), "skeleton": []}
    content = {"images": images, "annotations": annotations, "categories": [category]}
    guard.write_text(target, json.dumps(content, ensure_ascii=False))


def write_yolo(target: Path, found: list[DetectedImage], guard: OutputGuard) -> None:
    """A folder of label files, in the folders of the images; images with the same name get numbers."""
    for one in found:
        rows = [row for face in one.faces if (row := _yolo_row(face, one.width, one.height))]
        guard.write_text(one.name.path(target / "labels", ".txt"), "".join(row + "\n" for row in rows))


def _yolo_row(face: Face, width: int, height: int) -> str:
    """A line of a label file, with all shares from 0 to 1: what is outside of the image is cut; empty for nothing."""
    box = face.box
    x1, y1, x2, y2 = max(0.0, box.x1), max(0.0, box.y1), min(float(width), box.x2), min(float(height), box.y2)
    if x2 <= x1 or y2 <= y1:
        return ""
    values = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height]
    values += [min(1.0, max(0.0, v)) for x, y in face.landmarks.tolist() for v in (x / width, y / height)]
    return "0 " + " ".join(f"{value:.6f}" for value in values)


def write_wider(target: Path, found: list[DetectedImage], guard: OutputGuard) -> None:
    """A folder of prediction files, below the name of each image's folder; equal names get numbers."""
    for key, one in zip(wider_keys([one.name for one in found]), found, strict=True):
        write_prediction(target, key, one.faces, guard)


def wider_keys(names: Sequence[OutputName]) -> list[tuple[str, str]]:
    """Event and name of each image: WIDER FACE knows one level of folders, and images of all depths share it."""
    files = [Path(os.path.normpath(Path(name.source).absolute())) for name in names]
    unique = output_names([Path(file.parent.name or "images", file.name) for file in files], [Path()])
    return [(Path(one.stem).parent.name, Path(one.stem).name) for one in unique]


def write_prediction(folder: Path, key: tuple[str, str], faces: Faces, guard: OutputGuard) -> Path:
    """The prediction file of one image, by its event and name."""
    rows = [
        f"{face.box.x1:.2f} {face.box.y1:.2f} {face.box.width:.2f} {face.box.height:.2f} {face.score:.6f}"
        for face in faces
    ]
    path = folder / key[0] / f"{key[1]}.txt"
    guard.write_text(path, "\n".join([key[1], str(len(rows)), *rows]) + "\n")
    return path


Write = Callable[[Path, list[DetectedImage], OutputGuard], None]
Places = Callable[[Path, Sequence[OutputName]], list[Path]]


@dataclass(frozen=True, slots=True)
class TableFormat:
    """A format of detected faces.

    Attributes:
        write: writes all faces.
        places: the files that will be written, so that a place can be refused before anything is detected.
    """

    write: Write
    places: Places


FORMATS = {
    "csv": TableFormat(write_csv, lambda target, _: [target]),
    "coco": TableFormat(write_coco, lambda target, _: [target]),
    "yolo": TableFormat(write_yolo, lambda target, names: [name.path(target / "labels", ".txt") for name in names]),
    "wider": TableFormat(
        write_wider, lambda target, names: [target / event / f"{name}.txt" for event, name in wider_keys(names)]
    ),
}
"""A new format is a function that writes it, and a line here."""
