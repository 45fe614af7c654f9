"""Weights of detectors: recognized, or refused in one sentence."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.errors import CheckpointError  # noqa: E402
from mien.train.detectors.registry import DETECTORS  # noqa: E402
from mien.train.detectors.weights import read_detector  # noqa: E402


def test_foreign_weights_that_do_not_fit_are_told(tmp_path: Path) -> None:
    state = dict(DETECTORS["retinaface-mnet025"].build().state_dict())
    state["fpn.output1.0.weight"] = torch.zeros(3, 3)
    torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}}, tmp_path / "bad.pth")
    with pytest.raises(CheckpointError, match=r"retinaface-mnet025, but fpn\.output1\.0\.weight"):
        read_detector(tmp_path / "bad.pth")
