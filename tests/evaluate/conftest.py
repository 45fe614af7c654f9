"""Embedded sets without a network, and a few photographs with a small one."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.data.pairs import Pair
from mien.evaluate.protocols.calibration import calibrate
from mien.evaluate.protocols.comparison import comparison
from mien.evaluate.protocols.identification import identification
from mien.evaluate.protocols.impostor import impostor
from mien.evaluate.protocols.mated import mated
from mien.evaluate.protocols.verification import evaluate_pairs
from mien.evaluate.report import Report
from mien.evaluate.scorefile import Embedded, Origin
from mien.library.import_model import ModelHints, import_model
from mien.models import store
from mien.types import Image, floats

ORIGIN = Origin(
    contract="c0ffee", model="a-model", metric="cosine", normalized=True, detector="mtcnn", source="made-set"
)


@pytest.fixture(scope="session")
def make_embedded(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Embedded]:
    """Builds a set of subjects with 1 to 4 samples; sample k of subject n is called `sNNN/k.jpg`."""
    folder = tmp_path_factory.mktemp("pictures")

    def make(
        seed: int = 0, subjects: int = 120, max_samples: int = 4, noise: float = 0.5, **changes: object
    ) -> Embedded:
        generator = np.random.default_rng(seed)
        numbers = np.repeat(np.arange(subjects), generator.integers(1, max_samples + 1, subjects))
        centres = generator.normal(size=(subjects, 12))
        vectors = floats(centres[numbers] + generator.normal(0, noise, (len(numbers), 12)))
        names = [f"s{number:04d}" for number in numbers]
        count: dict[str, int] = {}
        paths = []
        for name in names:
            count[name] = count.get(name, 0) + 1
            paths.append(str(folder / name / f"{count[name]}.jpg"))
        parts: dict[str, object] = {
            "embeddings": vectors,
            "subjects": tuple(names),
            "paths": tuple(paths),
            "records": (-1,) * len(names),
            "names": tuple(paths),
            "strata": {"age_group": tuple("child" if n % 4 == 0 else "adult" for n in numbers)},
            "sha256": tuple(str(number) for number in range(len(names))),
            "origin": ORIGIN,
        }
        return Embedded(**(parts | changes))  # type: ignore[arg-type]

    return make


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "report"


def listed(embedded: Embedded, folds: int = 5) -> list[Pair]:
    """Mated and non-mated pairs of a set, by its names."""
    own: dict[str, list[str]] = {}
    for subject, name in zip(embedded.subjects, embedded.names, strict=True):
        own.setdefault(subject, []).append(name)
    several = [names for names in own.values() if len(names) > 1]
    firsts = [names[0] for names in own.values()]
    pairs = [Pair(a, b, True, i % folds) for i, (a, b, *_) in enumerate(several)]
    return pairs + [Pair(a, b, False, i % folds) for i, (a, b) in enumerate(pairwise(firsts))]


def other_model(make_embedded: Callable[..., Embedded]) -> Embedded:
    """The same set by a worse model."""
    worse = make_embedded(noise=0.8)
    return replace(worse, origin=replace(worse.origin, model="other"))


REPORTS: dict[str, Callable[[Callable[..., Embedded]], Report]] = {
    "verification": lambda make: evaluate_pairs(make(), listed(make()), "pairs.csv"),
    "impostor": lambda make: impostor(make()),
    "mated": lambda make: mated(make()),
    "identification": lambda make: identification(make()),
    "calibration": lambda make: calibrate(make(subjects=300)),
    "comparison": lambda make: comparison(make(), other_model(make)),
}


@pytest.fixture(scope="session", params=REPORTS)
def report(request: pytest.FixtureRequest, make_embedded: Callable[..., Embedded]) -> Report:
    """A report of each protocol, its texts in no language yet."""
    return REPORTS[request.param](make_embedded)


@pytest.fixture(scope="session")
def list_pairs() -> Callable[[Embedded], list[Pair]]:
    """Mated and non-mated pairs of a set."""
    return listed


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory, collins: Image, hopper: Image) -> Path:
    """Two photographs of one person, one of another, and one of nobody."""
    root = tmp_path_factory.mktemp("people")
    pictures = {"Collins/1": collins, "Collins/2": collins[:400, 60:460], "Hopper/1": hopper}
    for name, image in {**pictures, "Nobody/1": np.full((90, 80, 3), 99, np.uint8)}.items():
        (root / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(root / f"{name}.png"), image[:, :, ::-1])
    return root


@pytest.fixture(scope="session")
def network(make_recognizer: Callable[..., bytes]) -> str:
    """A small recognizer of 112 pixels, which takes crops of a pack."""
    return str(store.save(*import_model(make_recognizer(), "tiny-112", ModelHints(colour="RGB"))).folder)
