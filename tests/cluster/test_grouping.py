"""Faces into groups: everybody once, strangers alone, nobody outside of the scope founds a group."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mien.cluster.grouping import Grouping, group_faces
from mien.cluster.strictness import Strictness
from mien.scope import Doubt

DOUBT = (Doubt(code="mask", value=0.9, rate=None, holds=False, fmr=None),)


def grouped(people, strict: Strictness, doubtful: list[int] | None = None, **options) -> Grouping:
    doubts = [DOUBT if place in (doubtful or []) else () for place in range(len(people.owner))]
    return group_faces(people.faces, people.images, "l2", strict, doubts=doubts, **options)


def test_people_are_found_and_strangers_stay_alone(crowd: Callable, strict: Strictness) -> None:
    people = crowd([8, 5, 3, 2, 1, 1, 1])
    found = grouped(people, strict)
    assert [len(group.faces) for group in found.groups] == [8, 5, 3, 2]
    for group in found.groups:
        assert len(set(people.owner[list(group.faces)])) == 1
    assert sorted(face for group in found.groups for face in group.faces) == sorted(
        set(range(21)) - {one.face for one in found.unassigned}
    )
    assert len(found.unassigned) == 3 and [group.name for group in found.groups[:2]] == ["person-001", "person-002"]
    for place, one in enumerate(found.faces):
        assert one.face == place and (one.group is None) == (one.certainty is None)
        if one.group is not None:
            assert place in found.groups[one.group].faces and 0.9 < (one.certainty or 0) <= 1


def test_the_surest_faces_come_first_and_a_group_is_as_sure_as_its_faces(crowd: Callable, strict: Strictness) -> None:
    found = grouped(crowd([12, 9], spread=0.08), strict)
    for group in found.groups:
        sure = [found.faces[face].certainty for face in group.faces]
        assert sure == sorted(sure, key=lambda value: -(value or 0)) and group.certainty == pytest.approx(
            np.mean(sure)
        )


def test_faces_outside_of_the_scope_join_groups_and_found_none(crowd: Callable, strict: Strictness) -> None:
    people = crowd([6, 4, 3])
    large, small = np.flatnonzero(people.owner == 0), np.flatnonzero(people.owner == 2)
    doubtful = [int(large[0]), *small.tolist()]
    found = grouped(people, strict, doubtful)
    assert sorted(len(group.faces) for group in found.groups) == [4, 6]
    joined = found.faces[int(large[0])]
    assert joined.group == 0 and joined.doubts == DOUBT
    assert {one.face for one in found.unassigned} == set(small.tolist())
    demanded = grouped(people, strict, doubtful, join_outsiders=False)
    assert demanded.faces[int(large[0])].group is None


def test_two_faces_of_one_image_are_in_two_groups(crowd: Callable, strict: Strictness) -> None:
    people = crowd([6, 6])
    one = np.flatnonzero(people.owner == 0)
    people.images[one[1]] = people.images[one[0]]
    found = grouped(people, strict)
    first, second = (found.faces[int(face)].group for face in one[:2])
    assert first != second or first is None
    # Nor does a face outside of the scope join the group of its neighbour.
    doubtful = grouped(people, strict, [int(one[1])])
    assert doubtful.faces[int(one[1])].group is None


def test_groups_of_fewer_faces_are_not_written(crowd: Callable, strict: Strictness) -> None:
    found = grouped(crowd([5, 2]), strict, min_faces=3)
    assert [len(group.faces) for group in found.groups] == [5] and len(found.unassigned) == 2


def test_a_group_that_may_be_the_same_person_is_named(crowd: Callable, strict: Strictness) -> None:
    people = crowd([6, 6, 6], spread=0.04)
    near = people.owner == 1
    middle = people.embeddings[people.owner == 0].mean(axis=0)
    moved = middle + np.full(32, 0.58 / np.sqrt(32), np.float32)
    people.embeddings[near] += moved - people.embeddings[near].mean(axis=0)
    strict = replace(strict, join=0.65, join_fmr=10 ** float(strict.curve.log_rates(np.float32([0.65]))[0]))
    found = grouped(people, strict)
    assert len(found.groups) == 3
    pairs = {place: group.perhaps for place, group in enumerate(found.groups) if group.perhaps is not None}
    assert len(pairs) == 2 and all(pairs[other] == place for place, other in pairs.items())


def test_no_faces_no_groups(strict: Strictness) -> None:
    found = group_faces([], np.empty(0, np.int64), "l2", strict, doubts=[])
    assert found.groups == () and found.faces == () and found.unassigned == []


def test_the_same_album_gives_the_same_groups(crowd: Callable, strict: Strictness) -> None:
    people = crowd([9, 7, 4, 2, 2, 1], spread=0.1)
    assert grouped(people, strict) == grouped(people, strict)
