"""A gallery's model is exchanged whole: what it held before is found by the new model's embeddings."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mien.errors import ContractError, GalleryError
from mien.gallery.enrolment import enrol
from mien.gallery.gallery import Gallery
from mien.gallery.names import find_subject
from mien.gallery.profiles import Profile
from mien.gallery.records import GallerySettings
from mien.gallery.reenrolment import reenrol
from mien.gallery.stores import open_store
from mien.library.import_model import ModelHints, import_model
from mien.models import store
from mien.pipeline import open_pipeline
from mien.progress import Progress

Make = Callable[..., bytes]


@pytest.fixture
def gallery(tmp_path: Path, collins_path: Path, hopper_path: Path) -> Path:
    for name, path in (("Collins", collins_path), ("Hopper", hopper_path)):
        (tmp_path / "people" / name).mkdir(parents=True)
        (tmp_path / "people" / name / f"1{path.suffix}").write_bytes(path.read_bytes())
    assert enrol(tmp_path / "g", tmp_path / "people").counts == {"enrolled": 2}
    return tmp_path / "g"


def test_the_portraits_are_embedded_as_the_new_model_embeds_the_files(
    gallery: Path, hopper_path: Path, make_recognizer: Make
) -> None:
    store.save(*import_model(make_recognizer(seed=9), "net-exchange", ModelHints(colour="RGB")))
    points: list[Progress] = []
    done = reenrol(gallery, "net-exchange", on_progress=points.append)
    card = store.load("net-exchange").card
    assert done.templates == 2 and (done.identity.model, done.identity.contract) == ("net-exchange", card.contract)
    assert points == [Progress(stage="embedding", done=2, total=2)]
    with pytest.raises(ContractError, match="mien reenrol"):
        Gallery.open(gallery, store.load("dlib-resnet").card)
    direct = next(open_pipeline(recognizer="net-exchange").analyse([hopper_path])).embeddings
    opened = Gallery.open(gallery, card)
    best = opened.search(direct, 1)[0][0]
    opened.close()
    assert best.subject == "Hopper" and best.score.value > 0.99


def test_there_and_back_gives_the_same_embeddings(gallery: Path, make_recognizer: Make) -> None:
    def embeddings() -> np.ndarray:
        opened = open_store(gallery)
        found = np.concatenate(
            [opened.subject_embeddings(find_subject(opened, name).id) for name in ("Collins", "Hopper")]
        )
        opened.close()
        return found

    reenrol(gallery, "dlib-resnet")
    before = embeddings()
    store.save(*import_model(make_recognizer(seed=9), "net-exchange", ModelHints(colour="RGB")))
    reenrol(gallery, "net-exchange")
    assert embeddings().shape != before.shape
    reenrol(gallery, "dlib-resnet")
    assert np.allclose(embeddings(), before, atol=1e-5)


def test_a_gallery_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="gone"):
        reenrol(tmp_path / "gone")


def test_subjects_whose_portrait_is_not_kept_are_named_and_nothing_changes(
    gallery: Path, tmp_path: Path, collins_path: Path, make_recognizer: Make
) -> None:
    store.save(*import_model(make_recognizer(seed=9), "net-exchange", ModelHints(colour="RGB")))
    opened = open_store(gallery)
    opened.change_settings(GallerySettings(keep="none"))
    opened.create_subject(Profile("Waiting"))
    (tmp_path / "more" / "Without").mkdir(parents=True)
    (tmp_path / "more" / "Without" / "1.png").write_bytes(collins_path.read_bytes())
    assert enrol(gallery, tmp_path / "more").counts == {"enrolled": 1}
    before = opened.change_number()
    with pytest.raises(GalleryError, match=r"no portrait of 1 of its samples.*subjects 'Without'.*--leave-out"):
        reenrol(gallery, "net-exchange")
    assert opened.change_number() == before and opened.count() == 3
    done = reenrol(gallery, "net-exchange", leave_out=True)
    assert done.templates == 2 and done.erased == {"Without": 1}
    assert [(row.name, row.templates) for row in open_store(gallery).subjects()] == [
        ("Collins", 1),
        ("Hopper", 1),
        ("Waiting", 0),
        ("Without", 0),
    ]
