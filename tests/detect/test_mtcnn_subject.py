"""Coarse levels first: the subject and its rivals are those of a look at everything, with fewer pixels."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from mien.detect.detector import SubjectDetector
from mien.detect.mtcnn import Mtcnn
from mien.detect.mtcnn_pyramid import Level, MtcnnSettings, halvings, levels_of
from mien.detect.mtcnn_subject import FIRST, first_levels, further_levels
from mien.detect.prominence import most_prominent
from mien.image import read_image
from mien.models import store
from mien.models.options import EngineOptions
from mien.types import Box, Face, Faces, Image

WIDTH, HEIGHT = 400, 300
CANVAS = np.zeros((HEIGHT, WIDTH, 3), np.uint8)


def face(side: float, score: float = 0.999, x: float = WIDTH / 2, y: float = HEIGHT / 2) -> Face:
    box = Box(x - side / 2, y - side / 2, x + side / 2, y + side / 2)
    return Face(box, score, np.zeros((5, 2), np.float32))


def levels() -> list[Level]:
    return levels_of(0, halvings(CANVAS), MtcnnSettings())


def windows(some: Sequence[Level]) -> list[float]:
    """Sides of P-Net's windows in pixels of the image."""
    return [12 * WIDTH / level.width for level in some]


def finer() -> list[Level]:
    return levels()[: len(levels()) - len(first_levels(levels(), CANVAS))]


def test_the_first_look_is_at_windows_from_a_sixth_of_the_shorter_side_on() -> None:
    first = first_levels(levels(), CANVAS)
    assert first == levels()[-len(first) :] and min(windows(first)) >= FIRST * HEIGHT > max(windows(finer()))
    assert len(finer()) == 2


def test_a_tiny_image_has_a_first_look_all_the_same() -> None:
    single = levels()[:1]
    assert first_levels(single, np.zeros((1000, 1000, 3), np.uint8)) == single


@pytest.mark.parametrize(
    "faces", [(), (face(150, 0.89),), (face(90, x=100), face(80, x=300))], ids=["none", "unsure", "rivals"]
)
def test_everything_is_looked_at_where_the_subject_is_in_doubt(faces: Faces) -> None:
    assert further_levels(finer(), faces, CANVAS) == finer()


def test_finer_levels_follow_as_far_as_there_is_room_for_a_rival() -> None:
    assert further_levels(finer(), (face(150),), CANVAS) == []
    some = further_levels(finer(), (face(80),), CANVAS)
    assert some == finer()[1:] and windows(some)[0] < 0.6 * 80
    assert further_levels(finer(), (face(60),), CANVAS) == finer()
    assert further_levels(finer(), (face(150, x=0, y=0),), CANVAS) == finer(), "at the border it counts less"


class Counted(Mtcnn):
    """Counts the windows that P-Net is asked about."""

    looked = 0

    def _propose(self, levels, images):  # type: ignore[no-untyped-def]
        every = list(levels)
        self.looked += sum(level.width * level.height for level in every)
        return super()._propose(every, images)


@pytest.fixture(scope="module")
def detector() -> Counted:
    return Counted(store.load("mtcnn"), EngineOptions(threads=1))


def assert_same_subject(image: Image, subjects: Faces, everything: Faces) -> None:
    """The same face, with the same rivals, to a hundredth of the distance between its eyes."""
    height, width = image.shape[:2]
    best, rival = most_prominent(subjects, width, height)
    other, others_rival = most_prominent(everything, width, height)
    a, b = subjects[best].landmarks, everything[other].landmarks
    assert rival == others_rival
    assert np.abs(a - b).max() < 0.01 * np.linalg.norm(a[0] - a[1])


def test_the_subject_is_that_of_a_look_at_everything_for_less(
    detector: Counted, collins: Image, hopper: Image
) -> None:
    images = [collins, hopper, collins[:300, 100:400]]
    detector.looked = 0
    subjects = detector.detect_subjects(images)
    less, detector.looked = detector.looked, 0
    everything = detector.detect(images)
    assert less < 0.5 * detector.looked
    for image, own, all_ in zip(images, subjects, everything, strict=True):
        assert_same_subject(image, own, all_)


def test_two_people_of_one_size_are_both_found(detector: Counted, hopper: Image) -> None:
    image = np.hstack([hopper, hopper[:, ::-1]])
    (subjects,), (everything,) = detector.detect_subjects([image]), detector.detect([image])
    assert len(subjects) == len(everything) == 2 and most_prominent(subjects, 1024, 600)[1]
    assert_same_subject(image, subjects, everything)


def test_a_small_face_alone_is_found_and_next_to_a_large_one_it_does_not_count(
    detector: Counted, collins: Image, hopper: Image
) -> None:
    small = cv2.resize(collins[20:220, 130:330], (72, 72), interpolation=cv2.INTER_AREA)
    alone = np.full((600, 512, 3), 90, np.uint8)
    alone[500:572, 20:92] = small
    both = hopper.copy()
    both[500:572, 20:92] = small
    wall = np.full((200, 300, 3), 90, np.uint8)
    found = detector.detect_subjects([alone, both, wall])
    everything = detector.detect([alone, both, wall])
    assert [len(faces) for faces in everything] == [1, 2, 0]
    assert found[0] and found[2] == ()
    for image, own, all_ in zip([alone, both], found, everything, strict=False):
        assert_same_subject(image, own, all_)


def test_a_subject_is_where_it_is_whatever_images_are_looked_at_together(
    detector: Counted, collins: Image, hopper: Image
) -> None:
    assert isinstance(detector, SubjectDetector) and detector.detect_subjects([]) == []
    images = [hopper[:400], collins, np.hstack([hopper, hopper]), collins[:200, 100:400]]
    for image, faces in zip(images, detector.detect_subjects(images), strict=True):
        (alone,) = detector.detect_subjects([image])
        assert len(faces) == len(alone) >= 1
        for a, b in zip(faces, alone, strict=True):
            np.testing.assert_allclose(a.landmarks, b.landmarks, atol=0.05)


@pytest.mark.real
def test_subjects_of_real_photographs_are_those_of_a_look_at_everything(detector: Counted, data: Path) -> None:
    files = sorted((data / "celeba" / "img_celeba").glob("*.jpg"))[:24]
    images = [read_image(path) for path in files]
    subjects, everything = detector.detect_subjects(images), detector.detect(images)
    assert sum(1 for faces in everything if faces) >= 20
    for image, own, all_ in zip(images, subjects, everything, strict=True):
        assert bool(own) == bool(all_)
        if all_:
            assert_same_subject(image, own, all_)
