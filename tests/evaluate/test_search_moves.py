"""How far an FPIR moves without each person, against searches that are made again without them."""

import numpy as np
import pytest

from mien.evaluate.search_moves import fpir_of_moves, moves_of_fpir
from mien.evaluate.searches import SearchSet, search
from mien.types import Floats, floats

STRANGERS, ENROLLED, EACH = 40, 35, 4


def world(seed: int) -> tuple[Floats, np.ndarray]:
    """Enrolled people with one template, and strangers who search several times; all share one direction somewhat."""
    draws = np.random.default_rng(seed)
    people = draws.standard_normal((ENROLLED + STRANGERS, 8))
    people[:, 0] += draws.standard_normal(len(people))
    numbers = np.append(np.arange(ENROLLED), ENROLLED + np.repeat(np.arange(STRANGERS), EACH))
    vectors = people[numbers] + 0.5 * draws.standard_normal((len(numbers), 8))
    return floats(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)), numbers


def returned_without(scores: np.ndarray, limit: float, person: int, numbers: np.ndarray) -> float:
    """The FPIR of everybody but one, by a plain loop over searches and enrolled people."""
    found = []
    for probe in range(ENROLLED, len(numbers)):
        if numbers[probe] == person:
            continue
        found.append(any(scores[probe, one] >= limit for one in range(ENROLLED) if one != person))
    return float(np.mean(found))


def test_moves_are_what_the_rate_is_without_each_who_searches_or_is_enrolled() -> None:
    embeddings, numbers = world(1)
    scores = embeddings @ embeddings[:ENROLLED].T
    ranked = np.sort(scores[ENROLLED:], axis=1)
    limit = float(np.quantile(ranked[:, -1], 0.8))
    returned, alone = ranked[:, -1] >= limit, (ranked[:, -1] >= limit) & (ranked[:, -2] < limit)
    who, host = numbers[ENROLLED:], scores[ENROLLED:].argmax(axis=1)
    moves = moves_of_fpir(returned, alone, who, host, np.arange(ENROLLED), ENROLLED + STRANGERS)
    plain = np.array([returned_without(scores, limit, person, numbers) for person in range(ENROLLED + STRANGERS)])
    for part in (slice(0, ENROLLED), slice(ENROLLED, None)):
        np.testing.assert_allclose(moves.each[part], plain[part] - plain[part].mean(), atol=1e-9)
    assert moves.subjects == ENROLLED + STRANGERS and moves.effective == ENROLLED
    counts = np.zeros((STRANGERS, ENROLLED))
    for one, stranger, enrolled in zip(alone, who - ENROLLED, host, strict=True):
        counts[stranger, enrolled] += one
    by_pair = ((counts - counts.mean()) ** 2).sum()
    assert moves.twice == pytest.approx(by_pair / len(who) ** 2)


def test_one_enrolled_person_whom_all_strangers_find_widens_the_interval() -> None:
    """Each stranger searches once; ten find somebody: ten different people, or always the same one."""
    who, returned = np.arange(100), np.arange(100) < 10
    enrolled = 100 + np.arange(50)
    spread = moves_of_fpir(returned, returned, who, np.append(enrolled, enrolled), enrolled, 150)
    lamb = moves_of_fpir(returned, returned, who, np.full(100, 100), enrolled, 150)
    usual, wide = (fpir_of_moves(returned, who, moves) for moves in (spread, lamb))
    assert usual.value == wide.value == pytest.approx(0.1)
    assert wide.high > 1.3 * usual.high and wide.low < usual.low
    assert usual.interval is not None


def test_a_gallery_of_a_few_people_has_no_interval_but_the_number_that_is_missing() -> None:
    who, returned, enrolled = np.arange(100), np.arange(100) < 10, 100 + np.arange(12)
    found = fpir_of_moves(returned, who, moves_of_fpir(returned, returned, who, 100 + who % 12, enrolled, 112))
    assert found.interval is None and found.missing == 20 - 12


def test_where_nobody_is_returned_the_upper_end_is_the_rule_of_three() -> None:
    who, nothing = np.arange(60), np.zeros(60, bool)
    moves = moves_of_fpir(nothing, nothing, who, np.full(60, 60), 60 + np.arange(40), 100)
    found = fpir_of_moves(nothing, who, moves)
    assert (found.value, found.low) == (0.0, 0.0) and found.high == pytest.approx(3 / 60)


def test_moves_are_in_the_order_of_the_people_that_were_named() -> None:
    """So those of two galleries, which share who searches and not who is enrolled, can be added."""
    embeddings, numbers = world(2)
    chosen = SearchSet(np.arange(ENROLLED), np.arange(ENROLLED, len(numbers)), np.arange(ENROLLED))
    embeddings = np.concatenate([embeddings, embeddings[:ENROLLED] + 0.2])
    own = np.arange(len(numbers), len(embeddings))
    numbers = 3 * np.append(numbers, np.arange(ENROLLED))
    chosen = SearchSet(chosen.gallery, np.append(chosen.probes, own), 3 * chosen.known)
    alone, among = (
        search(embeddings, numbers, "cosine", chosen, [ENROLLED], people=people)[0].points[0].moves
        for people in (None, np.arange(3 * (ENROLLED + STRANGERS) + 5))
    )
    assert alone.each.any() and len(alone.each) == ENROLLED + STRANGERS
    np.testing.assert_allclose(among.each[::3][: len(alone.each)], alone.each)
    assert np.count_nonzero(among.each) == np.count_nonzero(alone.each)
