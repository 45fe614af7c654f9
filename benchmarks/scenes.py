"""Makes scenes with annotated faces from photographs of single people, to train and to evaluate detectors on.

    python benchmarks/scenes.py PHOTOS --out FOLDER [--count 6000] [--seed 1] [--plain] [--backgrounds train]

PHOTOS is a folder of images, read in the order of their names, or a text file that lists paths. Each photograph is
annotated once. A face is known where SCRFD and MTCNN agree (IoU of at least 0.5, both sure). A face that only one of
them finds, or both find with a low score, is marked as ignored; so is a face that an edge cuts or that is mostly
covered. A scene is one of: a background without known faces and 1 to 30 faces pasted with their surroundings, 12 to
600 pixels high, turned, darkened or occluded; a portrait whose face fills the frame; a background alone. `--plain`
adds the photographs themselves. The seed determines everything.

Writes FOLDER/images, FOLDER/manifest.parquet with one row per face (box, landmarks, ignore, height, occluded, turned,
dark), and FOLDER/made.json with counts. A smoke run makes two scenes of made people in a folder that is deleted, with
mien-face in place of SCRFD.
"""

import json
import math
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import starmap
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

import command
import inputs
from mien.data.manifest import tabulate
from mien.data.manifest_io import write_manifest
from mien.data.sample import Sample
from mien.detect.families import open_detector
from mien.detect.mtcnn import Mtcnn, MtcnnSettings
from mien.errors import ImageError
from mien.evaluate.corruptions import glasses, mask
from mien.geometry import iou, overlap_of_smaller
from mien.image import find_images, read_image
from mien.models import store
from mien.models.options import EngineOptions
from mien.types import Box

SURE, FAINT = 0.6, 0.3
"""SCRFD's minimum score of a known face, and of a possible one."""
AGREE = 0.5
BACKGROUNDS = {
    "train": ("brick", "chelsea", "coffee", "grass", "gravel", "ihc", "motorcycle_left", "page", "retina", "rocket"),
    "test": ("cell", "chessboard_RGB", "clock_motion", "coins", "horse", "hubble_deep_field", "moon", "text"),
}
"""Images of scikit-image without people."""
SIZES = ((640, 480), (480, 640), (640, 640), (640, 360), (800, 600))
SMALLEST, LARGEST = 12, 600


@dataclass(frozen=True)
class Known:
    """A face of a photograph or a scene: (4,) box, (5, 2) landmarks, whether it is ignored, what was done to it."""

    box: np.ndarray
    points: np.ndarray
    ignore: bool = False
    changes: dict = field(default_factory=dict)


def annotate(paths: list[Path], finder: str = "scrfd") -> dict[Path, list[Known]]:
    """Faces of each photograph: those both detectors agree on, and those to ignore."""
    one = EngineOptions(threads=1)
    scrfd = open_detector(finder, one, min_score=FAINT)
    mtcnn = Mtcnn(store.load("mtcnn"), one, MtcnnSettings(smallest=20, output=0.6))

    def find(path: Path) -> list[Known] | None:
        try:
            image = read_image(path)
        except ImageError:
            return None
        first, second = scrfd.detect([image])[0], mtcnn.detect([image])[0]
        a, b = (np.array([_corners(f.box) for f in faces]).reshape(-1, 4) for faces in (first, second))
        overlaps = iou(a.astype(np.float32), b.astype(np.float32))
        known = []
        for row, face in enumerate(first):
            partner = int(overlaps[row].argmax()) if len(b) else -1
            agreed = partner >= 0 and overlaps[row, partner] >= AGREE
            if agreed and face.score >= SURE and second[partner].score >= 0.85:
                points = (face.landmarks + second[partner].landmarks) / 2
                known.append(Known(a[row], points))
            else:
                known.append(Known(a[row], face.landmarks, ignore=True))
        for row, face in enumerate(second):
            if not len(a) or overlaps[:, row].max() < AGREE:
                known.append(Known(b[row], face.landmarks, ignore=True))
        return known

    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(paths, pool.map(find, paths), strict=True))
    return {path: known for path, known in found.items() if known is not None}


def _corners(box: Box) -> list[float]:
    return [box.x1, box.y1, box.x2, box.y2]


class Studio:
    """Makes scenes from photographs and backgrounds."""

    def __init__(self, photos: dict[Path, list[Known]], backgrounds: str) -> None:
        import skimage

        self.photos = photos
        self.names = [path for path, faces in photos.items() if any(not face.ignore for face in faces)]
        folder = Path(skimage.__file__).parent / "data"
        self.walls = [read_image(next(folder.glob(f"{name}.*"))) for name in BACKGROUNDS[backgrounds]]

    def scene(self, seed: int, number: int) -> tuple[np.ndarray, list[Known]]:
        """One scene: (H, W, 3) uint8 RGB, and its faces."""
        chance = np.random.default_rng([seed, number])
        kind = chance.choice(["group", "portrait", "empty"], p=[0.72, 0.2, 0.08])
        width, height = SIZES[chance.integers(len(SIZES))]
        if kind == "portrait":
            return self._portrait(width, height, chance)
        canvas, faces = self._wall(width, height, chance), []
        if kind == "group":
            for tall in sorted(_heights(min(width, height), chance), reverse=True):
                canvas, faces = self._paste(canvas, faces, tall, chance)
        if chance.random() < 0.3:
            canvas = _noisy(canvas, chance)
        return canvas, faces

    def _wall(self, width: int, height: int, chance: np.random.Generator) -> np.ndarray:
        draw = chance.random()
        if draw < 0.3:
            source = self.walls[chance.integers(len(self.walls))]
        elif draw < 0.85:
            source = self._empty_part(chance)
        else:
            return _drawn(width, height, chance)
        whole = source.shape[1], source.shape[0]
        share = chance.uniform(0.4, 1)
        w = max(8, int(min(whole[0], whole[1] * width / height) * share))
        h = max(8, int(w * height / width))
        x, y = chance.integers(0, max(1, whole[0] - w + 1)), chance.integers(0, max(1, whole[1] - h + 1))
        part = source[y : y + h, x : x + w]
        wall = cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR)
        if chance.random() < 0.5:
            wall = wall[:, ::-1]
        if chance.random() < 0.25:
            wall = wall[::-1]
        return np.ascontiguousarray(_tone(wall, chance.uniform(0.5, 1.6), chance.uniform(0.85, 1.15, 3)))

    def _empty_part(self, chance: np.random.Generator) -> np.ndarray:
        """The largest stripe of a photograph to a side of, above or below all possible faces."""
        for _ in range(20):
            path = self.names[chance.integers(len(self.names))]
            image = read_image(path)
            boxes = np.array([face.box for face in self.photos[path]])
            size = boxes[:, 2:] - boxes[:, :2]
            low = (boxes[:, :2] - 0.25 * size).min(axis=0)
            high = (boxes[:, 2:] + 0.25 * size).max(axis=0)
            height, width = image.shape[:2]
            stripes = [
                image[:, : max(0, int(low[0]))],
                image[:, min(width, math.ceil(high[0])) :],
                image[: max(0, int(low[1]))],
                image[min(height, math.ceil(high[1])) :],
            ]
            best = max(stripes, key=lambda part: min(part.shape[:2]))
            if min(best.shape[:2]) >= 40:
                return best
        return self.walls[chance.integers(len(self.walls))]

    def _portrait(self, width: int, height: int, chance: np.random.Generator) -> tuple[np.ndarray, list[Known]]:
        """A photograph cropped so that its face fills 35% to 110% of the frame."""
        path = self.names[chance.integers(len(self.names))]
        image, faces = read_image(path), self.photos[path]
        face = max((one for one in faces if not one.ignore), key=lambda one: _size(one.box)[1])
        w, h = _size(face.box)
        share = chance.uniform(0.35, 1.1)
        scale = min(share * height / h, share * width / w * 1.3, LARGEST / h)
        angle = math.radians(chance.normal(0, 7))
        middle = face.box.reshape(2, 2).mean(axis=0) + chance.uniform(-0.12, 0.12, 2) * (w, h)
        goal = np.array([width, height]) / 2
        matrix = _turn(middle, goal, scale, angle)
        border = cv2.BORDER_CONSTANT if chance.random() < 0.5 else cv2.BORDER_REPLICATE
        colour = tuple(int(v) for v in chance.integers(0, 256, 3))
        scene = cv2.warpAffine(
            image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=colour
        )
        moved = [_moved(one, matrix, scale) for one in faces]
        return _tone(scene, chance.uniform(0.6, 1.5), chance.uniform(0.9, 1.1, 3)), _settle(moved, width, height)

    def _paste(self, canvas: np.ndarray, faces: list[Known], tall: float, chance: np.random.Generator):
        """Paste a face of a given height somewhere on the canvas, with its surroundings."""
        height, width = canvas.shape[:2]
        path = self.names[chance.integers(len(self.names))]
        image, own = read_image(path), self.photos[path]
        agreed = [one for one in own if not one.ignore]
        face = agreed[chance.integers(len(agreed))]
        w, h = _size(face.box)
        scale = tall / h
        margin = chance.uniform(0.25, 1.4, 4) * (w, h, w, h)
        cut = np.r_[face.box[:2] - margin[:2], face.box[2:] + margin[2:]]
        cut = np.clip(cut, 0, (image.shape[1], image.shape[0]) * 2)
        angle = math.radians(float(np.clip(chance.normal(0, 14), -45, 45)))
        goal = _free_place(faces, tall * w / h, tall, width, height, chance)
        if goal is None:
            return canvas, faces
        matrix = _turn(face.box.reshape(2, 2).mean(axis=0), goal, scale, angle)
        dark = chance.uniform(1.5, 2.6) if chance.random() < 0.25 else chance.uniform(0.8, 1.3)
        picture = _tone(image, dark, chance.uniform(0.9, 1.1, 3))
        occluded = chance.random() < 0.2
        if occluded:
            picture = _occlude(picture, face, chance)
        if scale < 0.5:
            picture = cv2.GaussianBlur(picture, (0, 0), 0.35 / scale)
        flags = cv2.INTER_LINEAR
        warped = cv2.warpAffine(picture, matrix, (width, height), flags=flags)
        cover = np.zeros(image.shape[:2], np.float32)
        x1, y1, x2, y2 = cut.astype(int)
        if chance.random() < 0.3:
            middle, half = ((x1 + x2) // 2, (y1 + y2) // 2), (max(1, (x2 - x1) // 2), max(1, (y2 - y1) // 2))
            cv2.ellipse(cover, middle, half, 0, 0, 360, 1.0, -1)
        else:
            cover[y1:y2, x1:x2] = 1
        if chance.random() < 0.6:
            cover = cv2.GaussianBlur(cover, (0, 0), max(0.6, float(chance.uniform(0.02, 0.12)) * h))
        cover = cv2.warpAffine(cover, matrix, (width, height), flags=cv2.INTER_LINEAR)
        blended = np.rint(canvas + (warped.astype(np.float32) - canvas) * cover[..., None]).astype(np.uint8)
        changes = {"occluded": bool(occluded), "turned": round(abs(math.degrees(angle)), 1), "dark": bool(dark > 1.5)}
        old = [_covered(one, cover) for one in faces]
        new = []
        for one in own:
            moved = _moved(one, matrix, scale)
            shown = _share(cover, moved.box)
            if shown > 0.15:
                moved = replace(moved, ignore=moved.ignore or shown < 0.75)
                new.append(replace(moved, changes=changes if one is face else {}))
        return blended, _settle(old + new, width, height)


def _size(box: np.ndarray) -> tuple[float, float]:
    return float(box[2] - box[0]), float(box[3] - box[1])


def _heights(shorter: int, chance: np.random.Generator) -> list[float]:
    count = int(np.clip(np.exp(chance.uniform(0, math.log(31))), 1, 30))
    top = min(LARGEST, shorter * 0.95) if count <= 3 else shorter * min(0.5, 2.2 / math.sqrt(count))
    return np.exp(chance.uniform(math.log(SMALLEST), math.log(top), count)).tolist()


def _free_place(faces, wide, tall, width, height, chance):
    """A centre at which a face covers no other face; None if there is no room."""
    boxes = np.array([face.box for face in faces], np.float32).reshape(-1, 4)
    for _ in range(12):
        x = chance.uniform(wide / 2, max(wide / 2 + 1, width - wide / 2))
        y = chance.uniform(tall / 2, max(tall / 2 + 1, height - tall / 2))
        reach = np.array([[x - wide * 0.75, y - tall * 0.75, x + wide * 0.75, y + tall * 0.75]], np.float32)
        if not len(boxes) or overlap_of_smaller(reach, boxes).max() < 0.01:
            return np.array([x, y])
    return None


def _turn(middle, goal, scale: float, angle: float) -> np.ndarray:
    """The matrix that takes `middle` to `goal`, scaled and turned."""
    c, s = scale * math.cos(angle), scale * math.sin(angle)
    linear = np.array([[c, -s], [s, c]])
    return np.column_stack([linear, goal - linear @ middle])


def _moved(face: Known, matrix: np.ndarray, scale: float) -> Known:
    """A face after a similarity; its box keeps the proportions, about the turned centre."""
    middle = matrix[:, :2] @ face.box.reshape(2, 2).mean(axis=0) + matrix[:, 2]
    half = np.array(_size(face.box)) * scale / 2
    points = face.points @ matrix[:, :2].T + matrix[:, 2]
    return replace(face, box=np.r_[middle - half, middle + half], points=points)


def _share(cover: np.ndarray, box: np.ndarray) -> float:
    height, width = cover.shape
    x1, y1, x2, y2 = np.clip(np.rint(box), 0, (width, height) * 2).astype(int)
    area = max(1.0, float((box[2] - box[0]) * (box[3] - box[1])))
    return float((cover[y1:y2, x1:x2] > 0.5).sum()) / area


def _covered(face: Known, cover: np.ndarray) -> Known:
    share = _share(cover, face.box)
    return replace(face, ignore=True) if share > 0.25 else face


def _settle(faces: list[Known], width: int, height: int) -> list[Known]:
    """Visible faces; those that are cut or tiny are marked as ignored."""
    kept = []
    for face in faces:
        w, h = _size(face.box)
        inside = np.clip(face.box, 0, (width, height) * 2)
        seen = max(0.0, _size(inside)[0]) * max(0.0, _size(inside)[1]) / max(1e-6, w * h)
        if seen > 0.1:
            kept.append(replace(face, ignore=face.ignore or seen < 0.7 or h < SMALLEST - 1))
    return kept


def _tone(image: np.ndarray, gamma: float, gains: np.ndarray) -> np.ndarray:
    ramp = (np.arange(256) / 255) ** gamma * 255
    table = np.clip(np.rint(ramp[:, None] * gains), 0, 255).astype(np.uint8)
    return cv2.LUT(np.ascontiguousarray(image), table[None])


def _noisy(image: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    noise = chance.normal(0, chance.uniform(2, 12), image.shape)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def _occlude(image: np.ndarray, face: Known, chance: np.random.Generator) -> np.ndarray:
    draw = chance.random()
    points = face.points.astype(np.float32)
    if draw < 0.35:
        return mask(image, points, int(chance.integers(1, 5)), chance)
    if draw < 0.6:
        return glasses(image, points, int(chance.integers(1, 5)), chance)
    image = image.copy()
    w, h = _size(face.box)
    side = chance.integers(4)
    share = chance.uniform(0.15, 0.4)
    x1, y1, x2, y2 = face.box
    bar = {
        0: (x1 - w, y1 - h, x1 + w * share, y2 + h),
        1: (x2 - w * share, y1 - h, x2 + w, y2 + h),
        2: (x1 - w, y2 - h * share, x2 + w, y2 + h),
        3: (x1 - w, y1 - h, x2 + w, y1 + h * share * 0.7),
    }[int(side)]
    corners = [(int(bar[0]), int(bar[1])), (int(bar[2]), int(bar[3]))]
    cv2.rectangle(image, *corners, tuple(int(v) for v in chance.integers(0, 256, 3)), -1)
    return image


def _drawn(width: int, height: int, chance: np.random.Generator) -> np.ndarray:
    """Flat colours, bars and ellipses."""
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = chance.integers(0, 256, 3)
    for _ in range(chance.integers(0, 25)):
        colour = tuple(int(v) for v in chance.integers(0, 256, 3))
        x, y = int(chance.integers(width)), int(chance.integers(height))
        a, b = (int(v) for v in chance.integers(3, 120, 2))
        draw = chance.integers(3)
        if draw == 0:
            cv2.rectangle(canvas, (x, y), (x + a, y + b), colour, -1)
        elif draw == 1:
            cv2.ellipse(canvas, (x, y), (a, b), float(chance.uniform(0, 180)), 0, 360, colour, -1)
        else:
            cv2.line(
                canvas,
                (x, y),
                (int(chance.integers(width)), int(chance.integers(height))),
                colour,
                int(chance.integers(1, 12)),
            )
    return cv2.GaussianBlur(canvas, (0, 0), float(chance.uniform(0.5, 4)))


def listed(source: Path) -> list[Path]:
    """The photographs of a folder, or those that a text file lists, one path per line."""
    if source.is_dir():
        return find_images(source)
    return [Path(line) for line in source.read_text(encoding="utf-8").splitlines() if line]


def samples_of(path: Path, faces: list[Known]) -> list[Sample]:
    """Rows of the manifest; an image without faces is one row without a box."""
    rows = [
        Sample(
            path,
            "",
            box=Box(*(round(float(v), 2) for v in face.box)),
            landmarks=face.points.astype(np.float32),
            known={"ignore": face.ignore, "height": round(_size(face.box)[1], 1), **face.changes},
        )
        for face in faces
    ]
    return rows or [Sample(path, "", known={"ignore": False})]


def main() -> None:
    parser = command.parser(__doc__)
    parser.add_argument("photos", type=Path, nargs="?")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--count", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plain", action="store_true", help="add the photographs themselves")
    parser.add_argument("--backgrounds", choices=list(BACKGROUNDS), default="train")
    given = parser.parse_args()
    if given.smoke:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            photos = annotate(inputs.made_people(folder / "photos", 2, 1), "mien-face")
            print(json.dumps(make_scenes(photos, folder / "scenes", 2, seed=1, backgrounds="test", plain=True)))
        return
    if given.photos is None or given.out is None:
        parser.error("PHOTOS and --out are needed")
    photos = annotate(listed(given.photos))
    made = make_scenes(
        photos, given.out, given.count, seed=given.seed, backgrounds=given.backgrounds, plain=given.plain
    )
    (given.out / "made.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(made))


def make_scenes(
    photos: dict[Path, list[Known]], out: Path, count: int, *, seed: int, backgrounds: str, plain: bool
) -> dict:
    """Write scenes and their manifest; return counts."""
    studio = Studio(photos, backgrounds)
    (out / "images").mkdir(parents=True, exist_ok=True)

    def make(number: int) -> list[Sample]:
        image, faces = studio.scene(seed, number)
        quality = int(np.random.default_rng([seed, number, 1]).integers(55, 96))
        path = out / "images" / f"{number:06d}.jpg"
        path.write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality, "RGB", "420"))
        return samples_of(path, faces)

    with ThreadPoolExecutor(2) as pool:
        rows = [row for part in pool.map(make, range(count)) for row in part]
    if plain:
        rows += [row for part in starmap(samples_of, photos.items()) for row in part]
    write_manifest(tabulate(rows, out, "scenes"), out / "manifest.parquet")
    known = [row for row in rows if row.box is not None and not row.known["ignore"]]
    return {
        "photographs": len(photos),
        "with a known face": len(studio.names),
        "scenes": count,
        "faces": len(known),
        "ignored": sum(row.box is not None for row in rows) - len(known),
        "seed": seed,
    }


if __name__ == "__main__":
    main()
