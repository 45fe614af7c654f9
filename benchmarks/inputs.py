"""What benchmarks run on: the measuring data, or tiny stand-ins for smoke runs.

Full runs read LFW, CelebA and models from the folder that MIEN_TEST_DATA names (default: ../shared/data). Smoke runs
never read that folder: their photographs are warped copies of two public-domain portraits, Eileen Collins
(scikit-image) and Grace Hopper (matplotlib), and their models are those that come with mien.
"""

import os
import sys
import tarfile
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from onnx import TensorProto, helper, numpy_helper

import machine
from mien.data.manifest import tabulate
from mien.data.manifest_io import write_manifest
from mien.data.prepare import PackSettings, prepare
from mien.data.sample import Sample
from mien.detect.families import open_detector
from mien.image import read_image
from mien.library.add import PortraitRole
from mien.library.add import add_model as add_network
from mien.library.import_model import ModelHints, import_model
from mien.models import store
from mien.models.card import PortraitModelSpec
from mien.models.defaults import package_file
from mien.portrait.measures import mesh

DATA = Path(os.environ.get("MIEN_TEST_DATA", machine.ROOT.parent / "shared" / "data"))
MODELS = {
    "scrfd": ("scrfd_2.5g_bnkps.onnx", ModelHints()),
    "mobilefacenet": ("mobilefacenet.onnx", ModelHints(colour="RGB")),
    "face-reid-0095": (
        "face-reid-0095.onnx",
        ModelHints(colour="BGR", mean=(0, 0, 0), scale=(1, 1, 1), mirror=True, template="arcface-96x112"),
    ),
    "scrfd-2.5g": (
        "scrfd_2.5g_bnkps.onnx",
        ModelHints(licence="InsightFace weights: non-commercial research", source="scrfd_2.5g_bnkps.onnx"),
    ),
    "yunet": ("yunet_n_dynamic.onnx", ModelHints(licence="Apache-2.0 style", source="yunet_n_dynamic.onnx")),
    "ultra-light-rfb-320": (
        "ultralight_rfb_320.onnx", ModelHints(licence="MIT", source="ultralight_rfb_320.onnx"),
    ),
}  # fmt: skip
"""The file of each model of the measuring data, and what its card cannot read from it."""

PORTRAITS = (
    ("scikit-image", "skimage/data/astronaut.png", (222.0, 117.0), 1.05),
    ("matplotlib", "matplotlib/mpl-data/sample_data/grace_hopper.jpg", (266.0, 227.0), 0.52),
)
"""Package, file, centre of the face in pixels, and the scale that makes the face as large as LFW's faces are."""


def need(path: Path) -> Path:
    """A path that a benchmark cannot do without."""
    if not path.exists():
        sys.exit(f"{path} is missing: set MIEN_TEST_DATA to the folder with the measuring data")
    return path


def add_model(name: str) -> str:
    """Put a model of the measuring data into the model store; return its name."""
    file, hints = MODELS[name]
    store.save(*import_model(need(DATA / "models" / file).read_bytes(), name, hints))
    return name


def systems(*, smoke: bool) -> dict[str, tuple[str, str]]:
    """Detector and recognizer of the compared systems; a smoke run has the default system alone."""
    found = {"default (mtcnn, dlib-resnet)": ("mtcnn", "dlib-resnet")}
    if not smoke:
        found["mtcnn, face-reid-0095"] = "mtcnn", add_model("face-reid-0095")
        found["SCRFD-2.5G, MobileFaceNet"] = add_model("scrfd"), add_model("mobilefacenet")
    return found


def lfw(folder: Path, *, smoke: bool, people: int = 4, images: int = 3) -> list[Path]:
    """LFW's photographs, extracted to folder/images_deepfunneled/NAME/NAME_0001.jpg; sorted.

    Args:
        folder: where they go.
        smoke: make `people` times `images` photographs of the same size instead.
        people: made subjects.
        images: photographs of each made subject.
    """
    if smoke:
        return made_people(folder / "images_deepfunneled", people, images)
    with tarfile.open(need(DATA / "lfw" / "lfw-deepfunneled.tar")) as archive:
        archive.extractall(folder, filter="data")
    return sorted(path for path in folder.rglob("*.jpg") if not path.name.startswith("._"))


def some(paths: list[Path], count: int) -> list[Path]:
    """`count` paths drawn at random, the same ones in every run."""
    order = np.random.default_rng(0).permutation(len(paths))
    return sorted(paths[i] for i in order[:count])


def made_people(folder: Path, people: int, images: int) -> list[Path]:
    """Photographs of 250x250 of made subjects, each a portrait with a tint of its own, turned and shifted."""
    generator, paths = np.random.default_rng(0), []
    for person in range(people):
        tint = generator.uniform(0.8, 1.1, 3)
        for number in range(1, images + 1):
            name = f"Made_Person{person:03d}"
            path = folder / name / f"{name}_{number:04d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            image = portrait(person, generator.uniform(-6, 6), tuple(generator.uniform(-6, 6, 2)))
            image = np.clip(image * tint, 0, 255).astype(np.uint8)
            path.write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), 92, "RGB"))
            paths.append(path)
    return paths


def portrait(number: int, degrees: float = 0.0, shift: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """(250, 250, 3) uint8 RGB: one of the two portraits, turned and shifted, its face as large as in LFW."""
    package, file, centre, scale = PORTRAITS[number % len(PORTRAITS)]
    matrix = cv2.getRotationMatrix2D(centre, degrees, scale)
    matrix[:, 2] += np.array([125.0, 130.0]) - centre + shift
    return np.asarray(cv2.warpAffine(_read(package, file), matrix, (250, 250), borderMode=cv2.BORDER_REPLICATE))


@cache
def _read(package: str, file: str) -> np.ndarray:
    """An image of a package, which is read once."""
    return read_image(package_file(package, file))


def pairs_file(path: Path, *, smoke: bool) -> Path:
    """LFW's View 2 pairs; for a smoke run, pairs of the made people in two folds."""
    if not smoke:
        return need(DATA / "lfw" / "pairs.txt")
    names = [f"Made_Person{person:03d}" for person in range(4)]
    lines = ["2\t2"]
    for one, other in ((names[0], names[1]), (names[2], names[3])):
        lines += [f"{one}\t1\t2", f"{other}\t1\t2", f"{one}\t1\t{other}\t1", f"{one}\t2\t{other}\t2"]
    path.write_text("\n".join(lines) + "\n")
    return path


def pack(folder: Path, paths: list[Path], workers: int = 1) -> Path:
    """A pack of aligned crops of photographs, each in the folder of its subject."""
    manifest = tabulate([Sample(path, path.parent.name) for path in paths], Path("/"), "set")
    prepare(manifest, folder, PackSettings(multiple_faces="largest"), workers=workers)
    return folder


def made_pack(folder: Path, people: int = 4, images: int = 6) -> Path:
    """A pack of made people."""
    return pack(folder / "pack", made_people(folder / "people", people, images))


def annotated(folder: Path, people: int) -> Path:
    """A manifest of made people whose boxes and landmarks come from MTCNN."""
    detector, samples = open_detector("mtcnn"), []
    for path in made_people(folder / "images", people, 1):
        face = detector.detect([read_image(path)])[0][0]
        samples.append(Sample(path, path.parent.name, box=face.box, landmarks=face.landmarks))
    write_manifest(tabulate(samples, folder, "made"), folder / "manifest.parquet")
    return folder / "manifest.parquet"


def clip(path: Path, *, smoke: bool) -> Path:
    """The measuring video; for a smoke run, 6 frames of a moving portrait."""
    if not smoke:
        return need(DATA / "video" / "short_hamilton_clip.mp4")
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (250, 250))
    for number in range(6):
        writer.write(cv2.cvtColor(portrait(0, shift=(3.0 * number, 0.0)), cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def fixed_network(side: int, *answers: np.ndarray) -> bytes:
    """An ONNX file that takes images of one size and always gives the same answers, for smoke runs."""
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Reshape", ["nothing", "column"], ["rows"]),
    ]
    weights = [
        numpy_helper.from_array(np.zeros(1, np.float32), "zero"),
        numpy_helper.from_array(np.array([-1, 1], np.int64), "column"),
    ]
    outputs = []
    for number, answer in enumerate(answers):
        row = answer.astype(np.float32).reshape(1, -1)
        nodes.append(helper.make_node("Add", ["rows", f"answer{number}"], [f"output{number}"]))
        weights.append(numpy_helper.from_array(row, f"answer{number}"))
        shape = ["batch", row.shape[1]]
        outputs.append(helper.make_tensor_value_info(f"output{number}", TensorProto.FLOAT, shape))
    taken = [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, side, side])]
    graph = helper.make_graph(nodes, "fixed", taken, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def made_mesh(folder: Path) -> str:
    """A model of the store with the five landmarks of an upright face, for smoke runs."""
    points = np.zeros((468, 3))
    spots = ((74, 82), (118, 82), (96, 104), (80, 124), (112, 124))
    for group, (x, y) in zip(mesh.FIVE, spots, strict=True):
        points[list(group), :2] = (x, y)
        points[group[0], 0] -= 8 * (len(group) > 1)
        points[group[-1], 0] += 8 * (len(group) > 1)
    points[mesh.CHIN, :2], points[list(mesh.LIPS), :2] = (96, 160), (96, 124)
    return _add_portrait_model(
        folder, "mesh", PortraitModelSpec(crop="upright", output="pixels"), 192, points, np.ones(1)
    )


def made_iris(folder: Path) -> str:
    """A model of the store that sees open eyes which look ahead, for smoke runs."""
    lids = np.zeros((71, 3))
    lids[:9, 0], lids[:9, 1] = np.linspace(18, 46, 9), 36
    lids[9:16, 0], lids[9:16, 1] = np.linspace(20, 44, 7), 28
    lids[[0, 8], 1] = 32
    spec = PortraitModelSpec(crop="eyes", margin=2.3, output="pixels")
    return _add_portrait_model(folder, "iris", spec, 64, lids, np.tile((32.0, 32.0, 0.0), 5))


def _add_portrait_model(folder: Path, family: str, spec: PortraitModelSpec, side: int, *answers: np.ndarray) -> str:
    path = folder / f"made-{family}.onnx"
    path.write_bytes(fixed_network(side, *answers))
    hints = ModelHints(colour="RGB", mean=(0.0, 0.0, 0.0), scale=(255.0, 255.0, 255.0))
    return add_network(path, hints=hints, role=PortraitRole(family, spec)).card.name
