"""Preparing a set, photographs to aligned JPEG crops, against the way most scripts of the field do it.

The peer is written here as such scripts are. PIL opens one image; MTCNN runs on it alone with the field's settings
(smallest face 20 pixels, factor 0.707, thresholds 0.6, 0.7, 0.8; P-Net level by level, each window of R-Net and O-Net
cut out and resized by PIL); the best face is warped and saved. It runs the same weights in float32 on all cores with
ONNX Runtime, as the field does; its speed on mien's engine is reported too. mien runs twice: with the same settings,
and with its defaults.

    python benchmarks/preparation.py
"""

import io
import shutil
import sys
import tempfile
import time
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow

import command
import inputs
from mien.data.cropping import CropSettings, crop_samples
from mien.data.manifest import Manifest, tabulate
from mien.data.prepare import prepare
from mien.data.sample import Sample
from mien.data.shards import encode_crop
from mien.data.workers import ordered
from mien.detect.mtcnn import Mtcnn
from mien.detect.mtcnn_patches import place_points
from mien.detect.mtcnn_pyramid import MtcnnSettings
from mien.geometry import nms, similarity
from mien.models import store
from mien.models.engines import usable_cores
from mien.models.options import EngineOptions
from mien.pipeline import Policy
from mien.templates import arcface_template

FIELD = MtcnnSettings(smallest=20, tallest=100_000, longest=100_000, factor=0.707, largest=1.0)
CHUNK = 32


def main() -> None:
    given = command.parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        lfw = inputs.lfw(folder / "lfw", smoke=given.smoke, people=4, images=17)
        if given.smoke:
            sets = {"LFW, 250x250": lfw}
        else:
            photographs = sorted(inputs.need(inputs.DATA / "celeba" / "img_celeba").glob("*.jpg"))
            sets = {
                "CelebA in the wild, up to 400 pixels": photographs[:1200],
                "the same enlarged to 1,200 pixels": enlarged(photographs[:400], folder / "large"),
                "LFW, 250x250": lfw[:3200:4],
            }
        few = 2 if given.smoke else 80
        result = {name: measure(files, few) for name, files in sets.items()}
    command.finish("preparation", {"workers": usable_cores(), "sets": result}, smoke=given.smoke)


def enlarged(files: list[Path], folder: Path) -> list[Path]:
    """Photographs of the size that phones and identity-card cameras produce."""
    folder.mkdir()
    for path in files:
        picture = Pillow.open(path).convert("RGB")
        scale = 1200 / max(picture.size)
        size = round(picture.size[0] * scale), round(picture.size[1] * scale)
        picture.resize(size, Pillow.BICUBIC).save(folder / path.name, quality=92)
    return sorted(folder.glob("*.jpg"))


def measure(files: list[Path], peers: int) -> dict:
    manifest = tabulate([Sample(path, path.stem) for path in files], Path("/"), "set")
    few = files[:: max(1, len(files) // peers)]
    peer_rate, peer_found = peer(few, "onnxruntime")
    other_rate, _ = peer(few, "openvino")
    same_rate, same_found = same_settings(files)
    default_rate, counts = defaults(manifest)
    row = {
        "images": len(files),
        "peer, images per second": round(peer_rate, 2),
        "peer on OpenVINO, images per second": round(other_rate, 2),
        "peer, images with a face": f"{peer_found} of {len(few)}",
        "mien, the peer's settings, images per second": round(same_rate, 2),
        "mien, the peer's settings, images with a face": f"{same_found} of {len(files)}",
        "mien, the peer's settings, times the peer": round(same_rate / peer_rate, 2),
        "mien, defaults, images per second": round(default_rate, 2),
        "mien, defaults, rows by status": counts,
        "mien, defaults, times the peer": round(default_rate / peer_rate, 2),
    }
    print(row, file=sys.stderr, flush=True)
    return row


def defaults(manifest: Manifest) -> tuple[float, dict]:
    """`mien data prepare` as it is; the start of its processes falls into a first chunk that is not measured."""
    with tempfile.TemporaryDirectory() as folder:
        points: list[tuple[float, int]] = []
        done = prepare(
            manifest,
            Path(folder) / "pack",
            workers=usable_cores(),
            on_progress=lambda point: points.append((time.perf_counter(), point.done)),
        )
        started, first = points[1]
        rate = (len(manifest) - first) / (time.perf_counter() - started)
        shutil.rmtree(folder, ignore_errors=True)
        Path(folder).mkdir()
    return rate, done.counts


def same_settings(files: list[Path]) -> tuple[float, int]:
    chunks = [files[i : i + CHUNK] for i in range(0, len(files), CHUNK)]
    started, found, first = 0.0, 0, 0
    for crops in ordered(prepare_as_the_field, chunks, usable_cores()):
        found += len(crops)
        if not started:
            started, first = time.perf_counter(), CHUNK
    return (len(files) - first) / (time.perf_counter() - started), found


@lru_cache
def _field_detector() -> Mtcnn:
    return Mtcnn(store.load("mtcnn"), EngineOptions(threads=1), FIELD)


def prepare_as_the_field(files: list[Path]) -> list[bytes]:
    spec = CropSettings(template=arcface_template(112), size=112, policy=Policy())
    cropped = crop_samples([Sample(path, "") for path in files], _field_detector(), spec)
    return [encode_crop(one.crop, 95) for one in cropped if one.crop is not None]


def peer(files: list[Path], engine: str) -> tuple[float, int]:
    model = store.load("mtcnn")
    options = EngineOptions(engine=engine, precision="f32")
    nets = [model.session(part, options) for part in ("pnet", "rnet", "onet")]
    peer_image(files[0], nets)
    started = time.perf_counter()
    found = sum(peer_image(path, nets) is not None for path in files)
    return len(files) / (time.perf_counter() - started), found


def peer_image(path: Path, nets: list) -> bytes | None:
    """One image the field's way."""
    picture = Pillow.open(path).convert("RGB")
    boxes = peer_propose(picture, nets[0])
    for net, side, threshold in ((nets[1], 24, 0.7), (nets[2], 48, 0.8)):
        if not len(boxes):
            return None
        windows = squares(boxes)
        patches = np.stack([np.asarray(cut(picture, window, side)) for window in windows])
        # R-Net gives shifts and probabilities, O-Net shifts, points and probabilities.
        moves, *points, probabilities = net.run(patches)
        probability = probabilities[:, 1]
        good = np.flatnonzero(probability > threshold)
        sides = (windows[good, 2] - windows[good, 0])[:, None]
        boxes = np.column_stack([windows[good, :4] + moves[good] * sides, probability[good]])
        kept = nms(boxes[:, :4].astype(np.float32), boxes[:, 4].astype(np.float32), 0.7)
        boxes, good, windows_kept = boxes[kept], good[kept], windows[good[kept]]
    if not len(boxes):
        return None
    landmarks = place_points(windows_kept[:1, :4].astype(np.float32), points[0][good[:1]])[0]
    matrix = similarity(landmarks, arcface_template(112).points)
    crop = cv2.warpAffine(np.asarray(picture), matrix, (112, 112))
    data = io.BytesIO()
    Pillow.fromarray(crop).save(data, "JPEG", quality=95)
    return data.getvalue()


def peer_propose(picture: Pillow.Image, pnet: object) -> np.ndarray:
    width, height = picture.size
    scale, found = 12 / 20, []
    while min(width, height) * scale >= 12:
        small = picture.resize((int(np.ceil(width * scale)), int(np.ceil(height * scale))), Pillow.BILINEAR)
        moves, probabilities = (output[0] for output in pnet.run(np.asarray(small)[None]))
        rows, columns = np.nonzero(probabilities[1] > 0.6)
        if len(rows):
            corner = np.column_stack([columns, rows]) * 2 / scale
            side = 12 / scale
            boxes = np.column_stack([corner, corner + side]) + moves[:, rows, columns].T * side
            scores = probabilities[1, rows, columns]
            kept = nms(boxes.astype(np.float32), scores.astype(np.float32), 0.5)
            found.append(np.column_stack([boxes, scores])[kept])
        scale *= 0.707
    if not found:
        return np.empty((0, 5))
    everything = np.concatenate(found)
    return everything[nms(everything[:, :4].astype(np.float32), everything[:, 4].astype(np.float32), 0.7)]


def squares(boxes: np.ndarray) -> np.ndarray:
    side = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    x, y = (boxes[:, 0] + boxes[:, 2] - side) / 2, (boxes[:, 1] + boxes[:, 3] - side) / 2
    return np.round(np.column_stack([x, y, x + side, y + side]))


def cut(picture: Pillow.Image, window: np.ndarray, side: int) -> Pillow.Image:
    return picture.crop(tuple(int(v) for v in window[:4])).resize((side, side), Pillow.BILINEAR)


if __name__ == "__main__":
    main()
