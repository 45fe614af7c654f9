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
