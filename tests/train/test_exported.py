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
