"""What the training tests share: small packs of made-up faces, and several processes on one machine."""

import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from forks import Forks
from mien.data.manifest import tabulate
from mien.data.manifest_io import write_manifest
from mien.data.pack import Pack
from mien.data.prepare import PackSettings, prepare
from mien.data.sample import Sample
from mien.evaluate import render
from mien.evaluate.charts import Drawing, draw
from mien.evaluate.report import Chart
from mien.library import engine_check
from mien.models.golden import golden_image
from mien.types import Box

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")
sys.path.insert(0, str(Path(__file__).parent))

import made_up  # noqa: E402

from mien.train.loop import train  # noqa: E402
from mien.train.recognizers.backbones.registry import BACKBONES, build  # noqa: E402

DRAWN: dict[object, Drawing] = {}


@pytest.fixture(autouse=True)
def drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the charts of reports, one of each name and form is drawn, which takes a third of a short training."""

    def draw_once(chart: Chart, language: str) -> Drawing:
        points = [min(len(series.x), 2) for series in chart.series]
        form = chart.name, chart.kind, language, *points
        if form not in DRAWN:
            DRAWN[form] = draw(chart, language)
        return DRAWN[form]

    monkeypatch.setattr(render, "draw", draw_once)


@pytest.fixture(autouse=True)
def tried_in_few_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exported network runs on every engine, but not once more for each image of a batch of 32."""
    monkeypatch.setattr(engine_check, "BATCHES", (1, 2))


def made_up_face(subject: int, picture: int, size: int) -> np.ndarray:
    """A drawn face in a subject's colours, a little different in each picture."""
    generator = np.random.default_rng([subject, picture])
    base = golden_image(subject, size, size).astype(np.float32)
    tint = np.random.default_rng(subject).uniform(0.4, 1.6, 3)
    noisy = base * tint + generator.normal(0, 12, base.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def face_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FOLDER/subject/*.png of 8 subjects with 6 aligned crops of 112 pixels each."""
    folder = tmp_path_factory.mktemp("faces")
    for subject in range(8):
        (folder / f"s{subject}").mkdir()
        for picture in range(6):
            image = made_up_face(subject, picture, 112)
            cv2.imwrite(str(folder / f"s{subject}" / f"{picture}.png"), image[..., ::-1])
    return folder


@pytest.fixture(scope="session")
def make_pack(tmp_path_factory: pytest.TempPathFactory, face_folder: Path) -> Callable[..., Path]:
    """Packs of the made-up faces."""

    def make(size: int = 112, template: str = "arcface") -> Path:
        out = tmp_path_factory.mktemp("packs") / f"faces-{size}"
        source = face_folder
        if size != 112:
            source = tmp_path_factory.mktemp(f"faces-{size}")
            for subject in range(8):
                (source / f"s{subject}").mkdir()
                for picture in range(6):
                    image = made_up_face(subject, picture, size)
                    cv2.imwrite(str(source / f"s{subject}" / f"{picture}.png"), image[..., ::-1])
        samples = [Sample(path, path.parent.name, aligned=True) for path in sorted(source.rglob("*.png"))]
        prepare(tabulate(samples, source, "faces"), out, PackSettings(size=size, template=template))
        return out

    return make


@pytest.fixture(scope="session")
def face_pack(make_pack: Callable[..., Path]) -> Path:
    """A pack of 48 crops of 8 subjects."""
    path = make_pack()
    assert len(Pack(path)) == 48
    return path


def place_of(rank: int, size: int, port: int) -> dict[str, str]:
    """The environment of one process of several."""
    return os.environ | {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1",
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def together(forks: Forks, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[str], int], None]:
    """Runs a command in several processes that train together."""

    def run(arguments: Sequence[str], size: int) -> None:
        port, output = free_port(), tmp_path_factory.mktemp("together")
        ranks = [forks.start(arguments, output / str(rank), place_of(rank, size, port)) for rank in range(size)]
        for rank, process in enumerate(ranks):
            assert process.wait(240) == 0, (output / f"{rank}.err").read_text()

    return run


def draw_scenes(folder: Path, count: int = 24, side: int = 160) -> Path:
    """Scenes of one to three drawn faces on noise, and their manifest; the first one shows nobody."""
    (folder / "images").mkdir(parents=True)
    samples = []
    template = np.array([(38.3, 51.7), (73.5, 51.5), (56.0, 71.7), (41.5, 92.4), (70.7, 92.2)], np.float32) / 112
    for number in range(count):
        generator = np.random.default_rng([7, number])
        image = generator.integers(90, 130, (side, side, 3)).astype(np.uint8)
        path = folder / "images" / f"{number:03d}.png"
        places = generator.permutation([(0, 0), (80, 0), (0, 80), (80, 80)])[: int(generator.integers(1, 4))]
        if number == 0:
            places = places[:0]
            samples.append(Sample(path, ""))
        for x, y in places.tolist():
            size = int(generator.integers(32, 72))
            left, top = x + int(generator.integers(0, 80 - size)), y + int(generator.integers(0, 80 - size))
            image[top : top + size, left : left + size] = made_up_face(number % 5, number, size)
            points = template * size + (left, top)
            box = Box(left, top, left + size, top + size)
            samples.append(Sample(path, "", box=box, landmarks=points.astype(np.float32), known={"ignore": False}))
        cv2.imwrite(str(path), image[..., ::-1])
    write_manifest(tabulate(samples, folder, "scenes"), folder / "manifest.parquet")
    return folder / "manifest.parquet"


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of made-up scenes."""
    return draw_scenes(tmp_path_factory.mktemp("scenes") / "drawn")


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory, face_pack: Path) -> Path:
    """A whole run, evaluated on its own set."""
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    train(
        made_up.recognizer_recipe(face_pack, evaluate=[{"name": "same", "set": str(face_pack), "every": 3}]), folder
    )
    return folder


@pytest.fixture(scope="session")
def foreign_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's MobileFaceNet."""
    torch.manual_seed(5)
    path = tmp_path_factory.mktemp("weights") / "theirs.pth"
    torch.save({f"module.{key}": value for key, value in build("mobilefacenet", 32).state_dict().items()}, path)
    return path


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """The section [model] of a recipe for a network that takes hardly any time."""
    monkeypatch.setitem(BACKBONES, "tiny", made_up.TINY)
    return {"backbone": "tiny", "embedding": 32}


@pytest.fixture(scope="session")
def tuned_run(tmp_path_factory: pytest.TempPathFactory, face_pack: Path, foreign_weights: Path) -> Path:
    folder = tmp_path_factory.mktemp("tuned") / "run"
    train(
        made_up.tuning_recipe(face_pack, foreign_weights, freeze=[0], norms="freeze", anchor=0.5, layer_decay=0.5),
        folder,
    )
    return folder
