"""Recall by face size: portraits whose face has 5% to 100% of the image height, for every EXIF orientation.

Every n-th LFW image gives one scene. SCRFD finds the central face on the image enlarged twofold. The face is scaled
to a share of the height of a 960x1280 portrait or a 1280x960 photograph; the rest is a blurred wall of the same
colours; the JPEG is turned and carries the matching EXIF tag. A face counts as found when a box overlaps it with an
IoU of at least 0.4. Scenes take the eight orientations in turn. A smoke run finds the central face with MTCNN.

    python benchmarks/recall.py [--subjects 240]
"""

import io
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow

import command
import inputs
from mien.detect.families import FAMILIES, open_detector
from mien.detect.one_stage import OneStage
from mien.detect.prominence import most_prominent
from mien.geometry import iou
from mien.image import decode, read_image
from mien.models import store
from mien.models.options import DEFAULT_OPTIONS
from mien.types import Face

SHARES = (0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
SIZES = ((960, 1280), (1280, 960))
TURNS = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: np.rot90(image, 1),
    7: lambda image: image[::-1, ::-1].transpose(1, 0, 2),
    8: lambda image: np.rot90(image, -1),
}
"""Stored pixels from the upright image, for each EXIF orientation."""


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("--subjects", type=int, default=240)
    given = parser.parse_args()
    judge = "mtcnn" if given.smoke else inputs.add_model("scrfd")
    names = ("mtcnn", "mien-face") if given.smoke else ("mtcnn", "scrfd", inputs.add_model("yunet"))
    with tempfile.TemporaryDirectory() as scratch:
        paths = inputs.lfw(Path(scratch), smoke=given.smoke, people=2, images=1)
        faces = read_faces(paths, judge, 2 if given.smoke else given.subjects)
    detectors = {name: open_detector(name) for name in names}
    for name in names[1:]:
        model, first = store.load(name), detectors[name].passes[:1]
        one_pass = OneStage(model, FAMILIES[model.card.family], DEFAULT_OPTIONS, passes=first)
        detectors[f"{name}, one pass"] = one_pass
    command.finish("recall", measure(detectors, faces, SHARES[::6] if given.smoke else SHARES), smoke=given.smoke)


def measure(detectors: dict, faces: list, shares: tuple[float, ...]) -> dict:
    table = {name: {} for name in detectors}
    spent = dict.fromkeys(detectors, 0.0)
    missed_by_turn = {name: dict.fromkeys(TURNS, 0) for name in detectors}
    count = 0
    for share in shares:
        found = dict.fromkeys(detectors, 0)
        for number, (image, box) in enumerate(faces):
            turn = 1 + number % 8
            scene, truth = make_scene(image, box, share, *SIZES[number % 2])
            upright = decode(encode(TURNS[turn](scene), turn), "scene").image
            assert upright.shape == scene.shape
            count += 1
            for name, detector in detectors.items():
                started = time.perf_counter()
                answer = detector.detect([upright])[0]
                spent[name] += time.perf_counter() - started
                hit = any(overlap(face, truth) >= 0.4 for face in answer)
                found[name] += hit
                missed_by_turn[name][turn] += not hit
        for name in detectors:
            table[name][f"{share:.0%}"] = round(found[name] / len(faces), 4)
    return {
        "faces": len(faces),
        "sizes": SIZES,
        "recall by face height": table,
        "milliseconds per image": {name: round(1000 * value / count, 2) for name, value in spent.items()},
        "missed by EXIF orientation": missed_by_turn,
    }


def read_faces(paths: list[Path], finder: str, subjects: int) -> list:
    """LFW images with the box of their central face."""
    files = [path for path in paths if path.stem.endswith("_0001")]
    judge = open_detector(finder)
    chosen = []
    for path in files[:: max(1, len(files) // (subjects + 20))]:
        image = read_image(path)
        answer = judge.detect([np.asarray(cv2.resize(image, (500, 500), interpolation=cv2.INTER_CUBIC))])[0]
        if answer and len(chosen) < subjects:
            box = answer[most_prominent(answer, 500, 500)[0]].box
            chosen.append((image, np.array([box.x1, box.y1, box.x2, box.y2]) / 2))
    return chosen


def make_scene(image: np.ndarray, box: np.ndarray, share: float, width: int, height: int) -> tuple:
    """The image scaled so that the face has a share of the height, its centre in the middle (a little above it
    where there is room), before a blurred wall."""
    scale = share * height / (box[3] - box[1])
    centre = (box[:2] + box[2:]) / 2
    aim = np.array([width / 2, height * (0.5 if share > 0.6 else 0.42)])
    matrix = np.array([[scale, 0, aim[0] - scale * centre[0]], [0, scale, aim[1] - scale * centre[1]]])
    kind = cv2.INTER_CUBIC if scale >= 1 else cv2.INTER_AREA
    scene = cv2.warpAffine(image, matrix, (width, height), flags=kind, borderMode=cv2.BORDER_CONSTANT)
    inside = cv2.warpAffine(np.ones(image.shape[:2], np.uint8), matrix, (width, height), flags=cv2.INTER_NEAREST)
    small = cv2.GaussianBlur(cv2.resize(image, (width // 16, height // 16)), (0, 0), 4)
    wall = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    scene = np.where(inside[..., None] > 0, scene, wall)
    return np.ascontiguousarray(scene), np.r_[box[:2] * scale + matrix[:, 2], box[2:] * scale + matrix[:, 2]]


def encode(image: np.ndarray, turn: int) -> bytes:
    exif = Pillow.Exif()
    exif[0x0112] = turn
    out = io.BytesIO()
    Pillow.fromarray(np.ascontiguousarray(image)).save(out, "JPEG", quality=92, exif=exif)
    return out.getvalue()


def overlap(face: Face, truth: np.ndarray) -> float:
    box = np.array([[face.box.x1, face.box.y1, face.box.x2, face.box.y2]], np.float32)
    return float(iou(box, truth[None].astype(np.float32))[0, 0])


if __name__ == "__main__":
    main()
