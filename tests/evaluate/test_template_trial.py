"""The right template is found among wrong ones on some images, and nothing is claimed within the interval."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from mien.data.sample import Sample
from mien.evaluate import template_trial
from mien.evaluate.template_trial import KNOWN, MAX_IMAGES, MAX_OF_SUBJECT, _chosen, _compared, try_templates
from mien.library.import_model import ModelHints, import_model
from mien.models import store
from mien.templates import make_template
from mien.types import Floats

Make = Callable[..., bytes]


def people(count: int, images: int, noise: float, seed: int = 0) -> tuple[list[Floats | None], list[str]]:
    """Embeddings around a centre for each person."""
    generator = np.random.default_rng(seed)
    centres = np.random.default_rng(1).standard_normal((count, 16))
    rows = np.repeat(centres, images, axis=0) + noise * generator.standard_normal((count * images, 16))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return list(rows.astype(np.float32)), [f"s{number // images}" for number in range(count * images)]


def test_a_template_with_clearly_fewer_errors_is_named_with_the_remedy() -> None:
    poor, subjects = people(40, 4, noise=1.6)
    good, _ = people(40, 4, noise=0.4, seed=2)
    trial = _compared(["arcface", "dlib", "box:1"], [poor, good, poor], subjects, "cosine")
    assert trial is not None and trial.better is not None and trial.better.template == "dlib"
    assert (trial.images, trial.people) == (160, 40)
    warning = trial.warning("net")
    assert warning is not None and "add it again with --template 'dlib'" in warning.text("en")
    assert "--template 'dlib'" in warning.text("vi")


def test_a_difference_within_its_interval_is_not_a_warning() -> None:
    one, subjects = people(40, 4, noise=0.8)
    other, _ = people(40, 4, noise=0.8, seed=5)
    trial = _compared(["arcface", "dlib"], [one, other], subjects, "cosine")
    assert trial is not None and trial.better is None and trial.warning("net") is None
    assert trial.tried[0].difference is None and trial.tried[1].difference is not None


def test_images_without_a_crop_in_one_template_are_left_out_of_all() -> None:
    rows, subjects = people(12, 3, noise=0.3)
    holes: list[Floats | None] = [None if place % 3 == 0 else row for place, row in enumerate(rows)]
    trial = _compared(["arcface", "dlib"], [rows, holes], subjects, "cosine")
    assert trial is not None and trial.images == 24


def sample(subject: str, number: int, aligned: bool = False) -> Sample:
    return Sample(Path(f"{subject}-{number}.jpg"), subject, aligned=aligned)


@pytest.mark.parametrize(
    ("samples", "count"),
    [
        ([sample(f"s{n}", k) for n in range(12) for k in range(9)], 12 * MAX_OF_SUBJECT),
        ([sample(f"s{n}", k) for n in range(500) for k in range(2)], MAX_IMAGES),
        ([sample(f"s{n}", k) for n in range(9) for k in range(9)], 0),
        ([sample(f"s{n}", 0) for n in range(50)], 0),
        ([sample(f"s{n}", k, aligned=True) for n in range(50) for k in range(3)], 0),
        ([sample("", k) for k in range(50)], 0),
    ],
)
def test_a_few_images_of_people_with_several_are_tried(samples: Sequence[Sample], count: int) -> None:
    assert len(_chosen(samples)) == count


def test_every_known_template_is_defined_for_crops_of_112_pixels() -> None:
    assert all(make_template(name, 112) for name in KNOWN)


def test_nothing_is_tried_on_too_few_people(make_recognizer: Make, people: Path, tmp_path: Path) -> None:
    model = store.save(*import_model(make_recognizer(), "net-trial", ModelHints(colour="RGB")))
    assert try_templates(model, people, detector="mtcnn") is None


@pytest.mark.slow
def test_the_right_template_of_a_real_recognizer_is_found(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """face-reid-0095 with ArcFace's square crops, on people of CelebA."""
    monkeypatch.setattr(template_trial, "KNOWN", ("arcface", "arcface-96x112"))
    hints = ModelHints(colour="BGR", mean=(0, 0, 0), scale=(1, 1, 1), template="arcface")
    network = (data / "models" / "face-reid-0095.onnx").read_bytes()
    model = store.save(*import_model(network, "net-wrong-template", hints))
    folder = celeba_folder(data, tmp_path, 60)
    trial = try_templates(model, folder, detector="mtcnn")
    assert trial is not None and trial.better is not None and trial.better.template == "arcface-96x112"


def celeba_folder(data: Path, target: Path, people: int) -> Path:
    """Links to photographs of some people, in a folder each."""
    owner = dict(line.split() for line in (data / "celeba" / "identity_CelebA.txt").read_text().splitlines())
    for path in sorted((data / "celeba" / "img_celeba").iterdir()):
        folder = target / "set" / owner[path.name]
        if not folder.is_dir() and len(list((target / "set").glob("*"))) >= people:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        (folder / path.name).symlink_to(path)
    return target / "set"
