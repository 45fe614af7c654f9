"""Nobody is in one photograph twice, and doubt between two people is said."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mien.gallery.decide import Candidate, Identification
from mien.gallery.photograph import decide_photograph
from mien.scope import Doubt
from mien.types import Score, Threshold

THRESHOLD = Threshold(value=0.5, unit="cosine", contract="c", fmr=1e-3, fmr_interval=None, protocol="p")
DOUBT = Doubt(code="mask", value=1.0, rate=None, holds=False, fmr=None)


def person(*scores: tuple[str, float], doubts: tuple[Doubt, ...] = ()) -> Identification:
    ordered = sorted(scores, key=lambda one: -one[1])
    candidates = tuple(Candidate(name, Score(value, "cosine", "c"), 1, name) for name, value in ordered)
    return Identification(subject=None, candidates=candidates, threshold=THRESHOLD, doubts=doubts)


def decided(*people: Identification, mirrors: bool = False) -> list[tuple[str, ...]]:
    return [
        (one.outcome, *(each.subject for each in one.subjects)) for one in decide_photograph(people, mirrors=mirrors)
    ]


def test_each_face_alone() -> None:
    assert decided(person(("An", 0.8), ("Bình", 0.3))) == [("match", "An")]
    assert decided(person(("An", 0.4))) == decided(person()) == [("unknown",)]
    assert decided(person(("An", 0.8), ("Bình", 0.7))) == [("ambiguous", "An", "Bình")]
    assert decided(person(("An", 0.8), doubts=(DOUBT,))) == [("uncertain", "An")]
    assert decided() == []


def test_twins_in_one_photograph_do_not_become_one_person() -> None:
    twins = person(("An", 0.9), ("Bình", 0.8)), person(("An", 0.85), ("Bình", 0.6))
    assert decided(*twins) == [("match", "Bình"), ("match", "An")], "0.8 + 0.85 is more than 0.9 + 0.6"


def test_a_stranger_who_looks_like_somebody_in_the_photograph_is_unknown() -> None:
    outcomes = decide_photograph([person(("An", 0.9)), person(("An", 0.6))])
    assert [one.outcome for one in outcomes] == ["match", "unknown"]
    assert not outcomes[0].given_away and outcomes[1].given_away


def test_mirrors_may_show_one_person_twice() -> None:
    assert decided(person(("An", 0.9)), person(("An", 0.6)), mirrors=True) == [("match", "An")] * 2


@pytest.mark.parametrize("unit", ["L2"])
def test_distances_clear_a_threshold_downwards(unit: str) -> None:
    limit = Threshold(value=0.6, unit=unit, contract="c", fmr=1e-3, fmr_interval=None, protocol="p")
    faces = [
        Identification(subject=None, candidates=(Candidate("An", Score(value, unit, "c"), 1, "An"),), threshold=limit)
        for value in (0.5, 0.2, 0.7)
    ]
    assert [one.outcome for one in decide_photograph(faces)] == ["unknown", "match", "unknown"]


@given(st.lists(st.lists(st.integers(0, 99), min_size=3, max_size=3), min_size=1, max_size=4))
def test_the_assignment_is_the_best_of_all(rows: list[list[int]]) -> None:
    names = ("An", "Bình", "Chi")
    people = [person(*zip(names, (value / 100 for value in row), strict=True)) for row in rows]
    found = decide_photograph(people)
    given = [{each.subject for each in one.subjects} for one in found if one.outcome == "match"]
    assert sum(map(len, given)) == len(set().union(*given)), "nobody twice"

    def total(choice: tuple[int | None, ...]) -> float:
        taken = [one for one in choice if one is not None]
        if len(taken) != len(set(taken)):
            return -1
        pairs = [(row[one] - 50) for row, one in zip(rows, choice, strict=True) if one is not None]
        return -1 if any(value < 0 for value in pairs) else sum(pairs)

    best = max(total(choice) for choice in product((None, 0, 1, 2), repeat=len(rows)))
    margins = [
        max((row[names.index(each.subject)] - 50 for each in one.subjects), default=0)
        for row, one in zip(rows, found, strict=True)
    ]
    assert sum(margins) >= best - 1e-9
