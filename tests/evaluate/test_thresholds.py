"""Thresholds chosen on one half of the subjects and scored on the other."""

import numpy as np
import pytest

from mien.errors import ManifestError
from mien.evaluate.thresholds import choose_thresholds, halves_of
from mien.types import floats


def world(subjects: int, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    generator = np.random.default_rng(seed)
    names = [f"s{n:04d}" for n in range(subjects) for _ in range(2)]
    centres = np.repeat(generator.normal(size=(subjects, 8)), 2, axis=0)
    return floats(centres + generator.normal(0, 0.4, centres.shape)), names


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_thresholds_hold_on_other_subjects(metric: str) -> None:
    rows = choose_thresholds(*world(400), metric, "a made world").rows
    assert [row.fmr for row in rows] == [1e-2, 1e-3, 1e-4][: len(rows)] and len(rows) >= 2
    for row in rows:
        assert row.fmr_interval is not None and row.fmr_interval[0] <= row.fmr * 2.5
        assert row.fmr_interval[1] >= row.fmr / 2.5
        assert row.fnmr is not None and row.fnmr_interval is not None
        assert row.fnmr_interval[0] <= row.fnmr <= row.fnmr_interval[1]
        assert "chosen on 200 subjects, scored on 200 others" in row.protocol


def test_the_first_half_alone_chooses() -> None:
    """Samples of the second half may change at will: the threshold stays."""
    vectors, names = world(400)
    changed = vectors.copy()
    numbers = np.unique(names, return_inverse=True)[1]
    changed[halves_of(400)[numbers] == 1] *= 1.7
    before, after = (choose_thresholds(each, names, "l2", "x").rows for each in (vectors, changed))
    assert [row.value for row in before] == [row.value for row in after]
    assert before[0].fmr_interval != after[0].fmr_interval


def test_halves_of_twenty_people_have_no_interval_but_say_how_many_people_are_missing() -> None:
    vectors, names = world(40)
    (row,) = choose_thresholds(vectors, names, "l2", "x", rates=(0.1,)).rows
    assert row.fmr_measured is not None and row.fmr_interval is None and row.missing_people == 10
    assert row.fnmr is not None and row.fnmr_interval is not None, "one person each: 20 are enough"
    groups = ["small" if number < 20 else "large" for number in np.unique(names, return_inverse=True)[1]]
    (known,) = choose_thresholds(*world(140), "l2", "x", rates=(0.1,), strata=groups + ["large"] * 200).rows
    assert known.strata is not None and set(known.strata) == {"large | large"}, "ten small ones say little"


def test_rates_that_the_data_cannot_show_are_refused_with_what_it_takes() -> None:
    found = choose_thresholds(*world(60), "l2", "x")
    assert [row.fmr for row in found.rows] == [1e-2] and set(found.refused) == {1e-3, 1e-4}
    sentence = found.refused[1e-3].text("en")
    assert "half of the subjects make 1,740 non-mated comparisons" in sentence
    more = int(sentence.split("about ")[1].split()[0])
    assert 1e-3 not in choose_thresholds(*world(60 + more), "l2", "x").refused
    assert 1e-3 in choose_thresholds(*world(60 + more - 8), "l2", "x").refused


def test_the_halves_are_even_and_do_not_follow_the_names() -> None:
    side = halves_of(1001)
    assert (side == 0).sum() == 501 and (side == 1).sum() == 500
    assert 200 < (side[::2] == 0).sum() < 300, "every other name is in either half"


def test_too_few_subjects_are_refused() -> None:
    with pytest.raises(ManifestError, match="3 subjects cannot be halved"):
        choose_thresholds(*world(3), "l2", "x")
    with pytest.raises(ManifestError, match=r"a false match rate of 0\.01 cannot be shown"):
        choose_thresholds(*world(20), "l2", "x")


def test_without_mated_pairs_there_is_no_fnmr() -> None:
    vectors, _ = world(200)
    row = choose_thresholds(vectors, [f"s{n}" for n in range(len(vectors))], "l2", "x").rows[0]
    assert row.fnmr is None and row.fmr_interval is not None


def test_strata_are_scored_on_the_second_half() -> None:
    vectors, names = world(300)
    strata = ["child" if int(name[1:]) % 5 == 0 else "adult" for name in names]
    found = choose_thresholds(vectors, names, "cosine", "x", strata=strata)
    assert len(found.strata) == len(found.rows) and {(s.a, s.b) for s in found.strata[0]} == {
        ("adult", "adult"),
        ("adult", "child"),
        ("child", "child"),
    }
    assert found.rows[0].strata is not None and set(found.rows[0].strata) == {
        "adult | adult",
        "adult | child",
        "child | child",
    }
    assert sum(s.fmr.count for s in found.strata[0]) == 300 * 299 // 2 - 150


def grouped(near: int = 200, far: int = 400) -> tuple[np.ndarray, list[str], list[str]]:
    """People of one group are closer together than those of the other."""
    (close, a), (wide, b) = world(near, 1), world(far, 2)
    vectors = np.concatenate([close * np.float32(0.6), wide + np.float32(0.5)])
    names = [f"n{name}" for name in a] + [f"w{name}" for name in b]
    return floats(vectors), names, ["near"] * len(a) + ["wide"] * len(b)


def test_the_worst_group_can_choose_and_everybodys_misses_are_its_price() -> None:
    vectors, names, strata = grouped()
    usual = choose_thresholds(vectors, names, "l2", "x", (1e-2, 1e-3), strata)
    worst = choose_thresholds(vectors, names, "l2", "x", (1e-2, 1e-3), strata, for_worst=True)
    assert [row.fmr for row in worst.rows] == [1e-2, 1e-3] and usual.usual == ()
    assert [row.value for row in worst.usual] == [row.value for row in usual.rows]
    for row, before in zip(worst.rows, usual.rows, strict=True):
        assert row.group == "near" and before.group is None and row.value < before.value
        assert before.strata is not None and before.strata["near | near"][1] > row.fmr, "everybody's does not hold"
        assert row.strata is not None and row.fmr_interval is not None
        low, high = row.fmr_interval
        assert low < row.fmr * 2 and high > row.fmr / 2
        assert low == pytest.approx(row.strata["near | near"][1], rel=0.02)
        assert row.fnmr is not None and before.fnmr is not None and row.fnmr > before.fnmr
        assert "within the group near" in row.protocol
    again = choose_thresholds(vectors[:400], names[:400], "l2", "x", (1e-2,), strata[:400], for_worst=True)
    assert again.rows[0].group == "near" and again.rows[0].value == again.usual[0].value


def test_a_rate_that_the_worst_group_cannot_show_is_refused_and_not_left_to_a_better_one() -> None:
    vectors, names, strata = grouped(near=80)
    found = choose_thresholds(vectors, names, "l2", "x", (1e-2, 1e-3), strata, for_worst=True)
    assert [(row.fmr, row.group) for row in found.rows] == [(1e-2, "near")] and set(found.refused) == {1e-3}
    everybody = choose_thresholds(vectors, names, "l2", "x", (1e-2, 1e-3), strata)
    assert len(everybody.rows) == 2


def test_a_better_group_that_is_too_small_has_no_say_and_is_named() -> None:
    vectors, names, strata = grouped(near=300, far=20)
    found = choose_thresholds(vectors, names, "l2", "x", (1e-2,), strata, for_worst=True)
    assert [row.group for row in found.rows] == ["near"] and found.unheard == ((1e-2, "wide"),)


def test_without_groups_there_is_no_worst_one() -> None:
    vectors, names, _ = grouped(near=80)
    with pytest.raises(ManifestError, match="no groups are known"):
        choose_thresholds(vectors, names, "l2", "x", for_worst=True)
