"""Mutants of a gallery: each is refused in one sentence that names the file, or answers as the whole one does."""

import json
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from fuzz import mutants
from mien.errors import MienError
from mien.gallery.calibration import own_rates
from mien.gallery.gallery import Gallery
from mien.gallery.names import find_subject
from mien.gallery.records import Identity, NewTemplate
from mien.gallery.stores.sqlite import SqliteStore

PEOPLE = ("An", "Bình", "Châu", "Dũng")

Make = Callable[[str, int], NewTemplate]


@pytest.fixture
def bounded() -> Iterator[None]:
    """Ends what goes on for ever."""

    def end(*about: object) -> None:
        raise TimeoutError("a damaged gallery was read for ever")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def answers(path: Path, template: Make) -> list[object]:
    """What a gallery says of all that can be asked, and whether it can be changed."""
    gallery = Gallery.open(path)
    try:
        store = gallery.store
        queries = np.stack([template("x", number).embedding for number in range(1, 30)])
        found = gallery.search(queries, 2)
        return [
            [(row.name, row.templates, row.enrolled) for row in gallery.subjects()],
            [[(one.subject, one.score.value) for one in row] for row in found],
            [(number, one and (one.jpeg, one.landmarks.tolist())) for number, one in store.portraits()],
            [[(row.number, row.source) for row in store.samples(find_subject(store, name).id)] for name in PEOPLE],
            store.first_templates(2),
            store.read_kept("thresholds"),
            own_rates(store, 0.01, 0.5),
            store.merge(find_subject(store, "An").id, find_subject(store, "Bình").id),
            [(row.name, row.templates) for row in gallery.subjects()],
        ]
    finally:
        gallery.close()


@pytest.mark.usefixtures("bounded")
@pytest.mark.parametrize("seed", [3, 4])
def test_a_damaged_gallery_gives_one_sentence_or_the_right_answer(
    tmp_path: Path, identity: Identity, template: Make, seed: int
) -> None:
    whole = tmp_path / "whole.gallery"
    store = SqliteStore.create(str(whole), identity)
    store.add([template(name, number) for number, name in enumerate(PEOPLE * 6, 1)])
    store.write_kept("thresholds", json.dumps({"contract": "x", "rows": []}))
    own_rates(store, 0.01, 0.5)
    store.close()
    data = whole.read_bytes()
    expected = answers(whole, template)
    outcomes = Counter[str]()
    for place, mutant in enumerate(mutants(data, 100, seed)):
        path = tmp_path / f"mutant-{place}.gallery"
        path.write_bytes(mutant)
        try:
            assert answers(path, template) == expected, f"mutant {place} answers wrongly"
            outcomes["right"] += 1
        except MienError as reason:
            outcomes["refused"] += 1
            assert str(path) in str(reason) and "\n" not in str(reason)
    assert outcomes["refused"] > 50 and sum(outcomes.values()) == 100
