"""A policy is a rate of comparisons or of searches, and one that nothing shows is refused with what is missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mien
from mien.errors import CardError, SettingsError
from mien.gallery.threshold_policies import ThresholdPolicy, parse_policy, resolve_policy, resolve_without_gallery
from mien.gallery.thresholds import threshold_for


@given(st.integers(1, 10**6), st.floats(1e-6, 0.5))
def test_the_rate_of_searches_is_that_of_as_many_independent_comparisons(subjects: int, rate: float) -> None:
    fmr = ThresholdPolicy("fpir", rate).fmr(subjects)
    assert 1 - (1 - fmr) ** subjects == pytest.approx(rate, rel=1e-3)
    assert fmr >= rate / subjects * (1 - 1e-9) and ThresholdPolicy("fmr", rate).fmr(subjects) == rate


@pytest.mark.parametrize("text", ["fmr:1e-3", "fpir:0.01", "fmr:0.5", "fpir:1E-10"])
def test_policies_are_read(text: str) -> None:
    kind, _, rate = text.partition(":")
    assert parse_policy(text) == ThresholdPolicy(kind, float(rate))
    assert parse_policy(str(parse_policy(text))) == parse_policy(text)


@pytest.mark.parametrize(
    "text", ["", "0.5", "fmr", "fmr:", "fmr:0", "fmr:1", "fmr:-1e-3", "fmr:nan", "fnmr:0.1", "fmr:1e-3 "]
)
def test_anything_else_is_refused_with_both_forms(text: str) -> None:
    with pytest.raises(SettingsError, match=r"write fmr:1e-3 .* or fpir:1e-2"):
        parse_policy(text)


@pytest.fixture
def gallery(tmp_path, collins_path, hopper_path):
    folder = tmp_path / "people"
    for name, path in (("An", collins_path), ("Bình", hopper_path)):
        (folder / name).mkdir(parents=True)
        (folder / name / path.name).write_bytes(path.read_bytes())
    mien.enrol(tmp_path / "g.gallery", folder)
    opened = mien.Gallery.open(tmp_path / "g.gallery")
    yield opened
    opened.close()


def test_a_search_gets_the_next_stricter_threshold_of_the_card(gallery: mien.Gallery) -> None:
    card = mien.load_card("dlib-resnet")
    found = resolve_policy(parse_policy("fpir:1e-3"), gallery.store, card)
    assert len(gallery.subjects()) == 2 and found.threshold == threshold_for(gallery.store, card, 1e-4)
    assert found.threshold.value < card.threshold(1e-3).value and found.notes, "for whom it holds has to be said"


@pytest.mark.parametrize("text", ["fpir:1e-9", "fmr:3e-9"])
def test_a_rate_that_nothing_shows_says_how_many_subjects_are_missing(gallery: mien.Gallery, text: str) -> None:
    with pytest.raises(CardError, match=r"needs \d+ more subjects to show it itself; dlib-resnet has fmr:0.01"):
        resolve_policy(parse_policy(text), gallery.store, mien.load_card("dlib-resnet"))


def test_a_comparison_without_a_gallery_has_no_rate_of_searches() -> None:
    card = mien.load_card("dlib-resnet")
    assert resolve_without_gallery(parse_policy("fmr:1e-3"), card).threshold.fmr == 1e-3
    with pytest.raises(SettingsError, match="nothing is searched here"):
        resolve_without_gallery(parse_policy("fpir:1e-3"), card)
