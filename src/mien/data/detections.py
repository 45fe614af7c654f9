"""Detected faces in the formats of the field: a manifest, COCO, YOLO and WIDER FACE. Writes; detects nothing.

- `csv`: a manifest with boxes, landmarks and scores, which `mien train` and `mien evaluate detection` read.
- `coco`: one JSON file with images, annotations (bbox as x, y, width, height; keypoints x, y, 2) and one category.
- `yolo`: labels/NAME.txt with `0 cx cy w h` as shares of the image, then the five points x y after them.
- `wider`: FOLDER/NAME.txt with left, top, width, height, score, as WIDER FACE's evaluation reads them.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mien.data.manifest import tabulate
from mien.data.manifest_io import write_manifest
from mien.data.sample import POINTS, Sample
from mien.types import Faces


@dataclass(frozen=True, slots=True, eq=False)
class DetectedImage:
    """The faces of one image.

    Attributes:
        path: of the image.
        width: of the upright image in pixels.
        height: of the upright image in pixels.
        faces: in pixels of the image.
    """

    path: Path
    width: int
    height: int
    faces: Faces


def write_csv(target: Path, found: list[DetectedImage]) -> None:
    """A manifest; an image without faces is a row without a box."""
    rows = []
    for one in found:
        own = [
            Sample(one.path, "", box=face.box, landmarks=face.landmarks, known={"score": round(face.score, 5)})
            for face in one.faces
        ]
        rows += own or [Sample(one.path, "")]
    write_manifest(tabulate(rows, target.parent, str(target)), target)


def write_coco(target: Path, found: list[DetectedImage]) -> None:
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
    _write(target, json.dumps(content, ensure_ascii=False))


def write_yolo(target: Path, found: list[DetectedImage]) -> None:
    """A folder of label files; images with the same name get numbers."""
    names = _Names()
    for one in found:
        rows = []
        for face in one.faces:
            box = face.box
            middle = ((box.x1 + box.x2) / 2 / one.width, (box.y1 + box.y2) / 2 / one.height)
            values = [*middle, box.width / one.width, box.height / one.height]
            values += [v for x, y in face.landmarks.tolist() for v in (x / one.width, y / one.height)]
            rows.append("0 " + " ".join(f"{value:.6f}" for value in values))
        _write(target / "labels" / f"{names.of(one.path)}.txt", "".join(row + "\n" for row in rows))


def write_wider(target: Path, found: list[DetectedImage]) -> None:
    """A folder of prediction files, below the name of each image's folder."""
    for one in found:
        write_prediction(target, (one.path.parent.name or ".", one.path.stem), one.faces)


def write_prediction(folder: Path, key: tuple[str, str], faces: Faces) -> Path:
    """The prediction file of one image, by its event and name."""
    rows = [
        f"{face.box.x1:.2f} {face.box.y1:.2f} {face.box.width:.2f} {face.box.height:.2f} {face.score:.6f}"
        for face in faces
    ]
    path = folder / key[0] / f"{key[1]}.txt"
    _write(path, "\n".join([key[1], str(len(rows)), *rows]) + "\n")
    return path


@dataclass(slots=True)
class _Names:
    """Names of label files; equal ones get a number."""

    used: dict[str, int] = field(default_factory=dict)

    def of(self, path: Path) -> str:
        count = self.used[path.stem] = self.used.get(path.stem, 0) + 1
        return path.stem if count == 1 else f"{path.stem}-{count}"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


FORMATS: dict[str, Callable[[Path, list[DetectedImage]], None]] = {
    "csv": write_csv,
    "coco": write_coco,
    "yolo": write_yolo,
    "wider": write_wider,
}
"""A new format is a function and a line here."""
