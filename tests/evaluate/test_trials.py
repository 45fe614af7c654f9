"""Transforms before detection, and what the protocol makes of them."""

import numpy as np
import pytest

from mien.detect.families import open_detector
from mien.evaluate.trials import Original, Trials, cells, probe_with, run_trials
from mien.models import store
from mien.progress import Progress
from mien.recognize.recognizer import Recognizer
from mien.types import Floats, Image, floats


@pytest.fixture(scope="module")
def points(collins: Image) -> np.ndarray:
    return open_detector().detect([collins])[0][0].landmarks


def test_the_whole_path_on_a_real_portrait(collins: Image, points: np.ndarray) -> None:
    detector, recognizer = open_detector(), Recognizer(store.load("dlib-resnet"))
    probe = probe_with(detector, recognizer)
    grey = np.full((200, 200, 3), 128, np.uint8)
    embedding, nothing = probe([collins, grey])
    assert embedding is not None and nothing is None
    originals = iter([Original(collins, points, embedding, 0)])
    names = ("jpeg", "dark")
    trials = run_trials(originals, probe, "l2", corruptions=names, seed=1)
    assert trials.similarity.shape == (1, 2, 5)
    assert -0.4 < trials.similarity[0, 0, 0] < 0, "a mild JPEG is the same person to the default model"
    assert not trials.similarity[0, 1, 4] > trials.similarity[0, 1, 0], "darkness does not help"


def test_the_prominent_face_of_a_copy_is_embedded_alone(collins: Image) -> None:
    recognizer = Recognizer(store.load("dlib-resnet"))
    counts: list[int] = []

    class Counting:
        template, size = recognizer.template, recognizer.size

        def embed(self, crops: list[Image]) -> Floats:
            counts.append(len(crops))
            return recognizer.embed(crops)

    twins = np.concatenate([collins, collins[:, ::-1]], axis=1)
    (embedding,) = probe_with(open_detector(), Counting())([twins])  # type: ignore[arg-type]
    assert counts == [1] and embedding is not None and np.isfinite(embedding).all()


def test_a_copy_without_a_face_is_a_non_match_and_counted_apart() -> None:
    similarity = np.full((4, 1, 5), 0.9, np.float32)
    similarity[0, 0, 1] = np.nan
    similarity[1, 0, 1] = 0.1
    found = {cell.severity: cell for cell in cells(Trials(("blur",), similarity, np.arange(4)), 0.5)}
    assert found[1].fnmr.value == 0 and found[2].fnmr.value == 0.5 and found[2].not_detected.value == 0.25


def test_each_image_gets_noise_of_its_own_from_the_runs_seed(collins: Image, points: np.ndarray) -> None:
    seen: list[Image] = []

    def keep(images: list[Image]) -> list[np.ndarray | None]:
        seen.append(images[0])
        return [None] * len(images)

    original = Original(collins, points, floats([1, 0]), 0)
    for seed in (1, 1, 2):
        run_trials([original, original], keep, "cosine", corruptions=["noise"], seed=seed)
    digests = [image.tobytes() for image in seen]
    assert set(digests[0:2]) == set(digests[2:4]), "the same seed gives the same copies"
    assert len(set(digests)) == 4, "another image or another seed gives other copies"


def test_distances_are_similarities_below_zero() -> None:
    one = Original(np.zeros((4, 4, 3), np.uint8), floats([[0, 0]] * 5), floats([1, 0]), 7)
    seen: list[Progress] = []
    trials = run_trials(
        [one, one],
        lambda images: [floats([0, 0])] * len(images),
        "l2",
        corruptions=["bright"],
        total=2,
        on_progress=seen.append,
    )
    assert trials.subjects.tolist() == [7, 7] and (trials.similarity == -1).all()
    assert [(step.done, step.total) for step in seen] == [(1, 2), (2, 2)]
