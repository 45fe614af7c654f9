"""How well a gallery separates its people, in figures that plain counting gives too."""

import tarfile
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from mien.errors import MienError
from mien.gallery.enrolment import enrol
from mien.gallery.health import Health, gallery_health, measure_health, read_groups
from mien.gallery.population import measure_population
from mien.gallery.profiles import Consent
from mien.gallery.records import GallerySettings, Identity, NewTemplate
from mien.gallery.stores import create_store, open_store
from mien.models import store as models
from mien.models.card import EmbeddingSpec, ModelCard, ThresholdRow

Crowd = Callable[..., list[NewTemplate]]


@pytest.fixture(scope="module")
def card() -> ModelCard:
    """A made-up model of 16 numbers."""
    own = models.load("dlib-resnet").card
    spec = EmbeddingSpec(size=16, metric="l2", normalized=False, mirror=False, template="arcface")
    row = ThresholdRow(value=4.0, unit="L2", fmr=1e-3, protocol="others")
    return own.model_copy(update={"name": "made-up", "embedding": spec, "thresholds": (row,), "group_thresholds": ()})


@pytest.fixture
def measure(tmp_path: Path, card: ModelCard) -> Callable[..., Health]:
    def run(templates: list[NewTemplate], groups: dict[str, str] | None = None) -> Health:
        opened = create_store(tmp_path / "people.gallery", Identity(card.contract, card.name, "l2", 16))
        opened.add(templates)
        return measure_health(opened, card, groups)

    return run


def test_figures_are_those_of_plain_counting(measure: Callable[..., Health], crowd: Crowd) -> None:
    templates = [*crowd(150, images=2), *crowd(10, seed=5)]
    found = measure(templates)
    assert (found.enrolled, found.people, found.templates, found.several) == (160, 160, 310, 150)
    first = {one.subject: one.embedding for one in reversed(templates)}
    apart = np.sort([float(np.linalg.norm(a - b)) for a, b in combinations(first.values(), 2)])
    assert found.pairs == len(apart)
    assert [share for share, _ in found.nonmated] == [0.5, 0.1, 1e-2, 1e-3, 1e-4]
    for share, limit in found.nonmated[2:]:
        assert (apart <= limit).sum() == int(share * len(apart))
    assert [row.wanted for row in found.rows] == [1e-2, 1e-3]
    loose, strict = found.rows
    assert loose.card_threshold is None and loose.card_fmr is None and loose.missing == 0
    assert strict.threshold is not None and strict.fmr is not None and strict.fmr.value <= 1e-3
    assert strict.card_fmr is not None and strict.card_fmr.value == pytest.approx((apart <= 4.0).mean())
    own = [np.linalg.norm(templates[2 * n].embedding - templates[2 * n + 1].embedding) for n in range(150)]
    assert strict.card_fnmr is not None and strict.card_fnmr.value == pytest.approx((np.array(own) > 4.0).mean())
    assert strict.fnmr is not None and strict.fnmr.value == pytest.approx((np.array(own) > strict.threshold).mean())
    assert [share for share, _ in found.mated] == [0.5, 0.9, 0.99]
    assert found.mated[0][1] == pytest.approx(float(np.median(own)), abs=0.02)


def test_one_image_a_person_is_enough_for_thresholds_but_not_for_their_price(
    measure: Callable[..., Health], crowd: Crowd
) -> None:
    found = measure(crowd(150))
    assert found.several == 0 and found.mated == ()
    assert found.rows[-1].threshold is not None and found.rows[-1].fnmr is None


def test_groups_are_crossed_at_the_threshold_that_decides(
    measure: Callable[..., Health], crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_IDENTIFICATION_FMR", "1e-2")
    near, far = crowd(80, spread=0.5, seed=1), crowd(80, spread=2.0, seed=2)
    found = measure([*near, *far], {one.subject: "near" for one in near})
    assert found.decides is not None and found.decides.fmr == 1e-2
    rates = {(one.a, one.b): one.fmr for one in found.groups}
    assert set(rates) == {("near", "near"), ("near", "other"), ("other", "other")}
    vectors = [one.embedding for one in near]
    hits = sum(np.linalg.norm(a - b) <= found.decides.value for a, b in combinations(vectors, 2))
    assert rates["near", "near"].value == pytest.approx(hits / (80 * 79 / 2))
    assert rates["near", "near"].low > 1e-2 and rates["other", "other"].value == 0
    assert {name for name, _ in found.confused} <= {one.subject for one in near}


def test_an_empty_gallery_has_a_state_of_health(measure: Callable[..., Health]) -> None:
    found = measure([])
    assert (found.people, found.pairs, found.duplicates, found.confused, found.nonmated) == (0, 0, (), (), ())
    assert found.decides is None and found.rows[0].missing == 142


def test_groups_are_read_from_a_csv(tmp_path: Path) -> None:
    path = tmp_path / "groups.csv"
    path.write_text("subject,group\nAn  Lê,a\nBình,b\n", encoding="utf-8")
    assert read_groups(path)["Bình"] == "b" and len(read_groups(path)) == 2
    path.write_text("name,group\nAn,a\n", encoding="utf-8")
    with pytest.raises(MienError, match="the columns subject and group"):
        read_groups(path)
    with pytest.raises(MienError, match="the columns subject and group"):
        read_groups(tmp_path / "missing.csv")


@pytest.mark.slow
@pytest.mark.real
def test_asian_people_of_lfw_with_one_image_each_calibrate_their_gallery(data: Path, tmp_path: Path) -> None:
    """The card's rate does not hold for them; that of one half of them holds for the other half, within intervals."""
    names = (data / "lfw" / "names-asian.txt").read_text().split()
    wanted = {f"{name}_0001.jpg": name for name in names}
    with tarfile.open(data / "lfw" / "lfw-deepfunneled.tar") as archive:
        for member in archive:
            name = wanted.get(Path(member.name).name)
            if name is not None:
                content = archive.extractfile(member)
                assert content is not None
                for part in ("all", "even" if names.index(name) % 2 else "odd"):
                    path = tmp_path / part / name / "1.jpg"
                    path.parent.mkdir(parents=True)
                    path.write_bytes(content.read())
                    content.seek(0)
    report = enrol(tmp_path / "all.gallery", tmp_path / "all", scope="warn")
    assert report.counts == {"enrolled": 168, "several faces": 11}
    assert len(report.conflicts) <= 20, "people of one group are not duplicates of each other"
    health = gallery_health(tmp_path / "all.gallery")
    row = next(row for row in health.rows if row.wanted == 1e-3)
    assert row.card_fmr is not None and row.card_fmr.low > 0.05, "the card promises 0.1%"
    assert row.threshold is not None and row.card_threshold is not None and row.threshold < row.card_threshold - 0.1
    for part in ("even", "odd"):
        enrol(tmp_path / f"{part}.gallery", tmp_path / part, scope="warn")
    own, other = (measure_population(open_store(tmp_path / f"{part}.gallery")) for part in ("even", "odd"))
    assert own.people + other.people == 168
    here, there = (side.fmr(own.threshold(1e-2)) for side in (own, other))
    assert there.low <= here.high and here.low <= there.high


def test_whoever_cannot_be_found_is_counted(measure: Callable[..., Health], crowd: Crowd, tmp_path: Path) -> None:
    found = measure(crowd(4))
    assert (found.without_consent, found.not_found, found.traces_remain) == (4, 0, False)
    store = open_store(tmp_path / "people.gallery")
    first, second = store.subjects()[:2]
    store.change_subject(first.id, lambda profile: replace(profile, consent=Consent("door", 1.0)))
    store.change_subject(second.id, lambda profile: replace(profile, state="suspended"))
    found = measure([])
    assert (found.without_consent, found.not_found) == (3, 1)
    store.change_settings(GallerySettings(requires_consent=True))
    assert measure([]).not_found == 3
