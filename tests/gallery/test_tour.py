"""The tour: two people enrolled one after the other, and new images of both decided on each time."""

from pathlib import Path

import numpy as np
import pytest

from mien.data.sample_people import PORTRAITS
from mien.errors import OutputError
from mien.gallery.tour import TourRound, make_images, tour
from mien.image import read_image
from mien.output_names import OutputGuard
from mien.types import Box, Image

CHANGES = ("cropped", "turned", "darkened", "blurred", "recompressed")


@pytest.fixture(scope="module")
def toured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[TourRound, ...], list[TourRound]]:
    """The folder of a tour, its result, and the rounds that were reported meanwhile."""
    folder = tmp_path_factory.mktemp("tour")
    reported: list[TourRound] = []
    return folder, tour(folder, reported.append), reported


def test_every_round_is_reported_when_it_is_done(toured: tuple) -> None:
    _, rounds, reported = toured
    assert tuple(reported) == rounds
    assert [(one.newest, one.subjects) for one in rounds] == [
        ("Eileen Collins", ("Eileen Collins",)),
        ("Grace Hopper", ("Eileen Collins", "Grace Hopper")),
    ]


def test_everybody_is_known_once_enrolled_and_unknown_before(toured: tuple) -> None:
    _, rounds, _ = toured
    for one in rounds:
        assert len(one.images) == 11
        for image in one.images:
            shown = {name for name in PORTRAITS if name.lower().replace(" ", "-") in Path(image.item.name).name}
            expected = shown or set(PORTRAITS)
            assert sorted(person.subject or "unknown" for person in image.people) == sorted(
                name if name in one.subjects else "unknown" for name in expected
            )


def test_a_second_tour_starts_with_an_empty_gallery(toured: tuple) -> None:
    folder, rounds, _ = toured
    again = tour(folder, lambda _: None)
    assert [one.subjects for one in again] == [one.subjects for one in rounds]
    assert sorted(path.name for path in folder.iterdir()) == [".mien-outputs", "enrolled", "images", "people.gallery"]


def test_images_of_a_portrait_differ_from_it_and_from_each_other(
    tmp_path: Path, hopper: Image, collins: Image
) -> None:
    head = Box(200, 120, 340, 300)
    files = make_images(
        {"Grace Hopper": hopper, "Eileen Collins": collins}, dict.fromkeys(PORTRAITS, head), tmp_path, OutputGuard()
    )
    assert [path.name for path in files] == [
        *(f"grace-hopper-{change}{'.jpg' if change == 'recompressed' else '.png'}" for change in CHANGES),
        *(f"eileen-collins-{change}{'.jpg' if change == 'recompressed' else '.png'}" for change in CHANGES),
        "group.png",
    ]
    images = {path.name: read_image(path) for path in files}
    cropped = images["grace-hopper-cropped.png"]
    assert np.array_equal(cropped, hopper[int(120 - 14.4) : int(300 + 7.2), (200 - 21) : (340 + 21)])
    assert images["grace-hopper-darkened.png"].mean() < hopper.mean() / 2
    assert abs(images["grace-hopper-recompressed.jpg"].shape[0] - hopper.shape[0] / 2) <= 1
    for change in ("turned", "blurred"):
        other = images[f"grace-hopper-{change}.png"]
        assert other.shape == hopper.shape and np.abs(other.astype(int) - hopper).mean() > 0.5
    assert images["group.png"].shape == (720, 1280, 3)


def test_a_tour_does_not_replace_a_gallery_of_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "people.gallery").write_text("my own people")
    with pytest.raises(OutputError, match=r"people\.gallery was not made by mien"):
        tour(tmp_path, lambda _: None)
    assert [path.name for path in tmp_path.iterdir()] == ["people.gallery"]
    assert (tmp_path / "people.gallery").read_text() == "my own people"
