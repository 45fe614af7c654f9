"""Enrolment, search and removal, with embeddings that are made, and with real portraits."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.data.sample import Sample
from mien.errors import ContractError
from mien.gallery.gallery import Gallery, identity_of
from mien.gallery.indexes import INDEXES
from mien.gallery.records import NewTemplate, Portrait
from mien.gallery.reenrolment import reenrol_store
from mien.gallery.stores import open_store
from mien.library.import_model import ModelHints, import_model
from mien.models import store
from mien.models.card import ModelCard
from mien.pipeline import Pipeline, open_pipeline
from mien.recognize.recognizer import Recognizer
from mien.types import Image, floats

Make = Callable[..., bytes]


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return store.load("dlib-resnet").card


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return open_pipeline()


@pytest.fixture(params=["sqlite", "memory"])
def gallery(request: pytest.FixtureRequest, tmp_path: Path, memory_store: type, card: ModelCard) -> Gallery:
    assert memory_store.__name__ == "MemoryStore"
    addresses = {"sqlite": str(tmp_path / "people.gallery"), "memory": "memory://people"}
    return Gallery.create(addresses[request.param], card)


def add(gallery: Gallery, subject: str, vectors: np.ndarray, start: int = 0) -> None:
    """Enrol vectors directly."""
    portrait = Portrait(b"x", np.zeros((5, 2), np.float32))
    gallery.store.add(
        [NewTemplate(subject, f"{subject}{start + n}", v, portrait) for n, v in enumerate(floats(vectors))]
    )


def vectors(seed: int, count: int) -> np.ndarray:
    return floats(np.random.default_rng(seed).normal(0, 0.12, (count, 128)))


def test_a_subjects_score_is_its_best_template(gallery: Gallery) -> None:
    base = vectors(0, 3)
    add(gallery, "An", np.stack([base[0], base[1]]))
    add(gallery, "Bình", base[2:])
    query = base[1] + 0.001
    best, second = gallery.search(query[None], 5)[0]
    assert best.subject == "An" and second.subject == "Bình"
    assert best.score.value == pytest.approx(np.linalg.norm(query - base[1]), abs=1e-5)
    assert second.score.value == pytest.approx(np.linalg.norm(query - base[2]), abs=1e-4)
    assert best.score.unit == "L2" and best.score.contract == gallery.store.identity.contract


def test_a_subject_with_many_templates_does_not_hide_the_others(gallery: Gallery) -> None:
    crowd = vectors(1, 1) + vectors(2, 100) * 0.01
    add(gallery, "crowd", crowd)
    for number in range(4):
        add(gallery, f"other {number}", vectors(10 + number, 1))
    found = [candidate.subject for candidate in gallery.search(crowd[:1], 4)[0]]
    assert found[0] == "crowd" and len(set(found)) == 4


def test_four_samples_per_subject_take_one_search_of_all_templates(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The five nearest templates are of two subjects; a second search would double the time of most answers."""
    centres = vectors(9, 8)
    for number, centre in enumerate(centres):
        add(gallery, f"s{number}", centre + 0.01 * vectors(20 + number, 4))
    index = gallery._index.current()
    real, asked = type(index).search, []

    def search(self: object, queries: np.ndarray, count: int) -> object:
        asked.append(count)
        return real(self, queries, count)

    monkeypatch.setattr(type(index), "search", search)
    (found,) = gallery.search(centres[:1], 5)
    nearest = np.argsort(np.linalg.norm(centres - centres[0], axis=1))[:5]
    assert {candidate.subject for candidate in found} == {f"s{number}" for number in nearest}
    assert len(asked) == 1


@pytest.mark.parametrize("limit", [20_000, 5])
def test_a_random_history_equals_a_plain_dictionary(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """Enrolments and removals by two handles, in both kinds of index, against a dictionary searched by a loop."""
    monkeypatch.setitem(INDEXES, "exact", replace(INDEXES["exact"], capacity=limit))
    other, truth, generator = Gallery.open(gallery.store.address), {}, random.Random(5)
    for step in range(60):
        actor = generator.choice([gallery, other])
        if truth and generator.random() < 0.3:
            name = generator.choice(sorted(truth))
            actor.remove(name)
            del truth[name]
        else:
            name = f"s{generator.randrange(20)}"
            new = vectors(1000 + step, 2)
            add(actor, name, new, start=step * 2)
            truth.setdefault(name, []).extend(new)
        query = vectors(2000 + step, 1)
        expected = sorted((min(np.linalg.norm(query[0] - v) for v in own), name) for name, own in truth.items())[:3]
        for handle in (gallery, other):
            found = handle.search(query, 3)[0]
            assert [c.subject for c in found] == [name for _, name in expected]
            assert np.allclose([c.score.value for c in found], [d for d, _ in expected], atol=1e-4)


def test_a_gallery_that_outgrows_its_index_gets_the_next_one(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(INDEXES, "exact", replace(INDEXES["exact"], capacity=5))
    built: list[int] = []
    quantized = INDEXES["quantized"]

    def build(ids: np.ndarray, *rest: object) -> object:
        built.append(len(ids))
        return quantized.build(ids, *rest)

    monkeypatch.setitem(INDEXES, "quantized", replace(quantized, build=build))
    add(gallery, "An", vectors(0, 5))
    assert gallery.search(vectors(0, 1), 1)[0][0].subject == "An" and built == []
    add(gallery, "Bình", vectors(1, 1))
    assert gallery.search(vectors(1, 1), 1)[0][0].subject == "Bình" and built == [6]
    add(gallery, "Chi", vectors(2, 1))
    assert gallery.search(vectors(2, 1), 1)[0][0].subject == "Chi" and built == [6]


def test_an_empty_gallery_knows_nobody(gallery: Gallery, card: ModelCard) -> None:
    assert gallery.search(vectors(0, 2)) == [[], []]
    assert [one.decision for one in gallery.identify(vectors(0, 1), card.threshold(1e-4))] == ["unknown"]


def save(image: Image, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(image).save(path)
    return path


def enrol(
    gallery: Gallery, pipeline: Pipeline, card: ModelCard, files: list[tuple[str, Path]], **options: bool
) -> list:
    samples = [Sample(path, subject) for subject, path in files]
    analyses = pipeline.analyse([path for _, path in files], cutouts=True)
    return gallery.enrol(list(zip(samples, analyses, strict=True)), card, **options)


def test_every_sample_gets_its_status(
    gallery: Gallery, pipeline: Pipeline, card: ModelCard, collins: Image, hopper: Image, tmp_path: Path
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"broken")
    twins = np.zeros((512, 1024, 3), np.uint8)
    twins[:, :512], twins[:, 512:] = collins, collins[:, ::-1]
    files = [
        ("Collins", save(collins, tmp_path / "a.png")),
        ("Collins", save(collins, tmp_path / "copy of a.png")),
        ("Nobody", save(np.full((200, 200, 3), 99, np.uint8), tmp_path / "wall.png")),
        ("Twins", save(twins, tmp_path / "twins.png")),
        ("Broken", tmp_path / "broken.jpg"),
        ("Hopper", save(hopper, tmp_path / "h.png")),
    ]
    results = enrol(gallery, pipeline, card, files)
    assert [result.status for result in results] == [
        "enrolled",
        "already enrolled",
        "no face",
        "several faces",
        "broken",
        "enrolled",
    ]
    assert [(row.name, row.templates) for row in gallery.subjects()] == [("Collins", 1), ("Hopper", 1)]
    assert enrol(gallery, pipeline, card, files[:1])[0].status == "already enrolled"


def test_conflicts_are_reported_and_left_out_when_strict(
    gallery: Gallery, pipeline: Pipeline, card: ModelCard, collins: Image, hopper: Image, tmp_path: Path
) -> None:
    a, b = save(collins, tmp_path / "a.png"), save((collins * 0.8).astype(np.uint8), tmp_path / "b.png")
    h = save(hopper, tmp_path / "h.png")
    assert enrol(gallery, pipeline, card, [("Collins", a)])[0].conflicts == ()
    duplicate = enrol(gallery, pipeline, card, [("Somebody", b)], strict=True)[0]
    assert [(c.kind, c.subject) for c in duplicate.conflicts] == [("duplicate subject", "Collins")]
    stranger = enrol(gallery, pipeline, card, [("Collins", h)], strict=True)[0]
    assert [(c.kind, c.subject) for c in stranger.conflicts] == [("same subject", "Collins")]
    assert [(row.name, row.templates) for row in gallery.subjects()] == [("Collins", 1)]
    assert enrol(gallery, pipeline, card, [("Somebody", b)])[0].status == "enrolled"


def test_conflicts_within_one_transaction_are_seen(
    gallery: Gallery, pipeline: Pipeline, card: ModelCard, collins: Image, hopper: Image, tmp_path: Path
) -> None:
    a, b = save(collins, tmp_path / "a.png"), save((collins * 0.8).astype(np.uint8), tmp_path / "b.png")
    h = save(hopper, tmp_path / "h.png")
    files = [("Collins", a), ("Somebody", b), ("Somebody", h)]
    results = enrol(gallery, pipeline, card, files)
    kinds = [[(c.kind, c.subject) for c in result.conflicts] for result in results]
    assert kinds == [[], [("duplicate subject", "Collins")], [("same subject", "Somebody")]]
    strictly = enrol(gallery, pipeline, card, [("Third", a)], strict=True)[0]
    assert strictly.status == "conflict" and len(gallery.subjects()) == 2


def test_a_gallery_can_be_embedded_anew_with_another_model(
    gallery: Gallery, pipeline: Pipeline, card: ModelCard, hopper: Image, make_recognizer: Make, tmp_path: Path
) -> None:
    path = save(hopper, tmp_path / "h.png")
    enrol(gallery, pipeline, card, [("Hopper", path)])
    hints = ModelHints(colour="RGB")
    network = Recognizer(store.save(*import_model(make_recognizer(), "net-anew", hints)))
    with pytest.raises(ContractError, match="mien reenrol"):
        Gallery.open(gallery.store.address, network.card)
    assert reenrol_store(open_store(gallery.store.address), network).templates == 1
    with pytest.raises(ContractError, match="open it again"):
        gallery.search(vectors(0, 1))
    again = Gallery.open(gallery.store.address, network.card)
    direct = next(open_pipeline(recognizer="net-anew").analyse([path])).embeddings
    assert again.store.identity == identity_of(network.card)
    assert again.search(direct, 1)[0][0].score.value > 0.99


def test_a_threshold_of_another_model_is_refused(gallery: Gallery, card: ModelCard) -> None:
    add(gallery, "An", vectors(0, 1))
    with pytest.raises(ContractError):
        gallery.identify(vectors(0, 1), replace(card.threshold(1e-3), contract="other"))
