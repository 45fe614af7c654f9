"""What all tests share: their own model store, two portraits, and the measuring data where it is available."""

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from hypothesis import settings
from onnx import TensorProto, helper, numpy_helper

from forks import Forks
from mien.data.manifest import tabulate
from mien.data.manifest_io import write_manifest
from mien.data.sample import Sample
from mien.detect.families import open_detector
from mien.evaluate.corruptions import corrupt
from mien.image import read_image
from mien.models import batches, store
from mien.models.card import ModelCard
from mien.models.defaults import DEFAULTS, package_file
from mien.models.golden import golden_image
from mien.models.options import DEFAULT_OPTIONS, EngineOptions
from mien.models.session import Session
from mien.types import Box, Floats, Image, floats

# Property tests draw the same examples on every machine, and a slow one does not fail for being slow.
settings.register_profile("mien", deadline=None, derandomize=True)
settings.load_profile("mien")

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("MIEN_TEST_DATA", ROOT.parent / "shared" / "data"))
FRESH = "MIEN_FRESH_PROCESS"
"""Set where a test that is marked `fresh_process` runs."""


def pytest_collection_finish() -> None:
    """What is imported by now stays until the end: looking through it for garbage took a 25th of the time."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is marked `fresh_process` by another pytest; the mark is not seen there."""
    if pyfuncitem.get_closest_marker("fresh_process") is None or FRESH in os.environ:
        return None
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", pyfuncitem.nodeid]
    done = subprocess.run(words, cwd=ROOT, env=own | {FRESH: "1"}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
    return True


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model store that starts empty and is shared by the whole run; the user's own settings do not reach it."""
    folder = tmp_path_factory.mktemp("home")
    os.environ["MIEN_HOME"] = str(folder)
    os.environ["XDG_CONFIG_HOME"] = str(folder / "config")
    os.environ.pop("XDG_DATA_HOME", None)
    return folder


@pytest.fixture(scope="session", autouse=True)
def opened_once(home: Path) -> Iterator[None]:
    """The networks that come with mien are opened once for all tests, which open them some hundred times.

    A session is safe to share and keeps no state between calls. Whatever decides how one is opened is in its key, so
    a test that changes a card or a file, or that has a model store of its own, opens for itself.
    """
    real, opened = store.open_session, dict[object, Session]()

    def open_once(card: ModelCard, folder: Path, part: str, options: EngineOptions = DEFAULT_OPTIONS) -> Session:
        path = folder / card.files[part].path if part in card.files else folder
        if card.name not in DEFAULTS or folder.parent.parent != home or not path.is_file():
            return real(card, folder, part, options)
        state = path.stat()
        key = card.model_dump_json(), part, options, state.st_mtime_ns, state.st_size, state.st_ino
        if key not in opened:
            opened[key] = real(card, folder, part, options)
        return opened[key]

    store.open_session = open_once
    yield
    store.open_session = real


@pytest.fixture(scope="session", autouse=True)
def golden_images_drawn_once() -> Iterator[None]:
    """Each model that a test adds is tried on the same 32 images, whose drawing takes longer than a small network."""
    batches.golden_image = lru_cache(maxsize=64)(golden_image)
    yield
    batches.golden_image = golden_image


@pytest.fixture(scope="session")
def forks() -> Iterator[Forks]:
    """Starts programs that need not import everything again; see forks.py."""
    made = Forks()
    yield made
    made.close()


@pytest.fixture(scope="session")
def turns() -> dict[int, Callable[[Image], Image]]:
    """How stored pixels follow from the upright picture for each EXIF orientation (CIPA DC-008)."""
    return {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }


@pytest.fixture(scope="session")
def data() -> Path:
    """The measuring data."""
    if not DATA.is_dir():
        pytest.skip(f"the measuring data is not at {DATA}; set MIEN_TEST_DATA")
    return DATA


@pytest.fixture(scope="session")
def collins_path() -> Path:
    return package_file("scikit-image", "skimage/data/astronaut.png")


@pytest.fixture(scope="session")
def hopper_path() -> Path:
    return package_file("matplotlib", "matplotlib/mpl-data/sample_data/grace_hopper.jpg")


@pytest.fixture(scope="session")
def collins(collins_path: Path) -> Image:
    """Eileen Collins, one face in the upper middle, (512, 512, 3)."""
    return read_image(collins_path)


@pytest.fixture(scope="session")
def hopper(hopper_path: Path) -> Image:
    """Grace Hopper, one face, (600, 512, 3)."""
    return read_image(hopper_path)


@pytest.fixture(scope="session")
def masked(collins: Image) -> Image:
    """Eileen Collins with a mask drawn over her lower face."""
    return corrupt(collins, open_detector().detect([collins])[0][0].landmarks, "mask", 3, 1)


@pytest.fixture(scope="session")
def annotated(tmp_path_factory: pytest.TempPathFactory, hopper_path: Path) -> Path:
    """Two portraits of packages, annotated by what the default detector finds, and rows that cannot be used."""
    folder = tmp_path_factory.mktemp("annotated")
    blank, broken = folder / "blank.png", folder / "broken.jpg"
    cv2.imwrite(str(blank), np.full((200, 300, 3), 80, np.uint8))
    broken.write_bytes(hopper_path.read_bytes()[:20_000])
    own = open_detector().detect([read_image(hopper_path)])[0][0]
    rows = [
        Sample(hopper_path, "", box=own.box, landmarks=own.landmarks, known={"blur": 0}),
        Sample(hopper_path, "", box=Box(5, 5, 5, 30), known={"blur": 1}),
        Sample(hopper_path, "", box=Box(float("nan"), 5, 9, 30), known={"blur": 1}),
        Sample(blank, ""),
        Sample(broken, "", box=Box(5, 5, 50, 60), known={"blur": 1}),
        Sample(folder / "missing.jpg", "", box=Box(5, 5, 50, 60)),
        Sample(blank, "", box=Box(-90, 5, -5, 60)),
        Sample(blank, "", box=Box(310, 5, 350, 60)),
    ]
    write_manifest(tabulate(rows, folder, "x"), folder / "manifest.parquet")
    return folder / "manifest.parquet"


@pytest.fixture(scope="session")
def by_brightness() -> bytes:
    """A network of three scores of which the middle one rises with the mean of all pixels, 0 at 50."""
    nodes = [
        helper.make_node("ReduceMean", ["input"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Reshape", ["mean", "shape"], ["column"]),
        helper.make_node("Add", ["column", "middle"], ["risen"]),
        helper.make_node("Mul", ["risen", "steps"], ["scores"]),
    ]
    weights = [
        numpy_helper.from_array(np.array([-1, 1], np.int64), "shape"),
        numpy_helper.from_array(np.array([[-50]], np.float32), "middle"),
        numpy_helper.from_array(np.array([[-0.1, 0.1, -0.1]], np.float32), "steps"),
    ]
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 80, 80])]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 3])]
    graph = helper.make_graph(nodes, "brightness", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@pytest.fixture(scope="session")
def make_recognizer() -> Callable[..., bytes]:
    """Builds a small recognizer as ONNX: a convolution, a mean over the map, a linear layer."""

    def make(
        colour: str = "RGB", size: int = 112, dimension: int = 64, batch: int | str = "batch", seed: int = 0
    ) -> bytes:
        generator = np.random.default_rng(seed)
        kernel = generator.standard_normal((16, 3, 5, 5)).astype(np.float32)
        if colour == "BGR":
            kernel = kernel[:, ::-1].copy()
        cells = ((size - 5) // (size // 8) + 1 - 1) ** 2
        matrix = generator.standard_normal((16 * cells, dimension)).astype(np.float32)
        nodes = [
            helper.make_node("Conv", ["input", "kernel"], ["c"], strides=[size // 8] * 2),
            helper.make_node("Relu", ["c"], ["r"]),
            helper.make_node("AveragePool", ["r"], ["s"], kernel_shape=[2, 2], strides=[1, 1]),
            helper.make_node("Flatten", ["s"], ["f"]),
            helper.make_node("MatMul", ["f", "matrix"], ["embedding"]),
        ]
        weights = [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(matrix, "matrix")]
        graph = helper.make_graph(
            nodes,
            "recognizer",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, size, size])],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, dimension])],
            weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(model)
        return bytes(model.SerializeToString())

    return make


@pytest.fixture(scope="session")
def fixed_detector() -> bytes:
    """A detector of 128x96 pixels as ONNX that finds the same face in every image, as quick as a detector can be."""
    answers = {"scores": [[[0.1, 0.9]] * 2], "boxes": [[[0.3, 0.2, 0.6, 0.7]] * 2]}
    weights = [numpy_helper.from_array(np.zeros((), np.float32), "zero")]
    nodes = [
        helper.make_node("ReduceSum", ["input"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
    ]
    outputs = []
    for name, answer in answers.items():
        value = np.array(answer, np.float32)
        weights.append(numpy_helper.from_array(value, f"{name}_value"))
        nodes.append(helper.make_node("Add", [f"{name}_value", "nothing"], [name]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape))
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, 96, 128])
    graph = helper.make_graph(nodes, "detector", [given], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def make_world(seed: int, subjects: int = 60, dimension: int = 6) -> tuple[Floats, np.ndarray, list[str]]:
    """Subjects with 1 to 4 samples around their centres, in two strata."""
    generator = np.random.default_rng(seed)
    numbers = np.repeat(np.arange(subjects), generator.integers(1, 5, subjects))
    shuffled = generator.permutation(len(numbers))
    numbers = numbers[shuffled]
    centres = generator.normal(size=(subjects, dimension))
    strata = ["child" if number % 3 == 0 else "adult" for number in numbers]
    return floats(centres[numbers] + generator.normal(0, 0.6, (len(numbers), dimension))), numbers, strata


def compare_plainly(
    embeddings: Floats, numbers: np.ndarray, metric: str
) -> dict[tuple[int, int], tuple[float, bool]]:
    """Similarity and truth of every pair."""
    found = {}
    for i, j in combinations(range(len(numbers)), 2):
        a, b = embeddings[i].astype(float), embeddings[j].astype(float)
        score = a @ b / np.linalg.norm(a) / np.linalg.norm(b) if metric == "cosine" else -np.linalg.norm(a - b)
        found[i, j] = float(score), bool(numbers[i] == numbers[j])
    return found


@pytest.fixture(scope="session")
def world() -> Callable[..., tuple[Floats, np.ndarray, list[str]]]:
    return make_world


@pytest.fixture(scope="session")
def plain() -> Callable[..., dict[tuple[int, int], tuple[float, bool]]]:
    return compare_plainly


@pytest.fixture(params=["cosine", "l2"])
def metric(request: pytest.FixtureRequest) -> str:
    return str(request.param)
