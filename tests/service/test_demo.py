"""The first look: two people are enrolled once."""

from pathlib import Path

from mien.service.demo import enrol_demo
from mien.service.engines import Engines
from mien.service.galleries import Galleries


def test_two_people_are_enrolled_once(engines: Engines, tmp_path: Path) -> None:
    galleries = Galleries(tmp_path, engines.card)
    assert enrol_demo(galleries, engines) == 2 and enrol_demo(galleries, engines) == 0
    (made,) = galleries
    assert [(row.name, row.templates) for row in made.gallery.subjects()] == [
        ("Eileen Collins", 1),
        ("Grace Hopper", 1),
    ]
    galleries.close()
