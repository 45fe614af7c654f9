"""The table of detectors that can be trained."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs torch: pip install '.[train]'")

from mien.train.detectors.registry import DETECTORS  # noqa: E402


@pytest.mark.parametrize("name", ["scrfd-500m", "scrfd-2.5g"])
def test_a_new_scrfd_scores_one_percent_everywhere(name: str) -> None:
    torch.manual_seed(0)
    network = DETECTORS[name].build().train()
    with torch.no_grad():
        scores = torch.cat(network.activated(network(torch.randn(2, 3, 128, 128)))[:3], dim=1)
    assert float(scores.mean()) == pytest.approx(0.01, rel=0.2)


def test_a_mark_is_a_weight_of_one_detector_alone() -> None:
    with torch.device("meta"):
        names = {name: set(kind.build().state_dict()) for name, kind in DETECTORS.items()}
    marks = {name: kind.mark for name, kind in DETECTORS.items() if kind.mark}
    assert len(marks) == 2
    for owner, mark in marks.items():
        assert [name for name, weights in names.items() if mark in weights] == [owner]


def test_the_guide_lists_every_detector() -> None:
    guide = (Path(__file__).resolve().parents[3] / "docs" / "guide" / "detection.md").read_text(encoding="utf-8")
    assert [name for name in DETECTORS if f"`{name}`" not in guide] == []
