"""Balance: counts, intervals, what to collect, and guesses undone by a confusion matrix."""

from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.portrait.dataset.balance import balance, balance_of_guesses, corrected, missing_people
from mien.portrait.rules.schema import WantedShares
from mien.rates import wilson

SEX = WantedShares(parts={"male": 1, "female": 1}, tolerance=0.05)
AGE = WantedShares(parts={"adult": 9, "child": 1}, tolerance=0.02)


def test_counts_shares_and_intervals() -> None:
    found = balance("sex", "people", ["male"] * 60 + ["female"] * 40 + [""] * 5, SEX)
    male, female = found.parts
    assert (male.count, female.count, found.unknown) == (60, 40, 5)
    assert (male.share, male.wanted) == (0.6, 0.5)
    assert (male.low, male.high) == wilson(0.6, 100)
    assert found.state == "fail"


def test_within_the_tolerance_it_is_kept() -> None:
    assert balance("sex", "people", ["male"] * 52 + ["female"] * 48, SEX).state == "pass"
    assert balance("age", "images", ["adult"] * 91 + ["child"] * 9, AGE).state == "pass"
    assert balance("age", "images", ["adult"] * 95 + ["child"] * 5, AGE).state == "fail"


def test_what_is_not_known_of_most_is_not_assessed() -> None:
    assert balance("sex", "people", ["male"] * 5 + [""] * 6, SEX).state == "not assessed"
    assert balance("sex", "people", [], SEX).state == "not assessed"


cells = st.tuples(*[st.integers(0, 60)] * 4)


@given(cells)
def test_collecting_gives_the_shares_with_the_fewest_people(counts: tuple[int, int, int, int]) -> None:
    names = [(sex, age) for sex in ("male", "female") for age in ("adult", "child")]
    people = [name for name, count in zip(names, counts, strict=True) for _ in range(count)]
    if not any(counts):
        assert missing_people(people, SEX, AGE) == []
        return
    wanted = dict(zip(names, (0.45, 0.05, 0.45, 0.05), strict=True))
    have = dict(zip(names, counts, strict=True))
    missing = {(w.sex, w.age): w.count for w in missing_people(people, SEX, AGE)}
    whole = max(have[name] / wanted[name] for name in names)
    for name in names:
        assert have[name] + missing.get(name, 0) == max(have[name], ceil(whole * wanted[name] - 1e-9))
    total = sum(have.values()) + sum(missing.values())
    for name in names:
        assert (have[name] + missing.get(name, 0)) / total == pytest.approx(wanted[name], abs=4 / total)


def test_with_sexes_unknown_ages_are_balanced_alone() -> None:
    missing = missing_people([("", "adult")] * 90 + [("", "child")] * 4, SEX, AGE)
    assert [(w.sex, w.age, w.count) for w in missing] == [("", "child", 6)]
    assert missing_people([("", "")] * 10, SEX, AGE) == []


@pytest.mark.parametrize("true", [0.2, 0.5, 0.8])
def test_guesses_are_corrected_and_the_interval_covers_the_truth(true: float) -> None:
    draw, hit, false, trials, covered = np.random.default_rng(0), 0.95, 0.1, 500, 0
    for _ in range(400):
        real = draw.random(trials) < true
        called = np.where(real, draw.random(trials) < hit, draw.random(trials) < false)
        _, low, high = corrected(float(called.mean()), trials, hit, false)
        covered += low <= true <= high
    assert 0.92 <= covered / 400 <= 0.98
    assert corrected(true * hit + (1 - true) * false, trials, hit, false)[0] == pytest.approx(true)


def test_a_classifier_without_information_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot correct a share"):
        corrected(0.5, 100, 0.5, 0.5)


def test_guesses_are_used_with_a_confusion_matrix_alone() -> None:
    guesses = ["male"] * 700 + ["female"] * 300 + [""] * 10
    assert balance_of_guesses("sex", guesses, SEX) is None
    corrected_shares = WantedShares(
        parts={"male": 1, "female": 1}, tolerance=0.05, guessed_right={"male": 0.95, "female": 0.9}
    )
    found = balance_of_guesses("sex", guesses, corrected_shares)
    male = found.parts[0]
    assert male.share == pytest.approx((0.7 - 0.1) / (0.95 - 0.1))
    assert male.low < male.share < male.high
    assert (found.state, found.unknown, found.source) == ("fail", 10, "guesses, corrected")
    few = balance_of_guesses("sex", ["male"] * 6 + ["female"] * 4, corrected_shares)
    assert few.state == "not assessed", "ten people cannot show it"
