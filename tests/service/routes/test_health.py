"""Health over HTTP: who may be one person, what is missing, in both languages."""

from pathlib import Path

import httpx
import numpy as np

from mien.gallery.health import measure_health
from mien.gallery.records import GallerySettings, NewTemplate
from mien.service.engines import Engines
from mien.service.galleries import Galleries
from mien.service.routes.health import health_answer


def test_health_says_what_is_missing_and_who_lacks_consent(
    service: httpx.Client, collins_bytes: bytes, hopper_bytes: bytes
) -> None:
    gallery = f"/v1/galleries/{service.post('/v1/galleries', json={'name': 'Health'}).json()['id']}"
    for name, image in (("Eileen", collins_bytes), ("Grace", hopper_bytes)):
        subject = service.post(f"{gallery}/subjects", json={"name": name}).json()["id"]
        service.post(f"{gallery}/subjects/{subject}/samples", files={"images": image})
    value = service.get(f"{gallery}/health").json()
    assert (value["subjects"], value["samples"], value["without_consent"]) == (2, 2, 2)
    assert all(row["missing"] > 0 and row["threshold"] is None for row in value["costs"])
    assert value["decides"]["source"] == "card" and value["notes"] and value["duplicates"] == []
    vietnamese = service.get(f"{gallery}/health", params={"language": "vi"}).json()
    assert vietnamese["notes"] != value["notes"]


def test_two_names_of_one_person_are_named_with_their_ids(engines: Engines, tmp_path: Path) -> None:
    galleries = Galleries(tmp_path, engines.card)
    store = galleries.create("People", GallerySettings()).gallery.store
    vectors = np.random.default_rng(0).normal(0, 0.06, (150, 128)).astype(np.float32)
    vectors[1] = vectors[0] + 1e-3
    store.add([NewTemplate(f"p{n:03d}", f"sha-{n}", vector, None) for n, vector in enumerate(vectors)])
    answer = health_answer(measure_health(store, engines.card), None, 0, "en")
    (pair,) = answer.duplicates
    ids = {row.name: row.id for row in store.subjects()}
    assert {pair.first, pair.second} == {ids["p000"], ids["p001"]} and pair.score < 0.1
    own = [row for row in answer.costs if row.threshold is not None]
    assert own and all(row.fmr is not None and row.missing == 0 for row in own)
    assert answer.strangers[0].share == 0.5 and answer.pairs > 10_000
    galleries.close()


def test_both_error_rates_are_a_curve_from_strict_to_loose(engines: Engines, tmp_path: Path) -> None:
    galleries = Galleries(tmp_path, engines.card)
    store = galleries.create("People", GallerySettings()).gallery.store
    generator = np.random.default_rng(1)
    people = generator.normal(0, 0.06, (60, 128)).astype(np.float32)
    assert health_answer(measure_health(store, engines.card), None, 0, "en").curve == []
    for name in ("a", "b"):
        noisy = people + generator.normal(0, 0.02, people.shape).astype(np.float32)
        store.add([NewTemplate(f"p{n:03d}", f"{name}{n}", vector, None) for n, vector in enumerate(noisy)])
    curve = health_answer(measure_health(store, engines.card), None, 0, "en").curve
    assert len(curve) == 25 and curve[-1].fmr == 0.5
    assert [one.fmr for one in curve] == sorted(one.fmr for one in curve)
    assert [one.fnmr for one in curve] == sorted((one.fnmr for one in curve), reverse=True)
    galleries.close()
