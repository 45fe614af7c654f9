"""What exports share: how near the file has to be to the network, and where checkpoints are."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import CheckpointError  # noqa: E402
from mien.train.exported import find_checkpoint, min_cosine, require_parity  # noqa: E402


def test_a_file_is_kept_from_a_cosine_of_four_nines_on() -> None:
    assert "0.999901" in require_parity("a", 0.999901, "64 crops", half=False).figure
    with pytest.raises(CheckpointError, match=r"on 64 crops .* cosine of 0\.999890 .*not kept$"):
        require_parity("a", 0.99989, "64 crops", half=False)
    with pytest.raises(CheckpointError, match="leave --half out"):
        require_parity("a", 0.5, "64 crops", half=True)


def test_the_worst_row_counts() -> None:
    here = np.array([[3, 4], [1, 0]], np.float32)
    there = np.array([[6, 8], [1, 1]], np.float32)
    assert min_cosine(here, there) == pytest.approx(0.5**0.5)


def test_a_run_without_a_checkpoint_says_how_to_continue(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(CheckpointError, match="has no checkpoint yet; continue with `mien train"):
        find_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match="does not exist"):
        find_checkpoint(tmp_path / "absent")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_file_whose_answer_is_no_number_has_no_parity(value: float) -> None:
    """`minimum cosine nan` was not smaller than the limit, so the file was kept as ready."""
    good = np.ones((3, 8), np.float32)
    bad = good.copy()
    bad[1, 2] = value
    parity = min([min_cosine(good, good), min_cosine(good, bad), min_cosine(good, good)])
    for one in (parity, float("nan")):
        with pytest.raises(CheckpointError, match="it is not kept"):
            require_parity("net", one, "3 crops", half=False)
    assert require_parity("net", min_cosine(good * 3e38, good * 3e38), "3 crops", half=False)
