"""Thresholds chosen on one half of the subjects and scored on the other."""

import numpy as np
import pytest

from mien.errors import GalleryError
from mien.evaluate.calibrate import calibrate
from mien.types import floats


def world(subjects: int, seed: int = 0) -> tuple[np.ndarray, list[str]]:
    generator = np.random.default_rng(seed)
    names = [f"s{n:04d}" for n in range(subjects) for _ in range(2)]
    centres = np.repeat(generator.normal(size=(subjects, 8)), 2, axis=0)
    return floats(centres + generator.normal(0, 0.4, centres.shape)), names


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_thresholds_hold_on_other_subjects(metric: str) -> None:
    rows = calibrate(*world(400), metric, "a made world")
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
    changed[numbers % 2 == 1] *= 1.7
    before, after = calibrate(vectors, names, "l2", "x"), calibrate(changed, names, "l2", "x")
    assert [row.value for row in before] == [row.value for row in after]
    assert before[0].fmr_interval != after[0].fmr_interval


def test_rates_that_the_data_cannot_show_are_left_out() -> None:
    assert [row.fmr for row in calibrate(*world(60), "l2", "x")] == [1e-2]


def test_too_few_subjects_are_refused() -> None:
    with pytest.raises(GalleryError, match="3 subjects are too few"):
        calibrate(*world(3), "l2", "x")


def test_without_mated_pairs_there_is_no_fnmr() -> None:
    vectors, _ = world(200)
    row = calibrate(vectors, [f"s{n}" for n in range(len(vectors))], "l2", "x")[0]
    assert row.fnmr is None and row.fmr_interval is not None
